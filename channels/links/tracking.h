// The links of one message: rewritten so that clicks and opens come back, and the way out of the
// list.
//
//   BASE/t/c/TOKEN       a click; the target is inside the signed token, never a parameter
//   BASE/t/o/TOKEN.gif   the open pixel
//   BASE/t/u/TOKEN       unsubscribe (RFC 8058: only a POST acts)
//   BASE/t/dlr/TOKEN     delivery receipts of an SMS gateway
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "channels/links/token.h"

namespace rondo {

// The tracked addresses of one contact. Keeps references to nothing but `tokens`, which must
// outlive it. Thread-compatible.
class ContactLinks {
 public:
  // `base_url` is the public address of the gateway, without a final slash:
  // `https://go.example.com`. `contact` gives all fields but purpose, link_number and target.
  // INVALID_ARGUMENT for a base that CheckLinkTarget refuses or that holds a query or fragment.
  static absl::StatusOr<ContactLinks> Create(std::string_view base_url, const LinkTokens& tokens,
                                             LinkToken contact);

  absl::StatusOr<std::string> ClickUrl(uint32_t link_number, std::string_view target) const;
  absl::StatusOr<std::string> OpenPixelUrl() const;
  absl::StatusOr<std::string> UnsubscribeUrl() const;
  absl::StatusOr<std::string> ReceiptUrl() const;

  // `html` with the href of each `a` and `area` that is a plain http(s) address replaced by its
  // click address, and the open pixel before the end of the body. Everything else is byte for byte
  // as it was. Addresses below BASE/t/ are left alone: they are ours already.
  absl::StatusOr<std::string> TrackHtml(std::string_view html) const;

  // `text` with each http(s) address replaced by its click address. A full stop, comma, closing
  // bracket or the like right after an address is not part of it.
  absl::StatusOr<std::string> TrackText(std::string_view text) const;

 private:
  ContactLinks(std::string base_url, const LinkTokens& tokens, LinkToken contact)
      : base_url_(std::move(base_url)), tokens_(&tokens), contact_(std::move(contact)) {}
  bool IsOurs(std::string_view url) const;
  absl::StatusOr<std::string> Url(std::string_view kind, LinkPurpose purpose) const;

  std::string base_url_;
  const LinkTokens* tokens_;
  LinkToken contact_;
};

}  // namespace rondo
