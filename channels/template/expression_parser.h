// Parses what stands inside outputs and tags: values, paths, filters, conditions.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "channels/template/lexer.h"
#include "channels/template/program.h"

namespace rondo::liquid {

// Over the tokens of one tag or output. Every Parse function returns false after it has filled
// `error`.
class ExpressionParser {
 public:
  // `position` is where `inside` begins in the source. `read` collects the paths that are read.
  ExpressionParser(std::string_view inside, size_t position, const CompileOptions& options,
                   std::set<std::string>& read, SourceError& error);

  bool ok() const { return error_.message.empty(); }

  bool ParseValue(Expression* out);
  bool ParseFiltered(FilteredExpression* out);
  bool ParseCondition(Condition* out);
  bool ParseName(std::string_view what, std::string* out);

  bool AtEnd() const { return Peek().kind == Token::Kind::kEnd; }
  bool ExpectEnd();
  // Takes the next token if it is this symbol or name.
  bool TakeSymbol(std::string_view symbol);
  bool TakeName(std::string_view name);
  const Token& Peek() const { return tokens_[at_]; }
  bool Fail(std::string message);

 private:
  bool ParseComparison(Comparison* out);
  bool ParsePath(Expression* out);
  bool ParseStep(Path* path);
  bool ParseBracket(std::unique_ptr<Expression>* out);
  bool ParseRange(Expression* out);
  bool ParseFilter(FilterCall* out);
  bool ParseFilterArguments(FilterCall* call);
  void NotePath(const Path& path);

  const CompileOptions& options_;
  std::set<std::string>& read_;
  SourceError& error_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace rondo::liquid
