// The compiled form of a template: a tree of nodes, whose positions are byte offsets of the source.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "channels/template/filters.h"
#include "channels/template/template.h"
#include "channels/template/value.h"

namespace rondo::liquid {

struct Expression;

// `name.member[expression]`.
struct Path {
  using Step = std::variant<std::string, std::unique_ptr<Expression>>;
  Step root;  // A name, or `[expression]` whose text is the name.
  std::vector<Step> steps;
};

struct RangeExpression {
  std::unique_ptr<Expression> first;
  std::unique_ptr<Expression> last;
};

struct Expression {
  size_t position = 0;
  std::variant<Value, Path, RangeExpression> what;  // A Value is a literal.
};

struct FilterCall {
  size_t position = 0;
  const Filter* filter = nullptr;
  std::vector<Expression> arguments;
  std::optional<Expression> allow_false;  // The one named argument there is: of `default`.
};

struct FilteredExpression {
  Expression base;
  std::vector<FilterCall> filters;
};

enum class Operator : uint8_t {
  kTruthy,
  kEqual,
  kNotEqual,
  kLess,
  kGreater,
  kLessOrEqual,
  kGreaterOrEqual,
  kContains,
};

struct Comparison {
  size_t position = 0;
  Expression left;
  Operator op = Operator::kTruthy;
  std::optional<Expression> right;
};

enum class Connective : uint8_t { kAnd, kOr };

// Liquid has no precedence: `a and b or c` is `a and (b or c)`.
struct Condition {
  std::vector<Comparison> comparisons;
  std::vector<Connective> connectives;  // One fewer.
};

struct Node;
using Block = std::vector<Node>;

struct TextNode {
  std::string text;
};
struct OutputNode {
  FilteredExpression value;
};
struct AssignNode {
  std::string name;
  FilteredExpression value;
};
struct Branch {
  std::optional<Condition> condition;  // None: `else`.
  bool negated = false;                // The first of `unless`.
  Block body;
};
struct IfNode {
  std::vector<Branch> branches;
};
struct ForNode {
  std::string variable;
  std::string name;  // `variable-collection`, what `offset: continue` remembers.
  Expression collection;
  std::optional<Expression> limit;
  std::optional<Expression> offset;
  bool offset_continues = false;
  bool reversed = false;
  Block body;
  Block otherwise;
};
enum class Jump : uint8_t { kBreak, kContinue };

struct Node {
  size_t position = 0;
  std::variant<TextNode, OutputNode, AssignNode, IfNode, ForNode, Jump> what;
};

struct Program {
  Block body;
  AutoEscape escape = AutoEscape::kNone;
  std::vector<size_t> line_starts;
  std::vector<std::string> variables;
};

// INVALID_ARGUMENT or the like: "line L, column C: message".
absl::Status ErrorAt(const std::vector<size_t>& line_starts, size_t position, absl::StatusCode code,
                     std::string_view message);

}  // namespace rondo::liquid
