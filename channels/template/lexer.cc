#include "channels/template/lexer.h"

#include "absl/strings/ascii.h"

namespace rondo::liquid {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

bool IsNameStart(char c) {
  return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool IsNamePart(char c) {
  return IsNameStart(c) || absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-';
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The piece whose delimiters are at `open` and `close`, both two bytes long.
Piece Delimited(std::string_view source, Piece::Kind kind, size_t open, size_t close) {
  Piece piece;
  piece.kind = kind;
  piece.position = open;
  size_t begin = open + 2;
  size_t end = close;
  if (begin < end && source[begin] == '-') {
    piece.trim_before = true;
    ++begin;
  }
  if (begin < end && source[end - 1] == '-') {
    piece.trim_after = true;
    --end;
  }
  piece.inside_position = begin;
  piece.inside = source.substr(begin, end - begin);
  return piece;
}

Piece TextPiece(std::string_view source, size_t begin, size_t end) {
  Piece piece;
  piece.position = begin;
  piece.inside_position = begin;
  piece.inside = source.substr(begin, end - begin);
  return piece;
}

// Where the name that starts at `begin` ends.
size_t NameEnd(std::string_view text, size_t begin) {
  size_t end = begin;
  while (end < text.size() && IsNamePart(text[end])) ++end;
  if (end < text.size() && text[end] == '?') ++end;
  return end;
}

// Where the number that starts at `begin` ends: `-?\d+(\.\d+)?`. `1..5` is the integer 1.
size_t NumberEnd(std::string_view text, size_t begin, Token::Kind* kind) {
  size_t end = begin + (text[begin] == '-' ? 1 : 0);
  while (end < text.size() && IsDigit(text[end])) ++end;
  *kind = Token::Kind::kInteger;
  if (end + 1 < text.size() && text[end] == '.' && IsDigit(text[end + 1])) {
    *kind = Token::Kind::kReal;
    ++end;
    while (end < text.size() && IsDigit(text[end])) ++end;
  }
  return end;
}

size_t SymbolLength(std::string_view rest) {
  for (const std::string_view two : {"==", "!=", "<>", "<=", ">=", ".."}) {
    if (rest.starts_with(two)) return 2;
  }
  return std::string_view("|:,.[]()<>=").find(rest[0]) != std::string_view::npos ? 1 : 0;
}

}  // namespace

Piece NextPiece(std::string_view source, size_t position, size_t* next, SourceError* error) {
  size_t open = position;
  while (true) {
    open = source.find('{', open);
    if (open == std::string_view::npos || open + 1 >= source.size()) {
      *next = source.size();
      return TextPiece(source, position, source.size());
    }
    if (source[open + 1] == '{' || source[open + 1] == '%') break;
    ++open;
  }
  if (open > position) {
    *next = open;
    return TextPiece(source, position, open);
  }
  const bool output = source[open + 1] == '{';
  const size_t close = source.find(output ? "}}" : "%}", open + 2);
  if (close == std::string_view::npos) {
    *error = {open, output ? "`{{` is never closed by `}}`" : "`{%` is never closed by `%}`"};
    *next = source.size();
    return {};
  }
  *next = close + 2;
  return Delimited(source, output ? Piece::Kind::kOutput : Piece::Kind::kTag, open, close);
}

Piece NextRaw(std::string_view source, size_t position, size_t* next, SourceError* error) {
  for (size_t open = source.find("{%", position); open != std::string_view::npos;
       open = source.find("{%", open + 2)) {
    const size_t close = source.find("%}", open + 2);
    if (close == std::string_view::npos) break;
    const Piece tag = Delimited(source, Piece::Kind::kTag, open, close);
    if (absl::StripAsciiWhitespace(absl::string_view(tag.inside.data(), tag.inside.size())) !=
        "endraw") {
      continue;
    }
    *next = close + 2;
    Piece text = TextPiece(source, position, open);
    text.trim_before = tag.trim_before;  // The caller trims the end of the text by this,
    text.trim_after = tag.trim_after;    // and what follows by this.
    return text;
  }
  *error = {position, "`raw` is never closed by `endraw`"};
  *next = source.size();
  return {};
}

std::vector<Token> Tokenize(std::string_view inside, size_t position, SourceError* error) {
  std::vector<Token> tokens;
  size_t at = 0;
  const auto take = [&](Token::Kind kind, size_t end) {
    tokens.push_back({kind, position + at, inside.substr(at, end - at)});
    at = end;
  };
  while (true) {
    at = inside.find_first_not_of(kSpace, at);
    if (at == std::string_view::npos) break;
    const char c = inside[at];
    const bool minus = c == '-' && at + 1 < inside.size() && IsDigit(inside[at + 1]);
    if (IsDigit(c) || minus) {
      Token::Kind kind = Token::Kind::kInteger;
      const size_t end = NumberEnd(inside, at, &kind);
      take(kind, end);
    } else if (IsNameStart(c)) {
      take(Token::Kind::kName, NameEnd(inside, at));
    } else if (c == '"' || c == '\'') {
      const size_t close = inside.find(c, at + 1);
      if (close == std::string_view::npos) {
        *error = {position + at, "this string is never closed"};
        return {};
      }
      tokens.push_back(
          {Token::Kind::kString, position + at, inside.substr(at + 1, close - at - 1)});
      at = close + 1;
    } else if (const size_t length = SymbolLength(inside.substr(at)); length > 0) {
      take(Token::Kind::kSymbol, at + length);
    } else {
      *error = {position + at, "this character has no meaning here"};
      return {};
    }
  }
  tokens.push_back({Token::Kind::kEnd, position + inside.size(), {}});
  return tokens;
}

std::string_view TagName(std::string_view inside) {
  const size_t begin = inside.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  if (inside[begin] == '#') return inside.substr(begin, 1);
  const size_t end = inside.find_first_of(kSpace, begin);
  const std::string_view word =
      inside.substr(begin, end == std::string_view::npos ? end : end - begin);
  // `{%if(…` and the like: the name is what looks like one.
  return word.substr(0, std::max<size_t>(NameEnd(word, 0), 1));
}

}  // namespace rondo::liquid
