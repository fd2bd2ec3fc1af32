// Cuts a template into text, outputs and tags, and the inside of a tag into tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo::liquid {

struct Piece {
  enum class Kind : uint8_t { kText, kOutput, kTag };
  Kind kind = Kind::kText;
  size_t position = 0;  // Of the first byte of `{{`, `{%` or the text.
  size_t inside_position = 0;
  std::string_view inside;   // Between the delimiters; the text itself.
  bool trim_before = false;  // `{{-`, `{%-`
  bool trim_after = false;   // `-}}`, `-%}`
};

// A place in the source and what is wrong there; ErrorAt makes the status.
struct SourceError {
  size_t position = 0;
  std::string message;
};

// The source from `position` to the end of the next piece. Never empty unless `position` is the
// end. On a `{{` or `{%` that is never closed, fills `error`.
Piece NextPiece(std::string_view source, size_t position, size_t* next, SourceError* error);

// The text from `position` up to the next `{% endraw %}` (in any spacing); `next` is behind that
// tag. On a missing endraw, fills `error`.
Piece NextRaw(std::string_view source, size_t position, size_t* next, SourceError* error);

struct Token {
  enum class Kind : uint8_t { kName, kInteger, kReal, kString, kSymbol, kEnd };
  Kind kind = Kind::kEnd;
  size_t position = 0;
  std::string_view text;  // Without the quotes of a string.
};

// The tokens of `inside`, closed by one kEnd; positions are in the source. On anything that is no
// token, fills `error`.
std::vector<Token> Tokenize(std::string_view inside, size_t position, SourceError* error);

// The first word of a tag: its name; `#` for an inline comment.
std::string_view TagName(std::string_view inside);

}  // namespace rondo::liquid
