#include "platform/storage/store.h"

#include <cstring>

#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::storage {
namespace {

constexpr size_t kFirstBytes = 1'024;  // Of a batch; it grows by doubling.

}  // namespace

std::string_view KeepBytes(std::string_view bytes, Batch::Bytes& kept_in) {
  if (bytes.empty()) return {};
  char* const copy = static_cast<char*>(kept_in.allocate(bytes.size(), 1));
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

std::string_view Batch::Keep(std::string_view bytes) {
  if (bytes_ == nullptr) bytes_ = std::make_unique<Bytes>(kFirstBytes);
  return KeepBytes(bytes, *bytes_);
}

KeyRange PrefixRange(std::string_view prefix) {
  KeyRange range{std::string(prefix), std::string(prefix)};
  // The first key beyond: drop trailing FF bytes, add one to the last of the others.
  while (!range.end.empty() && static_cast<unsigned char>(range.end.back()) == 0xff) {
    range.end.pop_back();
  }
  if (!range.end.empty()) ++range.end.back();
  return range;
}

absl::StatusOr<uint64_t> HashOf(const Reader& reader, const KeyRange& range) {
  constexpr InstanceKey kUnkeyed = {};
  uint64_t hash = 0;
  const auto cursor = reader.Scan(range);
  for (; cursor->Valid(); cursor->Next()) {
    KeyBuilder entry;
    entry.U64(hash).U64(cursor->key().size()).Raw(cursor->key()).Raw(cursor->value());
    hash = SipHash(kUnkeyed, entry.view());
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return hash;
}

}  // namespace rondo::storage
