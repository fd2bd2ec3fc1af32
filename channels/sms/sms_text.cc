#include "channels/sms/sms_text.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <optional>

#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

constexpr size_t kPartsMax = 255;  // TS 23.040, 9.2.3.24.1: one byte counts the parts.

// TS 23.038, 6.2.1: the default alphabet beyond ASCII, and what of ASCII it lacks.
constexpr std::u32string_view kBeyondAscii = U"£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
constexpr std::u32string_view kMissingAscii = U"`\t\b\v\a";
// TS 23.038, 6.2.1.1: these take an escape before them.
constexpr std::u32string_view kEscaped = U"^{}\\[~]|€\f";

// Septets of a character; 0 if the alphabet lacks it.
int Gsm7Units(char32_t c) {
  if (kEscaped.find(c) != std::u32string_view::npos) return 2;
  if (kBeyondAscii.find(c) != std::u32string_view::npos) return 1;
  const bool ascii = (c >= 0x20 && c < 0x7F) || c == '\n' || c == '\r';
  return ascii && kMissingAscii.find(c) == std::u32string_view::npos ? 1 : 0;
}

int Ucs2Units(char32_t c) { return c > 0xFFFF ? 2 : 1; }

struct Character {
  char32_t code = 0;
  size_t bytes = 0;
};

// The characters of `text`; nothing for invalid UTF-8.
std::optional<std::vector<Character>> Characters(std::string_view text) {
  std::vector<Character> characters;
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t at = 0; at < size;) {
    const int32_t begin = at;
    UChar32 code = 0;
    U8_NEXT(text.data(), at, size, code);
    if (code < 0) return std::nullopt;
    characters.push_back({static_cast<char32_t>(code), static_cast<size_t>(at - begin)});
  }
  return characters;
}

}  // namespace

absl::StatusOr<SmsSegments> SegmentSms(std::string_view text) {
  const auto characters = Characters(text);
  if (!characters.has_value()) return FieldError("text", "must be UTF-8");
  SmsSegments segments;
  for (const Character& c : *characters) {
    if (c.code == 0) return FieldError("text", "must not hold NUL");
    if (Gsm7Units(c.code) == 0) segments.alphabet = SmsAlphabet::kUcs2;
  }
  const bool gsm7 = segments.alphabet == SmsAlphabet::kGsm7;
  const auto units_of = [gsm7](char32_t c) { return gsm7 ? Gsm7Units(c) : Ucs2Units(c); };
  for (const Character& c : *characters) segments.units += units_of(c.code);
  const int single_max = gsm7 ? 160 : 70;
  const int part_max = segments.units <= single_max ? single_max : gsm7 ? 153 : 67;
  segments.parts.emplace_back();
  int units = 0;
  size_t at = 0;
  for (const Character& c : *characters) {
    if (units + units_of(c.code) > part_max) {
      segments.parts.emplace_back();
      units = 0;
    }
    units += units_of(c.code);
    segments.parts.back() += text.substr(at, c.bytes);
    at += c.bytes;
  }
  if (segments.parts.size() > kPartsMax) return FieldError("text", "longer than 255 parts");
  return segments;
}

}  // namespace rondo
