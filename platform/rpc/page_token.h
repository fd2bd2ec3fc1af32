// Page tokens of list RPCs (AIP-158): opaque, signed, and good only for the request that they
// answer.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "platform/core/hash.h"

namespace rondo {

// Thread-safe.
class PageTokens {
 public:
  explicit PageTokens(const InstanceKey& key) : key_(key) {}

  // The token that continues `request` at `cursor` (any bytes: the store's next key). Empty for an
  // empty cursor: there is no next page.
  std::string Encode(const google::protobuf::Message& request, std::string_view cursor) const;

  // The cursor in the request's field `page_token`; empty for its first page. INVALID_ARGUMENT
  // unless the token was made here for a request that is equal but for `page_size` and
  // `page_token`.
  absl::StatusOr<std::string> Decode(const google::protobuf::Message& request) const;

 private:
  InstanceKey key_;
};

// `page_size` as asked, brought into [1, max]; `default_size` if 0. INVALID_ARGUMENT if negative.
absl::StatusOr<int> PageSize(int asked, int default_size, int max);

}  // namespace rondo
