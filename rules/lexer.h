// Text to tokens, as the specification's lexis says (github.com/google/cel-spec, langdef, Syntax).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/diagnostic.h"

namespace rondo::rules {

enum class TokenKind : uint8_t {
  kEnd,
  kIdent,  // Also reserved words and keywords; `quoted` for `in backquotes`.
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kPunctuation,  // text: one of . , : ? ( ) [ ] { } + - * / % < > <= >= == != ! && ||
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  bool quoted = false;
  int32_t offset = 0;
  // Of strings and bytes: the value, escapes resolved. Of numbers: as written, a uint without `u`.
  std::string text = {};
};

// The tokens, ended by kEnd; or, in `error`, what is wrong (then the result is empty).
std::vector<Token> Tokenize(std::string_view source, Diagnostic* error);

// May not be used as an identifier (but as a field's or a member function's name).
bool IsReserved(std::string_view word);
// true, false, null, in: not even those.
bool IsKeyword(std::string_view word);

}  // namespace rondo::rules
