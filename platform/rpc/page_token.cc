#include "platform/rpc/page_token.h"

#include "absl/strings/escaping.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

constexpr size_t kSignatureBytes = 8;
constexpr size_t kTokenBytesMax = 4096;

// What must be the same in all requests of one walk through the pages.
std::string Parameters(const google::protobuf::Message& request) {
  const std::unique_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  for (const char* name : {"page_size", "page_token"}) {
    const google::protobuf::FieldDescriptor* field = copy->GetDescriptor()->FindFieldByName(name);
    if (field != nullptr) copy->GetReflection()->ClearField(copy.get(), field);
  }
  std::string bytes = std::string(request.GetDescriptor()->full_name()) + '\0';
  google::protobuf::io::StringOutputStream out(&bytes);
  google::protobuf::io::CodedOutputStream coded(&out);
  coded.SetSerializationDeterministic(true);
  copy->SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

std::string Signature(const InstanceKey& key, const google::protobuf::Message& request,
                      std::string_view cursor) {
  const std::string parameters = Parameters(request);
  std::string bytes = std::to_string(parameters.size()) + ':' + parameters;
  bytes.append(cursor);
  const uint64_t hash = SipHash(key, bytes);
  std::string signature(kSignatureBytes, '\0');
  for (size_t i = 0; i < kSignatureBytes; ++i) signature[i] = static_cast<char>(hash >> (8 * i));
  return signature;
}

absl::Status Refused() {
  return FieldError(
      "page_token",
      "is not from the last answer to the same request; leave it empty for the first page");
}

}  // namespace

std::string PageTokens::Encode(const google::protobuf::Message& request,
                               std::string_view cursor) const {
  if (cursor.empty()) return {};
  return absl::WebSafeBase64Escape(Signature(key_, request, cursor) + std::string(cursor));
}

absl::StatusOr<std::string> PageTokens::Decode(const google::protobuf::Message& request) const {
  const google::protobuf::FieldDescriptor* field =
      request.GetDescriptor()->FindFieldByName("page_token");
  RONDO_CHECK(field != nullptr && field->type() == google::protobuf::FieldDescriptor::TYPE_STRING);
  const std::string token = request.GetReflection()->GetString(request, field);
  if (token.empty()) return std::string();
  std::string bytes;
  if (token.size() > kTokenBytesMax || !absl::WebSafeBase64Unescape(token, &bytes) ||
      bytes.size() <= kSignatureBytes || absl::WebSafeBase64Escape(bytes) != token) {
    return Refused();
  }
  const std::string cursor = bytes.substr(kSignatureBytes);
  if (Signature(key_, request, cursor) != bytes.substr(0, kSignatureBytes)) return Refused();
  return cursor;
}

absl::StatusOr<int> PageSize(int asked, int default_size, int max) {
  if (asked < 0) return FieldError("page_size", "must not be negative; 0 is the default");
  if (asked == 0) return default_size;
  return std::min(asked, max);
}

}  // namespace rondo
