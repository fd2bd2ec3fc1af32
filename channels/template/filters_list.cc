// Filters of lists, and those that fit everything (`default`, `size`). Every item walked costs a
// step.
#include <algorithm>

#include "absl/strings/str_split.h"
#include "channels/template/filters.h"
#include "platform/core/status_macros.h"

namespace rondo::liquid {
namespace {

using Arguments = std::span<const Value>;
using Items = std::vector<Value>;
using Result = absl::StatusOr<Value>;

constexpr int kFlattenDepthMax = 100;

absl::Status Flatten(const Value& value, int depth, Budget& budget, Items* out) {
  if (!value.IsList()) {
    if (value.IsNil() && depth == 0) return absl::OkStatus();  // nil is the empty list.
    out->push_back(value);
    return budget.Charge(1);
  }
  if (depth >= kFlattenDepthMax) return absl::InvalidArgumentError("lists are nested too deeply");
  const int64_t size = value.Size();
  RONDO_RETURN_IF_ERROR(budget.Charge(size));
  for (int64_t i = 0; i < size; ++i) {
    RONDO_RETURN_IF_ERROR(Flatten(value.At(i), depth + 1, budget, out));
  }
  return absl::OkStatus();
}

// The items of `value`, lists within lists opened; what is no list is its only item.
absl::StatusOr<Items> FlatItems(const Value& value, FilterContext& context) {
  Items items;
  RONDO_RETURN_IF_ERROR(Flatten(value, 0, context.budget, &items));
  return items;
}

// Reads a member of an item. INVALID_ARGUMENT for what has none.
absl::StatusOr<Value> MemberOf(const Value& item, const Value& key) {
  if (!item.IsObject()) return absl::InvalidArgumentError("an item is no object");
  return item.Member(key.ToText());
}

Result Join(const Value& input, Arguments arguments, FilterContext& context) {
  const std::string separator = arguments.empty() ? " " : arguments[0].ToText();
  RONDO_ASSIGN_OR_RETURN(const Items items, FlatItems(input, context));
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += separator;
    out += items[i].ToText();
    if (out.size() > context.budget.bytes_max()) return context.budget.ChargeText(out.size());
  }
  return Value(std::move(out));
}

Result Split(const Value& input, Arguments arguments, FilterContext& context) {
  const std::string text = input.ToText();
  const std::string separator = arguments[0].ToText();
  Items items;
  if (separator == " ") {  // As Ruby: any white space, none at the ends.
    for (const auto piece :
         absl::StrSplit(text, absl::ByAnyChar(" \t\r\n\v\f"), absl::SkipEmpty())) {
      items.emplace_back(std::string(piece));
    }
  } else if (separator.empty()) {
    for (size_t at = 0; at < text.size();) {
      RONDO_RETURN_IF_ERROR(context.budget.Charge(1));
      const size_t next = at + CharacterOffset(std::string_view(text).substr(at), 1);
      items.emplace_back(text.substr(at, next - at));
      at = next;
    }
  } else if (!text.empty()) {
    for (const auto piece : absl::StrSplit(text, absl::ByString(separator))) {
      items.emplace_back(std::string(piece));
    }
    while (!items.empty() && items.back().IsEmpty()) items.pop_back();
  }
  RONDO_RETURN_IF_ERROR(context.budget.Charge(static_cast<int64_t>(items.size())));
  return Value(std::move(items));
}

Result First(const Value& input, Arguments, FilterContext&) { return input.Member("first"); }
Result Last(const Value& input, Arguments, FilterContext&) { return input.Member("last"); }
Result Size(const Value& input, Arguments, FilterContext&) { return Value(input.Size()); }

Result Reverse(const Value& input, Arguments, FilterContext& context) {
  RONDO_ASSIGN_OR_RETURN(Items items, FlatItems(input, context));
  std::reverse(items.begin(), items.end());
  return Value(std::move(items));
}

Result Concat(const Value& input, Arguments arguments, FilterContext& context) {
  if (!arguments[0].IsList()) return absl::InvalidArgumentError("the argument must be a list");
  RONDO_ASSIGN_OR_RETURN(Items items, FlatItems(input, context));
  const int64_t size = arguments[0].Size();
  RONDO_RETURN_IF_ERROR(context.budget.Charge(size));
  for (int64_t i = 0; i < size; ++i) items.push_back(arguments[0].At(i));
  return Value(std::move(items));
}

Result Compact(const Value& input, Arguments arguments, FilterContext& context) {
  RONDO_ASSIGN_OR_RETURN(const Items items, FlatItems(input, context));
  Items kept;
  for (const Value& item : items) {
    Value value = item;
    if (!arguments.empty()) {
      RONDO_ASSIGN_OR_RETURN(value, MemberOf(item, arguments[0]));
    }
    if (!value.IsNil()) kept.push_back(item);
  }
  return Value(std::move(kept));
}

Result Map(const Value& input, Arguments arguments, FilterContext& context) {
  RONDO_ASSIGN_OR_RETURN(const Items items, FlatItems(input, context));
  Items mapped;
  for (const Value& item : items) {
    RONDO_ASSIGN_OR_RETURN(mapped.emplace_back(), MemberOf(item, arguments[0]));
  }
  return Value(std::move(mapped));
}

Result Where(const Value& input, Arguments arguments, FilterContext& context) {
  RONDO_ASSIGN_OR_RETURN(const Items items, FlatItems(input, context));
  // Without a value, or with nil: whatever is truthy.
  const bool any = arguments.size() < 2 || arguments[1].IsNil();
  Items kept;
  for (const Value& item : items) {
    RONDO_ASSIGN_OR_RETURN(const Value value, MemberOf(item, arguments[0]));
    if (any ? value.Truthy() : Equals(value, arguments[1])) kept.push_back(item);
  }
  return Value(std::move(kept));
}

Result Sum(const Value& input, Arguments arguments, FilterContext& context) {
  RONDO_ASSIGN_OR_RETURN(const Items items, FlatItems(input, context));
  const Filter* plus = FindFilter("plus");
  Value total(int64_t{0});
  for (const Value& item : items) {
    Value value = item;
    if (!arguments.empty()) {
      RONDO_ASSIGN_OR_RETURN(value, MemberOf(item, arguments[0]));
    }
    RONDO_ASSIGN_OR_RETURN(total, plus->apply(total, std::span(&value, 1), context));
  }
  return total;
}

Result Uniq(const Value& input, Arguments arguments, FilterContext& context) {
  RONDO_ASSIGN_OR_RETURN(const Items items, FlatItems(input, context));
  Items kept;
  Items keys;
  for (const Value& item : items) {
    Value key = item;
    if (!arguments.empty()) {
      RONDO_ASSIGN_OR_RETURN(key, MemberOf(item, arguments[0]));
    }
    RONDO_RETURN_IF_ERROR(context.budget.Charge(static_cast<int64_t>(keys.size())));
    if (std::any_of(keys.begin(), keys.end(), [&](const Value& k) { return Equals(k, key); })) {
      continue;
    }
    kept.push_back(item);
    keys.push_back(std::move(key));
  }
  return Value(std::move(kept));
}

// nil goes to the end. INVALID_ARGUMENT for items without an order.
Result Sort(const Value& input, Arguments arguments, FilterContext& context) {
  RONDO_ASSIGN_OR_RETURN(const Items items, FlatItems(input, context));
  std::vector<std::pair<Value, Value>> keyed;
  for (const Value& item : items) {
    Value key = item;
    if (!arguments.empty()) {
      RONDO_ASSIGN_OR_RETURN(key, MemberOf(item, arguments[0]));
    }
    keyed.emplace_back(std::move(key), item);
  }
  // An order between neighbours of one kind is an order between all, so check kinds first.
  const Value* sample = nullptr;
  for (const auto& [key, item] : keyed) {
    if (key.IsNil()) continue;
    if (sample != nullptr && !Compare(*sample, key).has_value()) {
      return absl::InvalidArgumentError("these items have no order among them");
    }
    sample = &key;
  }
  std::stable_sort(keyed.begin(), keyed.end(), [](const auto& a, const auto& b) {
    if (a.first.IsNil() || b.first.IsNil()) return !a.first.IsNil() && b.first.IsNil();
    return Compare(a.first, b.first).value_or(0) < 0;
  });
  Items sorted;
  for (auto& [key, item] : keyed) sorted.push_back(std::move(item));
  return Value(std::move(sorted));
}

Result Slice(const Value& input, Arguments arguments, FilterContext& context) {
  const std::optional<int64_t> start = arguments[0].ToInteger();
  const std::optional<int64_t> length =
      arguments.size() > 1 && !arguments[1].IsNil() ? arguments[1].ToInteger() : 1;
  if (!start.has_value() || !length.has_value()) {
    return absl::InvalidArgumentError("start and length must be whole numbers");
  }
  const bool list = input.IsList();
  const std::string text = list ? "" : input.ToText();
  const int64_t size = list ? input.Size() : static_cast<int64_t>(CharacterCount(text));
  const int64_t first = *start < 0 ? *start + size : *start;
  const bool outside = first < 0 || first > size || *length < 0;
  const int64_t count = outside ? 0 : std::min(*length, size - first);
  if (!list) {
    if (count == 0) return Value(std::string());
    const size_t begin = CharacterOffset(text, static_cast<size_t>(first));
    const size_t end = CharacterOffset(text, static_cast<size_t>(first + count));
    return Value(text.substr(begin, end - begin));
  }
  RONDO_RETURN_IF_ERROR(context.budget.Charge(count));
  Items items;
  for (int64_t i = 0; i < count; ++i) items.push_back(input.At(first + i));
  return Value(std::move(items));
}

Result Default(const Value& input, Arguments arguments, FilterContext& context) {
  const auto* boolean = input.As<bool>();
  const bool is_false = boolean != nullptr && !*boolean;
  const bool missing = input.IsNil() || input.IsEmpty() || input.As<Special>() != nullptr ||
                       (is_false && !context.allow_false);
  if (!missing) return input;
  return arguments.empty() ? Value() : arguments[0];
}

constexpr Filter kFilters[] = {
    {"compact", 0, 1, Compact}, {"concat", 1, 1, Concat},   {"default", 0, 1, Default},
    {"first", 0, 0, First},     {"join", 0, 1, Join},       {"last", 0, 0, Last},
    {"map", 1, 1, Map},         {"reverse", 0, 0, Reverse}, {"size", 0, 0, Size},
    {"slice", 1, 2, Slice},     {"sort", 0, 1, Sort},       {"split", 1, 1, Split},
    {"sum", 0, 1, Sum},         {"uniq", 0, 1, Uniq},       {"where", 1, 2, Where},
};

}  // namespace

std::span<const Filter> ListFilters() { return kFilters; }

}  // namespace rondo::liquid
