#include "channels/template/expression_parser.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace rondo::liquid {
namespace {

std::optional<Value> KeywordLiteral(std::string_view name) {
  if (name == "nil" || name == "null") return Value();
  if (name == "true") return Value(true);
  if (name == "false") return Value(false);
  if (name == "empty") return Value(Special::kEmpty);
  if (name == "blank") return Value(Special::kBlank);
  return std::nullopt;
}

std::optional<Value> NumberLiteral(const Token& token) {
  const absl::string_view text(token.text.data(), token.text.size());
  int64_t integer = 0;
  if (token.kind == Token::Kind::kInteger && absl::SimpleAtoi(text, &integer))
    return Value(integer);
  double real = 0;
  if (token.kind == Token::Kind::kReal && absl::SimpleAtod(text, &real)) return Value(real);
  return std::nullopt;
}

std::optional<Operator> ComparisonOperator(const Token& token) {
  if (token.kind == Token::Kind::kName && token.text == "contains") return Operator::kContains;
  if (token.kind != Token::Kind::kSymbol) return std::nullopt;
  if (token.text == "==") return Operator::kEqual;
  if (token.text == "!=" || token.text == "<>") return Operator::kNotEqual;
  if (token.text == "<") return Operator::kLess;
  if (token.text == ">") return Operator::kGreater;
  if (token.text == "<=") return Operator::kLessOrEqual;
  if (token.text == ">=") return Operator::kGreaterOrEqual;
  return std::nullopt;
}

}  // namespace

ExpressionParser::ExpressionParser(std::string_view inside, size_t position,
                                   const CompileOptions& options, std::set<std::string>& read,
                                   SourceError& error)
    : options_(options), read_(read), error_(error), tokens_(Tokenize(inside, position, &error)) {
  if (tokens_.empty()) tokens_.push_back({Token::Kind::kEnd, position, {}});
}

bool ExpressionParser::Fail(std::string message) {
  if (ok()) error_ = {Peek().position, std::move(message)};
  return false;
}

bool ExpressionParser::ExpectEnd() {
  if (!ok()) return false;
  if (AtEnd()) return true;
  return Fail(absl::StrFormat("`%s` is not expected here", Peek().text));
}

bool ExpressionParser::TakeSymbol(std::string_view symbol) {
  if (Peek().kind != Token::Kind::kSymbol || Peek().text != symbol) return false;
  ++at_;
  return true;
}

bool ExpressionParser::TakeName(std::string_view name) {
  if (Peek().kind != Token::Kind::kName || Peek().text != name) return false;
  ++at_;
  return true;
}

bool ExpressionParser::ParseName(std::string_view what, std::string* out) {
  if (!ok()) return false;
  if (Peek().kind != Token::Kind::kName) return Fail(absl::StrFormat("expected %s", what));
  *out = std::string(Peek().text);
  ++at_;
  return true;
}

bool ExpressionParser::ParseValue(Expression* out) {
  if (!ok()) return false;
  const Token token = Peek();
  out->position = token.position;
  switch (token.kind) {
    case Token::Kind::kString:
      out->what = Value(Text{std::string(token.text), true});  // The author's own words.
      ++at_;
      return true;
    case Token::Kind::kInteger:
    case Token::Kind::kReal: {
      std::optional<Value> number = NumberLiteral(token);
      if (!number.has_value()) return Fail("this number is too large");
      out->what = *std::move(number);
      ++at_;
      return true;
    }
    case Token::Kind::kName: {
      const Token& following = tokens_[at_ + 1];
      const bool path = following.kind == Token::Kind::kSymbol &&
                        (following.text == "." || following.text == "[");
      if (std::optional<Value> literal = KeywordLiteral(token.text); literal.has_value() && !path) {
        out->what = *std::move(literal);
        ++at_;
        return true;
      }
      return ParsePath(out);
    }
    case Token::Kind::kSymbol:
      if (token.text == "(") return ParseRange(out);
      if (token.text == "[") return ParsePath(out);
      break;
    case Token::Kind::kEnd:
      return Fail("a value is missing here");
  }
  return Fail(absl::StrFormat("expected a value, found `%s`", token.text));
}

bool ExpressionParser::ParsePath(Expression* out) {
  Path path;
  if (Peek().kind == Token::Kind::kName) {
    path.root = std::string(Peek().text);
    ++at_;
  } else {
    std::unique_ptr<Expression> root;
    if (!ParseBracket(&root)) return false;
    path.root = std::move(root);
  }
  while (Peek().kind == Token::Kind::kSymbol && (Peek().text == "." || Peek().text == "[")) {
    if (!ParseStep(&path)) return false;
  }
  NotePath(path);
  out->what = std::move(path);
  return true;
}

bool ExpressionParser::ParseStep(Path* path) {
  if (TakeSymbol(".")) {
    std::string name;
    if (!ParseName("a name after `.`", &name)) return false;
    path->steps.emplace_back(std::move(name));
    return true;
  }
  std::unique_ptr<Expression> inside;
  if (!ParseBracket(&inside)) return false;
  path->steps.emplace_back(std::move(inside));
  return true;
}

bool ExpressionParser::ParseBracket(std::unique_ptr<Expression>* out) {
  if (++depth_ > options_.depth_max) return Fail("brackets are nested too deeply");
  if (!TakeSymbol("[")) return Fail("expected `[`");
  *out = std::make_unique<Expression>();
  if (!ParseValue(out->get())) return false;
  if (!TakeSymbol("]")) return Fail("expected `]`");
  --depth_;
  return true;
}

bool ExpressionParser::ParseRange(Expression* out) {
  if (++depth_ > options_.depth_max) return Fail("ranges are nested too deeply");
  TakeSymbol("(");
  RangeExpression range;
  range.first = std::make_unique<Expression>();
  range.last = std::make_unique<Expression>();
  if (!ParseValue(range.first.get())) return false;
  if (!TakeSymbol("..")) return Fail("expected `..`: parentheses are for ranges, `(1..5)`, only");
  if (!ParseValue(range.last.get())) return false;
  if (!TakeSymbol(")")) return Fail("expected `)`");
  --depth_;
  out->what = std::move(range);
  return true;
}

bool ExpressionParser::ParseFiltered(FilteredExpression* out) {
  if (!ParseValue(&out->base)) return false;
  while (TakeSymbol("|")) {
    FilterCall call;
    if (!ParseFilter(&call)) return false;
    out->filters.push_back(std::move(call));
  }
  return ExpectEnd();
}

bool ExpressionParser::ParseFilter(FilterCall* out) {
  out->position = Peek().position;
  std::string name;
  const size_t at_name = at_;
  if (!ParseName("a filter's name after `|`", &name)) return false;
  out->filter = FindFilter(name);
  if (out->filter == nullptr) {
    at_ = at_name;
    return Fail(absl::StrFormat("there is no filter `%s`", name));
  }
  if (name == "raw" && options_.raw_filter == RawFilter::kRefused) {
    at_ = at_name;
    return Fail("`raw` writes unescaped HTML and is not allowed in this template");
  }
  if (TakeSymbol(":") && !ParseFilterArguments(out)) return false;
  const auto given = static_cast<int>(out->arguments.size());
  if (given >= out->filter->arguments_min && given <= out->filter->arguments_max) return true;
  at_ = at_name;
  return Fail(absl::StrFormat("`%s` takes %d to %d arguments, not %d", name,
                              out->filter->arguments_min, out->filter->arguments_max, given));
}

bool ExpressionParser::ParseFilterArguments(FilterCall* call) {
  do {
    const bool named = Peek().kind == Token::Kind::kName &&
                       tokens_[at_ + 1].kind == Token::Kind::kSymbol &&
                       tokens_[at_ + 1].text == ":";
    Expression value;
    if (!named) {
      if (!ParseValue(&value)) return false;
      call->arguments.push_back(std::move(value));
      continue;
    }
    if (call->filter->name != "default" || Peek().text != "allow_false") {
      return Fail(
          absl::StrFormat("`%s` has no argument named `%s`", call->filter->name, Peek().text));
    }
    at_ += 2;
    if (!ParseValue(&value)) return false;
    call->allow_false = std::move(value);
  } while (TakeSymbol(","));
  return true;
}

bool ExpressionParser::ParseComparison(Comparison* out) {
  if (!ParseValue(&out->left)) return false;
  out->position = Peek().position;
  const std::optional<Operator> op = ComparisonOperator(Peek());
  if (!op.has_value()) return true;
  ++at_;
  out->op = *op;
  return ParseValue(&out->right.emplace());
}

bool ExpressionParser::ParseCondition(Condition* out) {
  while (true) {
    if (!ParseComparison(&out->comparisons.emplace_back())) return false;
    if (TakeName("and")) {
      out->connectives.push_back(Connective::kAnd);
    } else if (TakeName("or")) {
      out->connectives.push_back(Connective::kOr);
    } else {
      return ExpectEnd();
    }
  }
}

void ExpressionParser::NotePath(const Path& path) {
  const auto* root = std::get_if<std::string>(&path.root);
  if (root == nullptr) return;
  std::string text = *root;
  for (const Path::Step& step : path.steps) {
    const auto* name = std::get_if<std::string>(&step);
    if (name == nullptr) break;
    text += "." + *name;
  }
  read_.insert(std::move(text));
}

}  // namespace rondo::liquid
