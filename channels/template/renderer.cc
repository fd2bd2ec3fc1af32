// Template::Render: walks the tree over one customer's data.
#include <limits>
#include <map>

#include "absl/strings/str_format.h"
#include "channels/template/program.h"
#include "platform/core/status_macros.h"

namespace rondo::liquid {

absl::Status Budget::Charge(int64_t steps) {
  if (steps > steps_left_) {
    steps_left_ = 0;
    return absl::ResourceExhaustedError("the template takes too many steps");
  }
  steps_left_ -= steps;
  return absl::OkStatus();
}

absl::Status Budget::ChargeText(size_t bytes) {
  if (bytes > bytes_max_) {
    return absl::ResourceExhaustedError(
        absl::StrFormat("the text becomes longer than %d bytes", bytes_max_));
  }
  return Charge(static_cast<int64_t>(bytes / 64));
}

namespace {

class Renderer {
 public:
  Renderer(const Program& program, const nlohmann::json& data, const RenderOptions& options)
      : program_(program), data_(data), options_(options), budget_(options) {}

  absl::StatusOr<std::string> Run() {
    auto jump = Walk(program_.body);  // A jump outside loops ends the template, as in Liquid.
    if (!jump.ok()) return jump.status();
    return std::move(out_);
  }

 private:
  using JumpOr = absl::StatusOr<std::optional<Jump>>;

  absl::Status At(size_t position, const absl::Status& status) const {
    return ErrorAt(program_.line_starts, position, status.code(),
                   std::string_view(status.message().data(), status.message().size()));
  }

  JumpOr Walk(const Block& block) {
    for (const Node& node : block) {
      if (absl::Status charged = budget_.Charge(1); !charged.ok())
        return At(node.position, charged);
      RONDO_ASSIGN_OR_RETURN(const std::optional<Jump> jump, Visit(node));
      if (jump.has_value()) return jump;
    }
    return std::nullopt;
  }

  JumpOr Visit(const Node& node) {
    if (const auto* text = std::get_if<TextNode>(&node.what)) {
      RONDO_RETURN_IF_ERROR(Write(node.position, text->text));
      return std::nullopt;
    }
    if (const auto* output = std::get_if<OutputNode>(&node.what)) {
      RONDO_RETURN_IF_ERROR(WriteOutput(node.position, output->value));
      return std::nullopt;
    }
    if (const auto* assign = std::get_if<AssignNode>(&node.what)) {
      RONDO_ASSIGN_OR_RETURN(assigned_[assign->name], Evaluate(assign->value));
      return std::nullopt;
    }
    if (const auto* choice = std::get_if<IfNode>(&node.what)) return VisitIf(*choice);
    if (const auto* loop = std::get_if<ForNode>(&node.what)) return VisitFor(node.position, *loop);
    return std::get<Jump>(node.what);
  }

  absl::Status Write(size_t position, std::string_view text) {
    if (out_.size() + text.size() > options_.output_bytes_max) {
      return At(position,
                absl::ResourceExhaustedError(absl::StrFormat(
                    "the output becomes longer than %d bytes", options_.output_bytes_max)));
    }
    out_ += text;
    return absl::OkStatus();
  }

  absl::Status WriteOutput(size_t position, const FilteredExpression& expression) {
    RONDO_ASSIGN_OR_RETURN(const Value value, Evaluate(expression));
    const auto* text = value.As<Text>();
    if (program_.escape == AutoEscape::kHtml && (text == nullptr || !text->is_html)) {
      return Write(position, EscapeHtml(value.ToText()));
    }
    return Write(position, text != nullptr ? text->bytes : value.ToText());
  }

  JumpOr VisitIf(const IfNode& choice) {
    for (const Branch& branch : choice.branches) {
      bool chosen = true;
      if (branch.condition.has_value()) {
        RONDO_ASSIGN_OR_RETURN(const bool holds, Holds(*branch.condition));
        chosen = holds != branch.negated;
      }
      if (chosen) return Walk(branch.body);
    }
    return std::nullopt;
  }

  JumpOr VisitFor(size_t position, const ForNode& loop) {
    RONDO_ASSIGN_OR_RETURN(const Value collection, Evaluate(loop.collection));
    const Items items(collection);
    int64_t first = 0;
    if (loop.offset_continues) {
      first = continue_at_[loop.name];
    } else if (loop.offset.has_value()) {
      RONDO_ASSIGN_OR_RETURN(first, LoopNumber(*loop.offset, 0));
    }
    int64_t limit = std::numeric_limits<int64_t>::max();
    if (loop.limit.has_value()) {
      RONDO_ASSIGN_OR_RETURN(limit, LoopNumber(*loop.limit, limit));
    }
    first = std::min(first, items.size());
    const int64_t count = std::min(limit, items.size() - first);
    continue_at_[loop.name] = first + count;
    if (count <= 0) return Walk(loop.otherwise);
    return RunLoop(position, loop, items, first, count);
  }

  // What a collection is walked as: a list's items, an object's [key, value] pairs, a string whole.
  class Items {
   public:
    explicit Items(const Value& collection) : collection_(collection) {
      const auto* text = collection.As<Text>();
      if (collection.IsList() || collection.IsObject()) {
        size_ = collection.Size();
      } else if (text != nullptr && !text->bytes.empty()) {
        size_ = 1;
      }
      if (collection.IsObject()) member_ = collection.json()->begin();
    }
    int64_t size() const { return size_; }
    // Of an object, quick if walked one after another.
    Value at(int64_t index) const {
      if (collection_.IsList()) return collection_.At(index);
      if (!collection_.IsObject()) return collection_;
      std::advance(member_, index - member_index_);
      member_index_ = index;
      return Value(std::vector<Value>{Value(member_.key()), Value(*member_)});
    }

   private:
    const Value& collection_;
    int64_t size_ = 0;
    mutable nlohmann::json::const_iterator member_;
    mutable int64_t member_index_ = 0;
  };

  JumpOr RunLoop(size_t position, const ForNode& loop, const Items& items, int64_t first,
                 int64_t count) {
    const auto state = std::make_shared<LoopState>();
    state->name = loop.name;
    state->length = count;
    state->parent = loop_;
    const std::shared_ptr<const LoopState> outer_loop = std::exchange(loop_, state);
    // The item hides an assigned variable of its name, for as long as the loop runs.
    locals_.emplace_back(loop.variable, Value());
    absl::Status failed;
    for (int64_t i = 0; i < count && failed.ok(); ++i) {
      failed = budget_.Charge(1);
      if (!failed.ok()) {
        failed = At(position, failed);
        break;
      }
      state->index = i;
      locals_.back().second = items.at(first + (loop.reversed ? count - 1 - i : i));
      auto walked = Walk(loop.body);
      if (!walked.ok()) {
        failed = walked.status();
      } else if (*walked == Jump::kBreak) {
        break;
      }
    }
    locals_.pop_back();
    loop_ = outer_loop;
    RONDO_RETURN_IF_ERROR(failed);
    return std::nullopt;
  }

  absl::StatusOr<int64_t> LoopNumber(const Expression& expression, int64_t if_nil) {
    RONDO_ASSIGN_OR_RETURN(const Value value, Evaluate(expression));
    if (value.IsNil()) return if_nil;
    const std::optional<int64_t> number = value.ToInteger();
    if (!number.has_value()) {
      return At(expression.position, absl::InvalidArgumentError("this must be a whole number"));
    }
    return std::max<int64_t>(*number, 0);
  }

  absl::StatusOr<bool> Holds(const Condition& condition) {
    RONDO_ASSIGN_OR_RETURN(bool result, Holds(condition.comparisons.back()));
    for (size_t i = condition.connectives.size(); i-- > 0;) {
      RONDO_RETURN_IF_ERROR(budget_.Charge(1));
      RONDO_ASSIGN_OR_RETURN(const bool left, Holds(condition.comparisons[i]));
      result = condition.connectives[i] == Connective::kAnd ? left && result : left || result;
    }
    return result;
  }

  absl::StatusOr<bool> Holds(const Comparison& comparison) {
    RONDO_ASSIGN_OR_RETURN(const Value left, Evaluate(comparison.left));
    if (comparison.op == Operator::kTruthy) return left.Truthy();
    RONDO_ASSIGN_OR_RETURN(const Value right, Evaluate(*comparison.right));
    switch (comparison.op) {
      case Operator::kEqual:
        return Equals(left, right);
      case Operator::kNotEqual:
        return !Equals(left, right);
      case Operator::kContains:
        return Contains(left, right);
      default:
        return IsOrdered(comparison, left, right);
    }
  }

  absl::StatusOr<bool> IsOrdered(const Comparison& comparison, const Value& left,
                                 const Value& right) const {
    const std::optional<int> order = Compare(left, right);
    if (!order.has_value()) {
      const bool mixed = (left.IsNumber() && right.As<Text>() != nullptr) ||
                         (right.IsNumber() && left.As<Text>() != nullptr);
      if (!mixed) return false;
      return At(comparison.position,
                absl::InvalidArgumentError("a number and a string have no order"));
    }
    switch (comparison.op) {
      case Operator::kLess:
        return *order < 0;
      case Operator::kGreater:
        return *order > 0;
      case Operator::kLessOrEqual:
        return *order <= 0;
      default:
        return *order >= 0;
    }
  }

  absl::StatusOr<Value> Evaluate(const FilteredExpression& expression) {
    RONDO_ASSIGN_OR_RETURN(Value value, Evaluate(expression.base));
    for (const FilterCall& call : expression.filters) {
      if (absl::Status charged = budget_.Charge(1); !charged.ok())
        return At(call.position, charged);
      std::vector<Value> arguments;
      for (const Expression& argument : call.arguments) {
        RONDO_ASSIGN_OR_RETURN(arguments.emplace_back(), Evaluate(argument));
      }
      FilterContext context{budget_, options_, program_.escape};
      if (call.allow_false.has_value()) {
        RONDO_ASSIGN_OR_RETURN(const Value allow, Evaluate(*call.allow_false));
        context.allow_false = allow.Truthy();
      }
      auto filtered = call.filter->apply(value, arguments, context);
      if (!filtered.ok()) return At(call.position, filtered.status());
      value = *std::move(filtered);
      const auto* text = value.As<Text>();
      if (text == nullptr) continue;
      if (absl::Status fits = budget_.ChargeText(text->bytes.size()); !fits.ok()) {
        return At(call.position, fits);
      }
    }
    return value;
  }

  absl::StatusOr<Value> Evaluate(const Expression& expression) {
    if (const auto* literal = std::get_if<Value>(&expression.what)) return *literal;
    if (const auto* range = std::get_if<RangeExpression>(&expression.what)) {
      RONDO_ASSIGN_OR_RETURN(const Value first, Evaluate(*range->first));
      RONDO_ASSIGN_OR_RETURN(const Value last, Evaluate(*range->last));
      return Value(Range{first.ToInteger().value_or(0), last.ToInteger().value_or(0)});
    }
    const Path& path = std::get<Path>(expression.what);
    std::string name;
    if (const auto* plain = std::get_if<std::string>(&path.root)) {
      name = *plain;
    } else {
      RONDO_ASSIGN_OR_RETURN(const Value value,
                             Evaluate(*std::get<std::unique_ptr<Expression>>(path.root)));
      name = value.ToText();
    }
    return EvaluateSteps(expression.position, path, Variable(name));
  }

  absl::StatusOr<Value> EvaluateSteps(size_t position, const Path& path, Value value) {
    for (const Path::Step& step : path.steps) {
      if (absl::Status charged = budget_.Charge(1); !charged.ok()) return At(position, charged);
      if (const auto* member = std::get_if<std::string>(&step)) {
        value = value.Member(*member);
      } else {
        RONDO_ASSIGN_OR_RETURN(const Value key,
                               Evaluate(*std::get<std::unique_ptr<Expression>>(step)));
        value = value.Lookup(key);
      }
    }
    return value;
  }

  Value Variable(const std::string& name) const {
    for (size_t i = locals_.size(); i-- > 0;) {
      if (locals_[i].first == name) return locals_[i].second;
    }
    if (name == "forloop" && loop_ != nullptr) return Value(loop_);
    if (const auto found = assigned_.find(name); found != assigned_.end()) return found->second;
    if (const auto found = data_.find(name); found != data_.end()) return Value(*found);
    return Value();
  }

  const Program& program_;
  const nlohmann::json& data_;
  const RenderOptions& options_;
  Budget budget_;
  std::string out_;
  std::map<std::string, Value> assigned_;
  std::vector<std::pair<std::string, Value>> locals_;
  std::map<std::string, int64_t> continue_at_;
  std::shared_ptr<const LoopState> loop_;
};

}  // namespace

absl::StatusOr<std::string> Template::Render(const nlohmann::json& data,
                                             const RenderOptions& options) const {
  if (!data.is_object()) return absl::InvalidArgumentError("data: must be a JSON object");
  return Renderer(*program_, data, options).Run();
}

}  // namespace rondo::liquid
