// How long an SMS is: its alphabet and its parts (3GPP TS 23.038, TS 23.040).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo {

enum class SmsAlphabet : uint8_t {
  kGsm7,  // 160 septets in one part, 153 in each of several; `€[]{}~^\|` and form feed count two.
  kUcs2,  // 70 units in one part, 67 in each of several; beyond the BMP a character counts two.
};

struct SmsSegments {
  SmsAlphabet alphabet = SmsAlphabet::kGsm7;
  int units = 0;                   // Septets or UCS-2 units in all.
  std::vector<std::string> parts;  // UTF-8; at least one, even of an empty text.
};

// INVALID_ARGUMENT for invalid UTF-8, NUL, or more than 255 parts. No part splits an escape
// sequence or a surrogate pair.
absl::StatusOr<SmsSegments> SegmentSms(std::string_view text);

}  // namespace rondo
