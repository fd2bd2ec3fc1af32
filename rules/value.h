// Values of the rule language, and the arena that holds what an evaluation makes.
//
// A Value is 16 bytes, trivially copyable, and borrows: strings, lists and maps point into the
// program's literals, the row's own memory or the evaluation's Arena, and live as long as these.
// Scalars never allocate. An error is a value too, so that `||` and `&&` can absorb it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace rondo::rules {

// Bump allocator of one evaluation at a time. Not thread-safe. Memory is released by Reset and by
// the destructor; destructors of what lies in it never run.
class Arena {
 public:
  static constexpr size_t kDefaultLimitBytes = size_t{32} << 20;
  explicit Arena(size_t limit_bytes = kDefaultLimitBytes) : limit_bytes_(limit_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Aligned to 16 bytes; never null. The limit is asked for by Fits, before anything that grows.
  void* Allocate(size_t bytes);
  bool Fits(size_t bytes) const { return bytes <= limit_bytes_ && used_ <= limit_bytes_ - bytes; }
  size_t used_bytes() const { return used_; }

  std::string_view Copy(std::string_view text);
  template <typename T>
  T* NewArray(size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T) * (count == 0 ? 1 : count))) T[count == 0 ? 1 : count];
  }
  template <typename T>
  T* New(T value) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (Allocate(sizeof(T))) T(value);
  }
  // Forgets everything, keeps the first block for the next evaluation.
  void Reset();

 private:
  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    size_t size = 0;
  };
  size_t limit_bytes_;
  size_t used_ = 0;
  size_t at_ = 0;  // Next free byte of the last block.
  std::vector<Block> blocks_;
};

enum class Kind : uint8_t {
  kError,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kType,
  kOptional,
  kMoney,
  kGeoPoint,
  kEvent,
  kIp,
  kCidr,
};

enum class ErrorCode : uint8_t {
  kNoValue,          // A null met an operator that needs a value: SQL's unknown.
  kNoOverload,       // Operand types that the function does not know.
  kInvalidArgument,  // A wrong value: division by zero, an index out of range, a bad conversion.
  kOverflow,         // Beyond the type's range.
  kNoSuchKey,
  kUnknownName,  // Only in unchecked programs.
  kLimit,        // Step or memory budget used up.
};

struct ErrorData {
  ErrorCode code = ErrorCode::kInvalidArgument;
  int32_t offset = -1;  // Byte offset in the expression; -1 when unknown.
  std::string_view message;
};

class Value;
struct MapEntry;
class EventSource;

// The address of an IP value: 4 bytes for IPv4, 16 for IPv6; prefix length for CIDR.
struct IpData {
  uint8_t bytes[16] = {};
  uint8_t length = 4;
  uint8_t prefix = 0;
};

inline constexpr int32_t kNanosPerSecond = 1'000'000'000;

class Value {
 public:
  constexpr Value() : payload_{.integer = 0}, aux_(0), kind_(Kind::kNull) {}

  static constexpr Value Null() { return Value(); }
  static constexpr Value Bool(bool v) { return Value(Kind::kBool, Payload{.integer = v ? 1 : 0}); }
  static constexpr Value Int(int64_t v) { return Value(Kind::kInt, Payload{.integer = v}); }
  static constexpr Value Uint(uint64_t v) { return Value(Kind::kUint, Payload{.natural = v}); }
  static constexpr Value Double(double v) { return Value(Kind::kDouble, Payload{.real = v}); }
  // Borrows `v`.
  static constexpr Value String(std::string_view v) { return Text(Kind::kString, v); }
  static constexpr Value Bytes(std::string_view v) { return Text(Kind::kBytes, v); }
  // A type's CEL name, such as `int` or `google.protobuf.Timestamp`. Borrows.
  static constexpr Value TypeName(std::string_view v) { return Text(Kind::kType, v); }
  // `nanos` in [0, 1e9): the instant is seconds + nanos.
  static constexpr Value Timestamp(int64_t seconds, int32_t nanos) {
    return Value(Kind::kTimestamp, Payload{.integer = seconds}, static_cast<uint32_t>(nanos));
  }
  // Microseconds since 1970-01-01T00:00:00Z, as the house stores instants.
  static constexpr Value TimestampMicros(int64_t micros) {
    int64_t seconds = micros / 1'000'000;
    int64_t rest = micros % 1'000'000;
    if (rest < 0) {
      rest += 1'000'000;
      --seconds;
    }
    return Timestamp(seconds, static_cast<int32_t>(rest * 1000));
  }
  // `nanos` in [0, 1e9), also for negative durations: -0.5 s is (-1, 500,000,000).
  static constexpr Value Duration(int64_t seconds, int32_t nanos) {
    return Value(Kind::kDuration, Payload{.integer = seconds}, static_cast<uint32_t>(nanos));
  }
  static constexpr Value List(std::span<const Value> items);
  // `entries` are sorted by CompareKeys and have no two equal keys (MakeMap sees to it).
  static constexpr Value SortedMap(std::span<const MapEntry> entries);
  // Null: optional.none().
  static constexpr Value Optional(const Value* value) {
    return Value(Kind::kOptional, Payload{.pointer = value});
  }
  // ISO 4217, three letters; other lengths become `???`.
  static constexpr Value Money(int64_t minor_units, std::string_view currency) {
    uint32_t packed = 0;
    for (size_t i = 0; i < 3; ++i) {
      packed = packed << 8 | static_cast<uint8_t>(currency.size() == 3 ? currency[i] : '?');
    }
    return Value(Kind::kMoney, Payload{.integer = minor_units}, packed);
  }
  // Degrees; kept to 1e-7 of one (about a centimetre).
  static Value GeoPoint(double latitude, double longitude);
  static constexpr Value Event(const EventSource* source, uint32_t index) {
    return Value(Kind::kEvent, Payload{.pointer = source}, index);
  }
  static constexpr Value Ip(const IpData* ip) { return Value(Kind::kIp, Payload{.pointer = ip}); }
  static constexpr Value Cidr(const IpData* ip) {
    return Value(Kind::kCidr, Payload{.pointer = ip});
  }
  static constexpr Value Error(const ErrorData* error) {
    return Value(Kind::kError, Payload{.pointer = error});
  }
  static Value MakeError(Arena& arena, ErrorCode code, std::string_view message,
                         int32_t offset = -1);

  constexpr Kind kind() const { return kind_; }
  constexpr bool is_error() const { return kind_ == Kind::kError; }
  constexpr bool is_null() const { return kind_ == Kind::kNull; }
  constexpr bool is(Kind kind) const { return kind_ == kind; }
  constexpr bool is_true() const { return kind_ == Kind::kBool && payload_.integer != 0; }
  constexpr bool is_false() const { return kind_ == Kind::kBool && payload_.integer == 0; }

  // Each may be called only on its own kind.
  constexpr bool boolean() const { return payload_.integer != 0; }
  constexpr int64_t integer() const { return payload_.integer; }
  constexpr uint64_t natural() const { return payload_.natural; }
  constexpr double real() const { return payload_.real; }
  // Of strings, bytes and types.
  constexpr std::string_view text() const { return {payload_.text, aux_}; }
  // Of timestamps and durations.
  constexpr int64_t seconds() const { return payload_.integer; }
  constexpr int32_t nanos() const { return static_cast<int32_t>(aux_); }
  // Of a timestamp, rounded down.
  constexpr int64_t micros() const { return payload_.integer * 1'000'000 + nanos() / 1000; }
  std::span<const Value> items() const {
    return {static_cast<const Value*>(payload_.pointer), aux_};
  }
  std::span<const MapEntry> entries() const;
  // Null when absent.
  const Value* optional() const { return static_cast<const Value*>(payload_.pointer); }
  std::string currency() const;
  double latitude() const { return payload_.degrees[0] * 1e-7; }
  double longitude() const { return payload_.degrees[1] * 1e-7; }
  const EventSource* event_source() const {
    return static_cast<const EventSource*>(payload_.pointer);
  }
  uint32_t event_index() const { return aux_; }
  const IpData& ip() const { return *static_cast<const IpData*>(payload_.pointer); }
  const ErrorData& error() const { return *static_cast<const ErrorData*>(payload_.pointer); }

  // For comparisons of whole payloads within one kind.
  constexpr uint32_t aux() const { return aux_; }

 private:
  union Payload {
    int64_t integer;
    uint64_t natural;
    double real;
    const char* text;
    const void* pointer;
    int32_t degrees[2];
  };
  constexpr Value(Kind kind, Payload payload, uint32_t aux = 0)
      : payload_(payload), aux_(aux), kind_(kind) {}
  static constexpr Value Text(Kind kind, std::string_view v) {
    return Value(kind, Payload{.text = v.data()}, static_cast<uint32_t>(v.size()));
  }

  Payload payload_;
  uint32_t aux_;
  Kind kind_;
};
static_assert(sizeof(Value) == 16 && std::is_trivially_copyable_v<Value>);

struct MapEntry {
  Value key;
  Value value;
};

constexpr Value Value::List(std::span<const Value> items) {
  return Value(Kind::kList, Payload{.pointer = items.data()}, static_cast<uint32_t>(items.size()));
}
constexpr Value Value::SortedMap(std::span<const MapEntry> entries) {
  return Value(Kind::kMap, Payload{.pointer = entries.data()},
               static_cast<uint32_t>(entries.size()));
}
inline std::span<const MapEntry> Value::entries() const {
  return {static_cast<const MapEntry*>(payload_.pointer), aux_};
}

// CEL's equality: numbers by their mathematical value whatever their types, NaN unequal to itself,
// maps without order, different kinds unequal. Neither may be an error.
bool Equal(const Value& a, const Value& b);

// How much there is in `value` when it is written out, at most `most`: each item counts as often as
// it stands in it, and text by 256 bytes; a scalar is 0. Values share their parts, so that thirty
// doublings make a billion items of one: whatever walks a value asks this first.
int64_t WeightOf(const Value& value, int64_t most);

enum class Order : int8_t { kLess = -1, kEqual = 0, kGreater = 1, kUnordered = 2, kNone = 3 };
// CEL's order; kUnordered when a NaN takes part, kNone for kinds that have no order (or money of
// two currencies). Strings by their bytes, which for UTF-8 is the order of code points.
Order Compare(const Value& a, const Value& b);
// A total order over the kinds that may be map keys; numbers of equal value are equal.
int CompareKeys(const Value& a, const Value& b);

// Sorts `entries` in place. False when two keys are equal; then the order is unspecified.
bool SortMapEntries(std::span<MapEntry> entries);
// The value of `key`, or null pointer.
const Value* FindInMap(const Value& map, const Value& key);

// The CEL name of the value's type: `int`, `list`, `google.protobuf.Timestamp`, `net.IP`.
std::string_view TypeNameOf(const Value& value);
// For messages, tests and tables; strings quoted, lists and maps in CEL's syntax.
std::string DebugString(const Value& value);
// A deep copy into `arena`.
Value CopyInto(const Value& value, Arena& arena);

}  // namespace rondo::rules
