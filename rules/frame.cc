#include "rules/frame.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace rondo::rules {
namespace {

constexpr ErrorData kNoValueError = {ErrorCode::kNoValue, -1,
                                     "a value is missing (null) where one is needed"};
constexpr std::string_view kTooLarge = "the result is too large";

bool MayBeKey(const Value& key) {
  switch (key.kind()) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kString:
      return true;
    default:
      return false;
  }
}

}  // namespace

Value NoValue() { return Value::Error(&kNoValueError); }

Value Frame::NewString(std::string_view text) {
  if (!arena.Fits(text.size())) return Fail(ErrorCode::kLimit, kTooLarge);
  return Value::String(arena.Copy(text));
}

Value Frame::NewBytes(std::string_view bytes) {
  if (!arena.Fits(bytes.size())) return Fail(ErrorCode::kLimit, kTooLarge);
  return Value::Bytes(arena.Copy(bytes));
}

Value Frame::NewList(std::span<const Value> items) {
  if (!arena.Fits(items.size() * sizeof(Value))) return Fail(ErrorCode::kLimit, kTooLarge);
  Value* copy = arena.NewArray<Value>(items.size());
  std::ranges::copy(items, copy);
  return Value::List({copy, items.size()});
}

Value Frame::NewMap(std::span<MapEntry> entries) {
  for (const MapEntry& entry : entries) {
    if (!MayBeKey(entry.key)) {
      return Fail(ErrorCode::kInvalidArgument,
                  absl::StrCat("unsupported key type: ", std::string(TypeNameOf(entry.key))));
    }
  }
  if (!arena.Fits(entries.size() * sizeof(MapEntry))) return Fail(ErrorCode::kLimit, kTooLarge);
  MapEntry* copy = arena.NewArray<MapEntry>(entries.size());
  std::ranges::copy(entries, copy);
  if (!SortMapEntries({copy, entries.size()})) {
    return Fail(ErrorCode::kInvalidArgument, "a map may not have the same key twice");
  }
  return Value::SortedMap({copy, entries.size()});
}

Value Frame::NoOverload(std::string_view name, std::span<const Value> args) {
  std::string types;
  for (const Value& arg : args) {
    if (arg.is_null()) return NoValue();
    absl::StrAppend(&types, types.empty() ? "" : ", ", std::string(TypeNameOf(arg)));
  }
  return Fail(ErrorCode::kNoOverload,
              absl::StrCat("no such overload: ", std::string(name), "(", types, ")"));
}

}  // namespace rondo::rules
