#include "rules/value.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rules/number.h"
#include "rules/row.h"
#include "rules/text.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

constexpr size_t kFirstBlockBytes = 4096;

// Order of an integer and a double: outside the integer's range by the range, inside it as doubles
// (cel-spec, conformance: comparisons; 2^63 as a double equals the largest int).
template <typename Integer>
Order CompareToDouble(Integer a, double b) {
  if (std::isnan(b)) return Order::kUnordered;
  const double low = std::is_signed_v<Integer> ? -0x1p63 : 0.0;
  const double high = std::is_signed_v<Integer> ? 0x1p63 : 0x1p64;
  if (b < low) return Order::kGreater;
  if (b > high) return Order::kLess;
  const auto rounded = static_cast<double>(a);
  return rounded < b ? Order::kLess : rounded > b ? Order::kGreater : Order::kEqual;
}

Order Reverse(Order order) {
  if (order == Order::kLess) return Order::kGreater;
  if (order == Order::kGreater) return Order::kLess;
  return order;
}

template <typename T>
Order Of(const T& a, const T& b) {
  return a < b ? Order::kLess : b < a ? Order::kGreater : Order::kEqual;
}

bool IsNumber(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kDouble;
}

Order CompareNumbers(const Value& a, const Value& b) {
  switch (a.kind()) {
    case Kind::kInt:
      if (b.is(Kind::kInt)) return Of(a.integer(), b.integer());
      if (b.is(Kind::kDouble)) return CompareToDouble(a.integer(), b.real());
      if (a.integer() < 0) return Order::kLess;
      return Of(static_cast<uint64_t>(a.integer()), b.natural());
    case Kind::kUint:
      if (b.is(Kind::kUint)) return Of(a.natural(), b.natural());
      if (b.is(Kind::kDouble)) return CompareToDouble(a.natural(), b.real());
      return Reverse(CompareNumbers(b, a));
    default:
      if (!b.is(Kind::kDouble)) return Reverse(CompareNumbers(b, a));
      if (std::isnan(a.real()) || std::isnan(b.real())) return Order::kUnordered;
      return Of(a.real(), b.real());
  }
}

bool EqualMaps(const Value& a, const Value& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (const MapEntry& entry : a.entries()) {
    const Value* other = FindInMap(b, entry.key);
    if (other == nullptr || !Equal(entry.value, *other)) return false;
  }
  return true;
}

// IPv4 addresses equal their IPv4-mapped IPv6 form (RFC 4291, 2.5.5.2).
std::string_view CanonicalIp(const IpData& ip, uint8_t (&buffer)[16]) {
  if (ip.length == 4) {
    std::memset(buffer, 0, 10);
    std::memset(buffer + 10, 0xff, 2);
    std::memcpy(buffer + 12, ip.bytes, 4);
  } else {
    std::memcpy(buffer, ip.bytes, 16);
  }
  return {reinterpret_cast<const char*>(buffer), 16};
}

bool EqualIps(const Value& a, const Value& b) {
  uint8_t left[16];
  uint8_t right[16];
  if (a.is(Kind::kCidr) && (a.ip().prefix != b.ip().prefix || a.ip().length != b.ip().length)) {
    return false;
  }
  return CanonicalIp(a.ip(), left) == CanonicalIp(b.ip(), right);
}

int KeyRank(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return 0;
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      return 1;
    default:
      return 2;
  }
}

std::string DebugList(const Value& list) {
  std::string out = "[";
  for (const Value& item : list.items()) {
    absl::StrAppend(&out, out.size() > 1 ? ", " : "", DebugString(item));
  }
  return out + "]";
}

std::string DebugMap(const Value& map) {
  std::string out = "{";
  for (const MapEntry& entry : map.entries()) {
    absl::StrAppend(&out, out.size() > 1 ? ", " : "", DebugString(entry.key), ": ",
                    DebugString(entry.value));
  }
  return out + "}";
}

}  // namespace

void* Arena::Allocate(size_t bytes) {
  bytes = (bytes + 15) & ~size_t{15};
  used_ += bytes;
  if (blocks_.empty() || at_ + bytes > blocks_.back().size) {
    const size_t grown = blocks_.empty() ? kFirstBlockBytes : blocks_.back().size * 2;
    const size_t size = std::max(bytes, std::min(grown, size_t{1} << 20));
    blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
    at_ = 0;
  }
  void* place = blocks_.back().bytes.get() + at_;
  at_ += bytes;
  return place;
}

std::string_view Arena::Copy(std::string_view text) {
  if (text.empty()) return {};
  char* place = static_cast<char*>(Allocate(text.size()));
  std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

void Arena::Reset() {
  if (blocks_.size() > 1) blocks_.resize(1);
  at_ = 0;
  used_ = 0;
}

Value Value::GeoPoint(double latitude, double longitude) {
  Payload payload;
  payload.degrees[0] = static_cast<int32_t>(std::lround(std::clamp(latitude, -90.0, 90.0) * 1e7));
  payload.degrees[1] =
      static_cast<int32_t>(std::lround(std::clamp(longitude, -180.0, 180.0) * 1e7));
  return Value(Kind::kGeoPoint, payload);
}

Value Value::MakeError(Arena& arena, ErrorCode code, std::string_view message, int32_t offset) {
  return Error(arena.New(ErrorData{code, offset, arena.Copy(message)}));
}

std::string Value::currency() const {
  return {static_cast<char>(aux_ >> 16 & 0xff), static_cast<char>(aux_ >> 8 & 0xff),
          static_cast<char>(aux_ & 0xff)};
}

int64_t WeightOf(const Value& value, int64_t most) {
  switch (value.kind()) {
    case Kind::kString:
    case Kind::kBytes:
      return std::min<int64_t>(static_cast<int64_t>(value.text().size() / 256), most);
    case Kind::kOptional:
      return value.optional() == nullptr ? 0 : WeightOf(*value.optional(), most);
    case Kind::kList: {
      auto weight = static_cast<int64_t>(value.items().size());
      for (const Value& item : value.items()) {
        if (weight >= most) return most;
        weight += WeightOf(item, most - weight);
      }
      return std::min(weight, most);
    }
    case Kind::kMap: {
      auto weight = static_cast<int64_t>(value.entries().size());
      for (const MapEntry& entry : value.entries()) {
        if (weight >= most) return most;
        weight += WeightOf(entry.value, most - weight);
      }
      return std::min(weight, most);
    }
    default:
      return 0;
  }
}

bool Equal(const Value& a, const Value& b) {
  if (IsNumber(a.kind()) && IsNumber(b.kind())) return CompareNumbers(a, b) == Order::kEqual;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull:
      return true;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType:
      return a.text() == b.text();
    case Kind::kList:
      return std::ranges::equal(a.items(), b.items(), Equal);
    case Kind::kMap:
      return EqualMaps(a, b);
    case Kind::kOptional:
      if (a.optional() == nullptr || b.optional() == nullptr) return a.optional() == b.optional();
      return Equal(*a.optional(), *b.optional());
    case Kind::kIp:
    case Kind::kCidr:
      return EqualIps(a, b);
    default:
      return a.integer() == b.integer() && a.aux() == b.aux();
  }
}

Order Compare(const Value& a, const Value& b) {
  if (IsNumber(a.kind()) && IsNumber(b.kind())) return CompareNumbers(a, b);
  if (a.kind() != b.kind()) return Order::kNone;
  switch (a.kind()) {
    case Kind::kBool:
      return Of(a.boolean(), b.boolean());
    case Kind::kString:
    case Kind::kBytes:
      return Of(a.text(), b.text());
    case Kind::kTimestamp:
    case Kind::kDuration:
      if (a.seconds() != b.seconds()) return Of(a.seconds(), b.seconds());
      return Of(a.nanos(), b.nanos());
    case Kind::kMoney:
      return a.aux() == b.aux() ? Of(a.integer(), b.integer()) : Order::kNone;
    default:
      return Order::kNone;
  }
}

int CompareKeys(const Value& a, const Value& b) {
  if (KeyRank(a.kind()) != KeyRank(b.kind())) return KeyRank(a.kind()) - KeyRank(b.kind());
  const Order order = Compare(a, b);
  // NaN is refused as a key by MakeMap's callers; when looked up it equals none.
  return order == Order::kUnordered ? 1 : static_cast<int>(order);
}

bool SortMapEntries(std::span<MapEntry> entries) {
  std::ranges::sort(
      entries, [](const MapEntry& a, const MapEntry& b) { return CompareKeys(a.key, b.key) < 0; });
  for (size_t i = 1; i < entries.size(); ++i) {
    if (CompareKeys(entries[i - 1].key, entries[i].key) == 0) return false;
  }
  return true;
}

const Value* FindInMap(const Value& map, const Value& key) {
  const bool may_be_key = IsNumber(key.kind()) || key.is(Kind::kBool) || key.is(Kind::kString);
  if (!may_be_key || (key.is(Kind::kDouble) && std::isnan(key.real()))) return nullptr;
  const std::span<const MapEntry> entries = map.entries();
  const auto at = std::ranges::lower_bound(
      entries, 0, {}, [&](const MapEntry& entry) { return CompareKeys(entry.key, key); });
  return at != entries.end() && CompareKeys(at->key, key) == 0 ? &at->value : nullptr;
}

std::string_view TypeNameOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kError:
      return "error";
    case Kind::kNull:
      return "null_type";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kUint:
      return "uint";
    case Kind::kDouble:
      return "double";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTimestamp:
      return "google.protobuf.Timestamp";
    case Kind::kDuration:
      return "google.protobuf.Duration";
    case Kind::kList:
      return "list";
    case Kind::kMap:
      return "map";
    case Kind::kType:
      return "type";
    case Kind::kOptional:
      return "optional_type";
    case Kind::kMoney:
      return "rondo.type.v1.Money";
    case Kind::kGeoPoint:
      return "rondo.type.v1.GeoPoint";
    case Kind::kEvent:
      return "rondo.Event";
    case Kind::kIp:
      return "net.IP";
    case Kind::kCidr:
      return "net.CIDR";
  }
  return "unknown";
}

std::string DebugString(const Value& value) {
  switch (value.kind()) {
    case Kind::kError:
      return absl::StrFormat("error(%s)", value.error().message);
    case Kind::kNull:
      return "null";
    case Kind::kBool:
      return value.boolean() ? "true" : "false";
    case Kind::kInt:
      return absl::StrCat(value.integer());
    case Kind::kUint:
      return absl::StrCat(value.natural(), "u");
    case Kind::kDouble:
      return DoubleLiteral(value.real());
    case Kind::kString:
      return QuoteLiteral(value.text());
    case Kind::kBytes:
      return "b" + QuoteBytesLiteral(value.text());
    case Kind::kTimestamp:
      return "timestamp('" + FormatTimestamp(value.seconds(), value.nanos()) + "')";
    case Kind::kDuration:
      return "duration('" + FormatDuration(value.seconds(), value.nanos()) + "')";
    case Kind::kList:
      return DebugList(value);
    case Kind::kMap:
      return DebugMap(value);
    case Kind::kType:
      return std::string(value.text());
    case Kind::kOptional:
      return value.optional() == nullptr ? "optional.none()"
                                         : "optional.of(" + DebugString(*value.optional()) + ")";
    case Kind::kMoney:
      return absl::StrCat("money(", value.integer(), ", '", value.currency(), "')");
    case Kind::kGeoPoint:
      return absl::StrFormat("point(%.7f, %.7f)", value.latitude(), value.longitude());
    case Kind::kEvent:
      return absl::StrCat("event(", value.event_source()->TimeMicros(value.event_index()), ")");
    case Kind::kIp:
    case Kind::kCidr:
      return absl::StrCat(value.is(Kind::kIp) ? "ip('" : "cidr('", FormatIp(value.ip()),
                          value.is(Kind::kCidr) ? absl::StrCat("/", value.ip().prefix) : "", "')");
  }
  return "unknown";
}

Value CopyInto(const Value& value, Arena& arena) {
  switch (value.kind()) {
    case Kind::kString:
      return Value::String(arena.Copy(value.text()));
    case Kind::kBytes:
      return Value::Bytes(arena.Copy(value.text()));
    case Kind::kType:
      return Value::TypeName(arena.Copy(value.text()));
    case Kind::kList: {
      Value* items = arena.NewArray<Value>(value.items().size());
      for (size_t i = 0; i < value.items().size(); ++i) {
        items[i] = CopyInto(value.items()[i], arena);
      }
      return Value::List({items, value.items().size()});
    }
    case Kind::kMap: {
      MapEntry* entries = arena.NewArray<MapEntry>(value.entries().size());
      for (size_t i = 0; i < value.entries().size(); ++i) {
        entries[i] = {CopyInto(value.entries()[i].key, arena),
                      CopyInto(value.entries()[i].value, arena)};
      }
      return Value::SortedMap({entries, value.entries().size()});
    }
    case Kind::kOptional:
      if (value.optional() == nullptr) return value;
      return Value::Optional(arena.New(CopyInto(*value.optional(), arena)));
    case Kind::kIp:
      return Value::Ip(arena.New(value.ip()));
    case Kind::kCidr:
      return Value::Cidr(arena.New(value.ip()));
    case Kind::kError:
      return Value::MakeError(arena, value.error().code, value.error().message,
                              value.error().offset);
    default:
      return value;
  }
}

}  // namespace rondo::rules
