// Lists of codes: what a list must be, and whether a value is one of its codes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "rondo/customer/v1/customer.pb.h"

namespace rondo::customer {

inline constexpr int kMaxCodes = 10'000;
inline constexpr size_t kMaxCodeBytes = 128;
inline constexpr size_t kMaxCodeTitleBytes = 200;
inline constexpr size_t kMaxCodeListBytes = 512 * 1024;
inline constexpr int kMaxCodeLevels = 32;

// INVALID_ARGUMENT, wrong fields named as `code_list.codes[3].parent` (of many the first 20),
// unless the name is one, codes are plain text and unique, parents are codes of the list that lead
// to the top, and all is within the limits above.
absl::Status ValidateCodeList(const rondo::customer::v1::CodeList& list);

// The codes of one list, for checking values. Immutable.
class CodeSet {
 public:
  explicit CodeSet(const rondo::customer::v1::CodeList& list);
  // Of an attribute's own codes.
  explicit CodeSet(const google::protobuf::RepeatedPtrField<std::string>& codes);

  // INVALID_ARGUMENT for `field` unless `code` is in the set: `expected`, and the nearest code. The
  // value itself is not repeated.
  absl::Status Check(std::string_view field, std::string_view code,
                     std::string_view expected) const;

 private:
  std::vector<std::string> codes_;  // Sorted.
};

}  // namespace rondo::customer
