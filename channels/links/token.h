// Signed tokens: what a link in a message says about the contact that it belongs to.
//
// A token is base64url (no padding) of: version byte, key id, purpose, the fields, and 16 bytes of
// HMAC-SHA-256 over everything before. Version 2 is version 1 and a consent purpose; a token
// without one is version 1, so that links of older messages hold. A token of one purpose is refused
// for another, and each set of fields has exactly one text: nothing but the canonical encoding
// verifies. Tokens hold no address and no name: the customer's id is a keyed hash.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/core/hash.h"
#include "platform/core/id.h"

namespace rondo {

enum class LinkPurpose : uint8_t {
  kOpen = 1,
  kClick = 2,
  kUnsubscribe = 3,
  kWebOffer = 4,
  kReceipt = 5,  // What an SMS gateway calls when it knows what became of a message.
};

enum class LinkChannel : uint8_t { kEmail = 1, kSms = 2, kWeb = 3 };

struct LinkToken {
  LinkPurpose purpose = LinkPurpose::kOpen;
  LinkChannel channel = LinkChannel::kEmail;
  CustomerId customer;
  std::string campaign;  // Resource name, at most 255 bytes.
  uint32_t cycle = 0;
  std::string cell;  // At most 255 bytes.
  std::string step;  // At most 255 bytes; empty outside journeys.
  uint32_t occurrence = 0;
  uint32_t link_number = 0;  // From 1 in the order of the body; 0 if the purpose is not kClick.
  std::string target;        // kClick: where to go, at most 2,048 bytes. Else empty.
  // kUnsubscribe: what consent is withdrawn for, at most 63 lower-case letters, digits, hyphens and
  // underscores; empty for `marketing`. Else empty.
  std::string consent_purpose;

  friend bool operator==(const LinkToken&, const LinkToken&) = default;
};

struct LinkKey {
  uint8_t id = 0;
  std::array<unsigned char, 32> secret{};
};

// The instance's link key number `id`: HMAC-SHA-256 of the instance key, so that whoever writes
// links and whoever reads them need not exchange anything.
LinkKey DeriveLinkKey(const InstanceKey& instance_key, uint8_t id);

// Immutable; thread-safe.
class LinkTokens {
 public:
  // `live` holds one or two keys with different ids: the first signs, all verify (rotation).
  static absl::StatusOr<LinkTokens> Create(std::vector<LinkKey> live);

  // INVALID_ARGUMENT, naming the field, for a token that breaks a limit above or whose target is
  // not a plain http(s) address (CheckLinkTarget).
  absl::StatusOr<std::string> Sign(const LinkToken& token) const;

  // The token, if `text` was signed by a live key for `purpose`. NOT_FOUND, always with the same
  // message, for anything else; the comparison takes the same time wherever the bytes differ.
  absl::StatusOr<LinkToken> Verify(std::string_view text, LinkPurpose purpose) const;

 private:
  explicit LinkTokens(std::vector<LinkKey> live) : live_(std::move(live)) {}
  std::vector<LinkKey> live_;
};

// OK for an absolute http or https address with a host, without user name and without control
// characters, spaces or backslashes, at most 2,048 bytes. INVALID_ARGUMENT with the reason
// otherwise.
absl::Status CheckLinkTarget(std::string_view url);

}  // namespace rondo
