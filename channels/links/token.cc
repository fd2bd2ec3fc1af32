#include "channels/links/token.h"

#include <sodium.h>

#include <cstring>
#include <limits>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

constexpr unsigned char kVersion = 1;
constexpr unsigned char kVersionWithPurpose = 2;
constexpr size_t kMacBytes = 16;
constexpr size_t kHeaderBytes = 3;  // Version, key id, purpose.
constexpr size_t kNameBytesMax = 255;
constexpr size_t kTargetBytesMax = 2'048;
constexpr size_t kPurposeBytesMax = 63;
constexpr size_t kTokenTextMax = 4'096;

using Mac = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Mac Authenticate(const LinkKey& key, std::string_view bytes) {
  Mac mac;
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.secret.data(), key.secret.size());
  crypto_auth_hmacsha256_update(&state, Bytes(bytes), bytes.size());
  crypto_auth_hmacsha256_final(&state, mac.data());
  return mac;
}

// LEB128, shortest form only: one number, one encoding.
void PutNumber(uint32_t number, std::string& out) {
  while (number >= 0x80) {
    out.push_back(static_cast<char>((number & 0x7Fu) | 0x80u));
    number >>= 7;
  }
  out.push_back(static_cast<char>(number));
}

void PutText(std::string_view text, std::string& out) {
  PutNumber(static_cast<uint32_t>(text.size()), out);
  out += text;
}

// Reads fields from the front of `rest`; false at the first that is malformed.
class FieldReader {
 public:
  explicit FieldReader(std::string_view rest) : rest_(rest) {}

  bool Byte(unsigned char* out) {
    if (rest_.empty()) return false;
    *out = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return true;
  }

  bool Number(uint32_t* out) {
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      unsigned char byte = 0;
      if (!Byte(&byte)) return false;
      number |= static_cast<uint64_t>(byte & 0x7Fu) << shift;
      if ((byte & 0x80u) != 0) continue;
      if (shift > 0 && byte == 0) return false;  // Not the shortest form.
      *out = static_cast<uint32_t>(number);
      return number <= std::numeric_limits<uint32_t>::max();
    }
    return false;
  }

  bool Fixed64(uint64_t* out) {
    *out = 0;
    for (int i = 0; i < 8; ++i) {
      unsigned char byte = 0;
      if (!Byte(&byte)) return false;
      *out = *out << 8 | byte;
    }
    return true;
  }

  bool Text(size_t size_max, std::string* out) {
    uint32_t size = 0;
    if (!Number(&size) || size > size_max || size > rest_.size()) return false;
    *out = std::string(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }

  bool AtEnd() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::string EncodeFields(const LinkToken& token, unsigned char key_id) {
  std::string bytes;
  bytes.push_back(
      static_cast<char>(token.consent_purpose.empty() ? kVersion : kVersionWithPurpose));
  bytes.push_back(static_cast<char>(key_id));
  bytes.push_back(static_cast<char>(token.purpose));
  bytes.push_back(static_cast<char>(token.channel));
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(token.customer.value() >> shift & 0xFFu));
  }
  PutText(token.campaign, bytes);
  PutNumber(token.cycle, bytes);
  PutText(token.cell, bytes);
  PutText(token.step, bytes);
  PutNumber(token.occurrence, bytes);
  PutNumber(token.link_number, bytes);
  PutText(token.target, bytes);
  if (!token.consent_purpose.empty()) PutText(token.consent_purpose, bytes);
  return bytes;
}

bool IsConsentPurpose(std::string_view text) {
  return !text.empty() && text.size() <= kPurposeBytesMax &&
         text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string_view::npos;
}

bool DecodeFields(std::string_view fields, unsigned char version, LinkToken* token) {
  FieldReader reader(fields);
  unsigned char channel = 0;
  uint64_t customer = 0;
  const bool read =
      reader.Byte(&channel) && reader.Fixed64(&customer) &&
      reader.Text(kNameBytesMax, &token->campaign) && reader.Number(&token->cycle) &&
      reader.Text(kNameBytesMax, &token->cell) && reader.Text(kNameBytesMax, &token->step) &&
      reader.Number(&token->occurrence) && reader.Number(&token->link_number) &&
      reader.Text(kTargetBytesMax, &token->target) &&
      (version == kVersion || (reader.Text(kPurposeBytesMax, &token->consent_purpose) &&
                               IsConsentPurpose(token->consent_purpose))) &&
      reader.AtEnd();
  if (!read || channel < 1 || channel > static_cast<unsigned char>(LinkChannel::kWeb)) return false;
  token->channel = static_cast<LinkChannel>(channel);
  token->customer = CustomerId(customer);
  return true;
}

std::string ToBase64(std::string_view bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), Bytes(bytes), bytes.size(), kVariant);
  text.pop_back();  // The terminating NUL.
  return text;
}

// The bytes of `text`; nothing unless it is the one text that ToBase64 writes for them.
bool FromBase64(std::string_view text, std::string* bytes) {
  bytes->assign(text.size() / 4 * 3 + 3, '\0');
  size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes->data()), bytes->size(), text.data(),
                        text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text.data() + text.size()) {
    return false;
  }
  bytes->resize(size);
  return ToBase64(*bytes) == text;
}

absl::Status NotOurs() { return absl::NotFoundError("this link is not valid"); }

}  // namespace

LinkKey DeriveLinkKey(const InstanceKey& instance_key, uint8_t id) {
  LinkKey key;
  key.id = id;
  const std::string label = absl::StrFormat("rondo link key %d", id);
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, instance_key.data(), instance_key.size());
  crypto_auth_hmacsha256_update(&state, Bytes(label), label.size());
  crypto_auth_hmacsha256_final(&state, key.secret.data());
  return key;
}

absl::StatusOr<LinkTokens> LinkTokens::Create(std::vector<LinkKey> live) {
  if (live.empty() || live.size() > 2) {
    return FieldError("link_keys", "one or two keys are live at a time");
  }
  if (live.size() == 2 && live[0].id == live[1].id) {
    return FieldError("link_keys", "the two keys must have different ids");
  }
  return LinkTokens(std::move(live));
}

absl::StatusOr<std::string> LinkTokens::Sign(const LinkToken& token) const {
  FieldViolations violations;
  if (token.campaign.size() > kNameBytesMax) violations.Add("campaign", "at most 255 bytes");
  if (token.cell.size() > kNameBytesMax) violations.Add("cell", "at most 255 bytes");
  if (token.step.size() > kNameBytesMax) violations.Add("step", "at most 255 bytes");
  const bool click = token.purpose == LinkPurpose::kClick;
  if (!click && (token.link_number != 0 || !token.target.empty())) {
    violations.Add("target", "only a click has one");
  }
  if (!token.consent_purpose.empty() &&
      (token.purpose != LinkPurpose::kUnsubscribe || !IsConsentPurpose(token.consent_purpose))) {
    violations.Add("consent_purpose",
                   "only a way out has one: at most 63 lower-case letters, digits, hyphens and "
                   "underscores");
  }
  RONDO_RETURN_IF_ERROR(violations.ToStatus());
  if (click) RONDO_RETURN_IF_ERROR(CheckLinkTarget(token.target));
  std::string bytes = EncodeFields(token, live_.front().id);
  const Mac mac = Authenticate(live_.front(), bytes);
  bytes.append(reinterpret_cast<const char*>(mac.data()), kMacBytes);
  return ToBase64(bytes);
}

absl::StatusOr<LinkToken> LinkTokens::Verify(std::string_view text, LinkPurpose purpose) const {
  std::string bytes;
  if (text.size() > kTokenTextMax || !FromBase64(text, &bytes) ||
      bytes.size() < kHeaderBytes + kMacBytes) {
    return NotOurs();
  }
  const std::string_view signed_part = std::string_view(bytes).substr(0, bytes.size() - kMacBytes);
  bool authentic = false;
  for (const LinkKey& key : live_) {
    const Mac mac = Authenticate(key, signed_part);
    const bool same = sodium_memcmp(mac.data(), Bytes(bytes) + signed_part.size(), kMacBytes) == 0;
    authentic |= same && key.id == static_cast<unsigned char>(bytes[1]);
  }
  const auto version = static_cast<unsigned char>(bytes[0]);
  const bool is_known = version == kVersion ||
                        (version == kVersionWithPurpose && purpose == LinkPurpose::kUnsubscribe);
  if (!authentic || !is_known ||
      static_cast<unsigned char>(bytes[2]) != static_cast<unsigned char>(purpose)) {
    return NotOurs();
  }
  LinkToken token;
  token.purpose = purpose;
  if (!DecodeFields(signed_part.substr(kHeaderBytes), version, &token)) return NotOurs();
  // The signer checked it; whoever redirects must be able to rely on it even so.
  if (purpose == LinkPurpose::kClick && !CheckLinkTarget(token.target).ok()) return NotOurs();
  return token;
}

}  // namespace rondo
