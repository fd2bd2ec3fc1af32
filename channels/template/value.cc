#include "channels/template/value.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace rondo::liquid {
namespace {

constexpr int kTextDepthMax = 100;  // Of lists within lists.

std::string FormatDouble(double value) {
  if (!std::isfinite(value))
    return std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  std::string text(buffer, end.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

double AsDouble(const Value& number) {
  if (const auto* integer = number.As<int64_t>()) return static_cast<double>(*integer);
  return *number.As<double>();
}

void AppendText(const Value& value, int depth, std::string& out);

void AppendItems(const Value& list, int depth, std::string& out) {
  if (depth >= kTextDepthMax) return;
  if (const auto* range = list.As<Range>()) {
    out += std::to_string(range->first) + ".." + std::to_string(range->last);
    return;
  }
  const int64_t size = list.Size();
  for (int64_t i = 0; i < size; ++i) AppendText(list.At(i), depth + 1, out);
}

void AppendText(const Value& value, int depth, std::string& out) {
  if (value.IsList()) {
    AppendItems(value, depth, out);
  } else if (value.IsObject()) {
    out += value.json()->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  } else if (const auto* text = value.As<Text>()) {
    out += text->bytes;
  } else if (const auto* boolean = value.As<bool>()) {
    out += *boolean ? "true" : "false";
  } else if (const auto* integer = value.As<int64_t>()) {
    out += std::to_string(*integer);
  } else if (const auto* real = value.As<double>()) {
    out += FormatDouble(*real);
  } else if (value.As<Value::Loop>() != nullptr) {
    out += "forloop";
  }
}

bool EqualsSpecial(const Value& value, Special special) {
  if (const auto* other = value.As<Special>()) return *other == special;
  return special == Special::kEmpty ? value.IsEmpty() : value.IsBlank();
}

bool ListsEqual(const Value& a, const Value& b) {
  const int64_t size = a.Size();
  if (size != b.Size()) return false;
  const auto* left = a.As<Range>();
  const auto* right = b.As<Range>();
  if (left != nullptr && right != nullptr) return size == 0 || left->first == right->first;
  for (int64_t i = 0; i < size; ++i) {
    if (!Equals(a.At(i), b.At(i))) return false;
  }
  return true;
}

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u; }

Value LoopMember(const LoopState& loop, std::string_view key) {
  if (key == "index") return Value(loop.index + 1);
  if (key == "index0") return Value(loop.index);
  if (key == "rindex") return Value(loop.length - loop.index);
  if (key == "rindex0") return Value(loop.length - loop.index - 1);
  if (key == "first") return Value(loop.index == 0);
  if (key == "last") return Value(loop.index + 1 == loop.length);
  if (key == "length") return Value(loop.length);
  if (key == "name") return Value(loop.name);
  if (key == "parentloop" && loop.parent != nullptr) return Value(loop.parent);
  return Value();
}

}  // namespace

int64_t Range::size() const {
  if (last < first) return 0;
  const auto distance = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return distance >= kMax ? std::numeric_limits<int64_t>::max()
                          : static_cast<int64_t>(distance) + 1;
}

Value::Value(const nlohmann::json& json) {
  switch (json.type()) {
    case nlohmann::json::value_t::boolean:
      v_ = json.get<bool>();
      break;
    case nlohmann::json::value_t::number_integer:
      v_ = json.get<int64_t>();
      break;
    case nlohmann::json::value_t::number_unsigned: {
      const auto number = json.get<uint64_t>();
      if (number <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        v_ = static_cast<int64_t>(number);
      } else {
        v_ = static_cast<double>(number);
      }
      break;
    }
    case nlohmann::json::value_t::number_float:
      v_ = json.get<double>();
      break;
    case nlohmann::json::value_t::string:
      v_ = Text{json.get_ref<const std::string&>(), false};
      break;
    case nlohmann::json::value_t::array:
    case nlohmann::json::value_t::object:
      v_ = &json;
      break;
    default:
      break;
  }
}

bool Value::IsList() const {
  return As<List>() != nullptr || As<Range>() != nullptr ||
         (json() != nullptr && json()->is_array());
}

bool Value::IsObject() const { return json() != nullptr && json()->is_object(); }

bool Value::Truthy() const {
  if (const auto* boolean = As<bool>()) return *boolean;
  return !IsNil();
}

bool Value::IsEmpty() const {
  if (const auto* text = As<Text>()) return text->bytes.empty();
  return (IsList() || IsObject()) && Size() == 0;
}

bool Value::IsBlank() const {
  if (const auto* text = As<Text>()) {
    return absl::StripAsciiWhitespace(text->bytes).empty();
  }
  return !Truthy() || IsEmpty();
}

std::string Value::ToText() const {
  std::string out;
  AppendText(*this, 0, out);
  return out;
}

std::optional<Value> Value::ToNumber() const {
  if (IsNumber()) return *this;
  const auto* text = As<Text>();
  if (text == nullptr) return std::nullopt;
  const auto trimmed = absl::StripAsciiWhitespace(text->bytes);
  // Only digits, sign and point: neither "inf" nor "0x10" nor "1e999" is a number to an author.
  if (trimmed.empty() || trimmed.find_first_not_of("+-.0123456789") != absl::string_view::npos) {
    return std::nullopt;
  }
  int64_t integer = 0;
  if (absl::SimpleAtoi(trimmed, &integer)) return Value(integer);
  double real = 0;
  if (absl::SimpleAtod(trimmed, &real)) return Value(real);
  return std::nullopt;
}

std::optional<int64_t> Value::ToInteger() const {
  const std::optional<Value> number = ToNumber();
  if (!number.has_value()) return std::nullopt;
  if (const auto* integer = number->As<int64_t>()) return *integer;
  const double real = *number->As<double>();
  if (!(std::fabs(real) < 9.2e18)) return std::nullopt;
  return static_cast<int64_t>(real);
}

int64_t Value::Size() const {
  if (const auto* list = As<List>()) return static_cast<int64_t>((*list)->size());
  if (const auto* range = As<Range>()) return range->size();
  if (const auto* text = As<Text>()) return static_cast<int64_t>(CharacterCount(text->bytes));
  if (json() != nullptr) return static_cast<int64_t>(json()->size());
  return 0;
}

Value Value::At(int64_t index) const {
  if (!IsList()) return Value();
  const int64_t size = Size();
  if (index < 0) index += size;
  if (index < 0 || index >= size) return Value();
  if (const auto* list = As<List>()) return (**list)[static_cast<size_t>(index)];
  if (const auto* range = As<Range>()) return Value(range->first + index);
  return Value((*json())[static_cast<size_t>(index)]);
}

Value Value::Member(std::string_view key) const {
  if (IsObject()) {
    const auto found = json()->find(std::string(key));
    if (found != json()->end()) return Value(*found);
    if (key == "size") return Value(Size());
    if (key == "first" && !json()->empty()) {
      return Value(std::vector<Value>{Value(json()->begin().key()), Value(*json()->begin())});
    }
    return Value();
  }
  if (const auto* loop = As<Loop>()) return LoopMember(**loop, key);
  if (key == "size" && (IsList() || As<Text>() != nullptr)) return Value(Size());
  if (key == "first") return At(0);
  if (key == "last") return At(-1);
  return Value();
}

Value Value::Lookup(const Value& key) const {
  if (const auto* name = key.As<Text>()) {
    // `list["first"]` is no member: only the dotted form reads those.
    return IsList() ? Value() : Member(name->bytes);
  }
  if (const auto* index = key.As<int64_t>()) return At(*index);
  return Value();
}

bool Equals(const Value& a, const Value& b) {
  if (const auto* special = b.As<Special>()) return EqualsSpecial(a, *special);
  if (const auto* special = a.As<Special>()) return EqualsSpecial(b, *special);
  if (a.IsNil() || b.IsNil()) return a.IsNil() && b.IsNil();
  if (a.IsNumber() && b.IsNumber()) return Compare(a, b) == 0;
  if (const auto* left = a.As<Text>()) {
    const auto* right = b.As<Text>();
    return right != nullptr && left->bytes == right->bytes;
  }
  if (const auto* left = a.As<bool>()) {
    const auto* right = b.As<bool>();
    return right != nullptr && *left == *right;
  }
  if (a.IsList() && b.IsList()) return ListsEqual(a, b);
  if (a.IsObject() && b.IsObject()) return *a.json() == *b.json();
  return false;
}

std::optional<int> Compare(const Value& a, const Value& b) {
  if (a.IsNumber() && b.IsNumber()) {
    const auto* left = a.As<int64_t>();
    const auto* right = b.As<int64_t>();
    if (left != nullptr && right != nullptr) return *left < *right ? -1 : *left > *right ? 1 : 0;
    const double x = AsDouble(a);
    const double y = AsDouble(b);
    if (std::isnan(x) || std::isnan(y)) return std::nullopt;
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const auto* left = a.As<Text>();
  const auto* right = b.As<Text>();
  if (left == nullptr || right == nullptr) return std::nullopt;
  const int order = left->bytes.compare(right->bytes);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool Contains(const Value& whole, const Value& part) {
  if (part.IsNil()) return false;
  if (const auto* text = whole.As<Text>()) {
    return text->bytes.find(part.ToText()) != std::string::npos;
  }
  if (whole.IsObject()) {
    const auto* key = part.As<Text>();
    return key != nullptr && whole.json()->contains(key->bytes);
  }
  if (const auto* range = whole.As<Range>()) {
    const auto* number = part.As<int64_t>();
    return number != nullptr && range->first <= *number && *number <= range->last;
  }
  if (!whole.IsList()) return false;
  const int64_t size = whole.Size();
  for (int64_t i = 0; i < size; ++i) {
    if (Equals(whole.At(i), part)) return true;
  }
  return false;
}

size_t CharacterCount(std::string_view text) {
  size_t count = 0;
  for (const char byte : text) count += IsContinuation(byte) ? 0 : 1;
  return count;
}

size_t CharacterOffset(std::string_view text, size_t index) {
  size_t at = 0;
  while (at < text.size()) {
    if (!IsContinuation(text[at]) && index-- == 0) return at;
    ++at;
  }
  return text.size();
}

}  // namespace rondo::liquid
