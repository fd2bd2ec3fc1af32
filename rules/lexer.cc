#include "rules/lexer.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "rules/text.h"

namespace rondo::rules {
namespace {

constexpr std::array<std::string_view, 17> kReserved = {
    "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
    "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};
constexpr std::array<std::string_view, 4> kKeywords = {"true", "false", "null", "in"};

bool IsWordStart(char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)) || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) { return IsWordStart(c) || IsDigit(c); }
bool IsHex(char c) { return absl::ascii_isxdigit(static_cast<unsigned char>(c)); }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> Run(Diagnostic* error) {
    while (ok_ && SkipSpace()) ReadToken();
    if (!ok_) {
      *error = error_;
      return {};
    }
    tokens_.push_back({.kind = TokenKind::kEnd, .offset = static_cast<int32_t>(source_.size())});
    return std::move(tokens_);
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  bool StartsWith(std::string_view text) const { return source_.substr(at_, text.size()) == text; }

  void Fail(size_t offset, std::string message) {
    if (!ok_) return;
    ok_ = false;
    error_ = DiagnosticAt(Phase::kParse, source_, static_cast<int32_t>(offset), std::move(message));
  }

  // Past white space and comments; false at the end.
  bool SkipSpace() {
    while (at_ < source_.size()) {
      if (StartsWith("//")) {
        at_ = std::min(source_.size(), source_.find('\n', at_));
      } else if (std::string_view(" \t\n\r\f").find(Peek()) != std::string_view::npos) {
        ++at_;
      } else {
        return true;
      }
    }
    return false;
  }

  void Push(TokenKind kind, size_t start, std::string text, bool quoted = false) {
    tokens_.push_back({kind, quoted, static_cast<int32_t>(start), std::move(text)});
  }

  void ReadToken() {
    const char c = Peek();
    if (StringPrefix() >= 0) return ReadString(static_cast<size_t>(StringPrefix()));
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return ReadNumber();
    if (IsWordStart(c)) {
      const size_t start = at_;
      while (at_ < source_.size() && IsWord(source_[at_])) ++at_;
      return Push(TokenKind::kIdent, start, std::string(source_.substr(start, at_ - start)));
    }
    if (c == '`') return ReadQuotedName();
    for (const std::string_view two : {"<=", ">=", "==", "!=", "&&", "||"}) {
      if (!StartsWith(two)) continue;
      Push(TokenKind::kPunctuation, at_, std::string(two));
      at_ += 2;
      return;
    }
    if (std::string_view(".,:?()[]{}+-*/%<>!").find(c) != std::string_view::npos && c != '\0') {
      Push(TokenKind::kPunctuation, at_, std::string(1, c));
      ++at_;
      return;
    }
    RefuseCharacter();
  }

  void RefuseCharacter() {
    const char c = Peek();
    if (c == '=') return Fail(at_, "`=` is no operator; to compare write `==`");
    if (c == '&') return Fail(at_, "`&` is no operator; for \"and\" write `&&`");
    if (c == '|') return Fail(at_, "`|` is no operator; for \"or\" write `||`");
    size_t next = at_;
    const char32_t code = NextCodePoint(source_, &next);
    if (code == kInvalidCodePoint) return Fail(at_, "the text is not valid UTF-8 here");
    Fail(at_, absl::StrFormat("unexpected character U+%04X", static_cast<uint32_t>(code)));
  }

  // Length of a string's prefix (r, b, br) when one starts here, else -1.
  int StringPrefix() const {
    int length = 0;
    if (Peek() == 'b' || Peek() == 'B') ++length;
    const char second = Peek(static_cast<size_t>(length));
    if (second == 'r' || second == 'R') ++length;
    const char quote = Peek(static_cast<size_t>(length));
    return quote == '\'' || quote == '"' ? length : -1;
  }

  void ReadString(size_t prefix) {
    const size_t start = at_;
    bool raw = false;
    bool bytes = false;
    for (; prefix > 0; --prefix, ++at_) {
      raw = raw || Peek() == 'r' || Peek() == 'R';
      bytes = bytes || Peek() == 'b' || Peek() == 'B';
    }
    const char quote = Peek();
    const std::string triple(3, quote);
    const bool is_triple = StartsWith(triple);
    at_ += is_triple ? 3 : 1;
    std::string value;
    while (ok_) {
      if (at_ >= source_.size()) return Fail(start, "this text has no closing quote");
      if (is_triple ? StartsWith(triple) : Peek() == quote) break;
      const char c = Peek();
      if (!is_triple && (c == '\n' || c == '\r')) {
        return Fail(start,
                    "this text has no closing quote on its line; write \\n, or use three "
                    "quotes for text of several lines");
      }
      if (c == '\\' && !raw) {
        ReadEscape(bytes, &value);
      } else {
        ReadPlain(&value);
      }
    }
    if (!ok_) return;
    at_ += is_triple ? 3 : 1;
    Push(bytes ? TokenKind::kBytes : TokenKind::kString, start, std::move(value));
  }

  void ReadPlain(std::string* value) {
    const size_t start = at_;
    if (NextCodePoint(source_, &at_) == kInvalidCodePoint) {
      return Fail(start, "the text is not valid UTF-8 here");
    }
    value->append(source_.substr(start, at_ - start));
  }

  // The value of `count` digits of `base` after the escape's letter; -1 when they are not there.
  int64_t EscapeDigits(size_t skip, size_t count, int base) const {
    int64_t value = 0;
    for (size_t i = 0; i < count; ++i) {
      const char c = Peek(skip + i);
      const bool fits = base == 8 ? c >= '0' && c <= '7' : IsHex(c);
      if (!fits) return -1;
      const int digit =
          IsDigit(c) ? c - '0' : absl::ascii_tolower(static_cast<unsigned char>(c)) - 'a' + 10;
      value = value * base + digit;
    }
    return value;
  }

  // Of a pair such as \ud83d\ude00 (langdef, "String and Bytes Values"), of which `code` is the
  // first: the second; -1 when there is none.
  int64_t LowSurrogate(char letter, int64_t code) const {
    if (letter != 'u' || code < 0xD800 || code > 0xDBFF) return -1;
    if (Peek(6) != '\\' || Peek(7) != 'u') return -1;
    const int64_t low = EscapeDigits(8, 4, 16);
    return low >= 0xDC00 && low <= 0xDFFF ? low : -1;
  }

  void ReadEscape(bool bytes, std::string* value) {
    constexpr std::string_view kFrom = "abfnrtv\\?\"'`";
    constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\?\"'`";
    const char c = Peek(1);
    if (const size_t simple = kFrom.find(c); c != '\0' && simple != std::string_view::npos) {
      value->push_back(kTo[simple]);
      at_ += 2;
      return;
    }
    size_t length = 0;
    int64_t code = -1;
    if (c == 'x' || c == 'X') {
      length = 4;
      code = EscapeDigits(2, 2, 16);
    } else if (c >= '0' && c <= '3') {
      length = 4;
      code = EscapeDigits(1, 3, 8);
    } else if (!bytes && c == 'u') {
      length = 6;
      code = EscapeDigits(2, 4, 16);
    } else if (!bytes && c == 'U') {
      length = 10;
      code = EscapeDigits(2, 8, 16);
    }
    if (code < 0) return Fail(at_, "unknown escape; for a backslash write \\\\");
    if (const int64_t low = LowSurrogate(c, code); low >= 0) {
      code = 0x10000 + ((code - 0xD800) << 10 | (low - 0xDC00));
      length = 12;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      return Fail(at_, "this escape is no Unicode character");
    }
    if (bytes) {
      value->push_back(static_cast<char>(code));
    } else {
      AppendCodePoint(static_cast<char32_t>(code), value);
    }
    at_ += length;
  }

  void ReadQuotedName() {
    const size_t start = at_++;
    const size_t end = source_.find('`', at_);
    if (end == std::string_view::npos) return Fail(start, "this name has no closing `");
    const std::string_view name = source_.substr(at_, end - at_);
    for (const char c : name) {
      if (!IsWord(c) && std::string_view("./- ").find(c) == std::string_view::npos) {
        return Fail(start, "a quoted name may have letters, digits, _ . - / and spaces only");
      }
    }
    if (name.empty()) return Fail(start, "a quoted name may not be empty");
    at_ = end + 1;
    Push(TokenKind::kIdent, start, std::string(name), true);
  }

  void ReadNumber() {
    const size_t start = at_;
    TokenKind kind = TokenKind::kInt;
    if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X') && IsHex(Peek(2))) {
      at_ += 2;
      while (IsHex(Peek())) ++at_;
    } else {
      while (IsDigit(Peek())) ++at_;
      if (Peek() == '.' && IsDigit(Peek(1))) {
        kind = TokenKind::kDouble;
        ++at_;
        while (IsDigit(Peek())) ++at_;
      }
      const size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 1 : 0;
      if ((Peek() == 'e' || Peek() == 'E') && IsDigit(Peek(1 + sign))) {
        kind = TokenKind::kDouble;
        at_ += 1 + sign;
        while (IsDigit(Peek())) ++at_;
      }
    }
    std::string text(source_.substr(start, at_ - start));
    if (kind == TokenKind::kInt && (Peek() == 'u' || Peek() == 'U')) {
      kind = TokenKind::kUint;
      ++at_;
    }
    if (IsWord(Peek())) return Fail(start, "this number runs into a name; put a space or operator");
    Push(kind, start, std::move(text));
  }

  std::string_view source_;
  size_t at_ = 0;
  bool ok_ = true;
  Diagnostic error_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source, Diagnostic* error) {
  return Lexer(source).Run(error);
}

bool IsReserved(std::string_view word) {
  return std::ranges::find(kReserved, word) != kReserved.end();
}

bool IsKeyword(std::string_view word) {
  return std::ranges::find(kKeywords, word) != kKeywords.end();
}

}  // namespace rondo::rules
