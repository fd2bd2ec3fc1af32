// The values that a template computes with, and Liquid's rules for them: truth, equality, order,
// text, numbers, look-up. Lists and objects of the data are pointed to, not copied: a Value must
// not outlive the data that it was made from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "nlohmann/json.hpp"

namespace rondo::liquid {

struct Text {
  std::string bytes;
  bool is_html = false;  // Already escaped, or written by someone who may write HTML.
};

struct Range {
  int64_t first = 0;
  int64_t last = -1;
  // At most 2^63 - 1; 0 if it runs backwards.
  int64_t size() const;
};

enum class Special : uint8_t { kEmpty, kBlank };

// What `forloop` reads. Lives as long as its loop runs.
struct LoopState {
  std::string name;  // `item-collection`.
  int64_t length = 0;
  int64_t index = 0;  // From 0.
  std::shared_ptr<const LoopState> parent;
};

class Value {
 public:
  using List = std::shared_ptr<const std::vector<Value>>;
  using Loop = std::shared_ptr<const LoopState>;

  Value() = default;  // nil
  explicit Value(bool v) : v_(v) {}
  explicit Value(int64_t v) : v_(v) {}
  explicit Value(double v) : v_(v) {}
  explicit Value(Text v) : v_(std::move(v)) {}
  explicit Value(std::string v) : v_(Text{std::move(v), false}) {}
  explicit Value(std::vector<Value> v)
      : v_(List(std::make_shared<const std::vector<Value>>(std::move(v)))) {}
  explicit Value(Range v) : v_(v) {}
  explicit Value(Special v) : v_(v) {}
  explicit Value(Loop v) : v_(std::move(v)) {}
  explicit Value(const nlohmann::json& json);

  bool IsNil() const { return std::holds_alternative<std::monostate>(v_); }
  bool IsNumber() const { return As<int64_t>() != nullptr || As<double>() != nullptr; }
  // A list, an array of the data or a range.
  bool IsList() const;
  bool IsObject() const;
  template <typename T>
  const T* As() const {
    return std::get_if<T>(&v_);
  }
  const nlohmann::json* json() const {
    const auto* pointer = As<const nlohmann::json*>();
    return pointer == nullptr ? nullptr : *pointer;
  }

  // All but nil and false.
  bool Truthy() const;
  // nil, false, no characters but white space, no items.
  bool IsBlank() const;
  // No characters, no items.
  bool IsEmpty() const;

  // As written by `{{ }}`: nil is nothing, a list its items one after another, an object its JSON.
  std::string ToText() const;
  // Of a number, or of a string that is one; nothing otherwise.
  std::optional<Value> ToNumber() const;
  // ToNumber cut to an integer; nothing if that is not possible.
  std::optional<int64_t> ToInteger() const;

  // Items in a list, members in an object, characters in a string; 0 otherwise.
  int64_t Size() const;
  // The item at `index` (negative: from the end) of a list; nil beyond it.
  Value At(int64_t index) const;
  // `value.key` and `value["key"]`, with `first`, `last` and `size` of what has them. nil if
  // absent.
  Value Member(std::string_view key) const;
  // `value[key]`.
  Value Lookup(const Value& key) const;

 private:
  std::variant<std::monostate, bool, int64_t, double, Text, const nlohmann::json*, List, Range,
               Special, Loop>
      v_;
};

// Liquid's `==`: 1 equals 1.0, nothing else equals what is of another kind; `empty` and `blank`
// equal what is so.
bool Equals(const Value& a, const Value& b);

// -1, 0 or 1 for two numbers or two strings; nothing if they have no order.
std::optional<int> Compare(const Value& a, const Value& b);

// Liquid's `contains`: a part of a string, an item of a list, a key of an object.
bool Contains(const Value& whole, const Value& part);

// Code points of valid UTF-8; a byte that is none counts as one.
size_t CharacterCount(std::string_view text);
// The byte at which character `index` begins; text.size() beyond the end.
size_t CharacterOffset(std::string_view text, size_t index);

}  // namespace rondo::liquid
