// Builds and takes apart keys: big-endian integers sort as numbers, inverted times newest first,
// strings are terminated so that no string's key is a prefix of another's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::storage {

class KeyBuilder {
 public:
  KeyBuilder& Byte(uint8_t value) {
    key_.push_back(static_cast<char>(value));
    return *this;
  }
  KeyBuilder& U16(uint16_t value) { return BigEndian(value, 2); }
  KeyBuilder& U32(uint32_t value) { return BigEndian(value, 4); }
  KeyBuilder& U64(uint64_t value) { return BigEndian(value, 8); }
  // Signed, in order of value.
  KeyBuilder& I64(int64_t value) { return U64(static_cast<uint64_t>(value) ^ (1ull << 63)); }
  // Signed, largest first: a timeline's newest event comes first.
  KeyBuilder& I64Descending(int64_t value) {
    return U64(~(static_cast<uint64_t>(value) ^ (1ull << 63)));
  }
  // Ends with 00 01; a zero byte within is written 00 02. Order is that of the strings.
  KeyBuilder& String(std::string_view value);
  // Unterminated: only as the last part.
  KeyBuilder& Raw(std::string_view value) {
    key_.append(value);
    return *this;
  }
  // Takes the key out; the builder is empty afterwards.
  std::string Build() { return std::exchange(key_, {}); }
  const std::string& view() const { return key_; }

 private:
  KeyBuilder& BigEndian(uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) key_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }
  std::string key_;
};

// Reads what KeyBuilder wrote, in the same order. After a part that is not there, ok() is false and
// all further parts are zero or empty.
class KeyParser {
 public:
  explicit KeyParser(std::string_view key) : rest_(key) {}
  uint8_t Byte() { return static_cast<uint8_t>(BigEndian(1)); }
  uint16_t U16() { return static_cast<uint16_t>(BigEndian(2)); }
  uint32_t U32() { return static_cast<uint32_t>(BigEndian(4)); }
  uint64_t U64() { return BigEndian(8); }
  int64_t I64() { return static_cast<int64_t>(U64() ^ (1ull << 63)); }
  int64_t I64Descending() { return static_cast<int64_t>(~U64() ^ (1ull << 63)); }
  std::string String();
  std::string_view Rest() const { return rest_; }
  bool ok() const { return ok_; }

 private:
  uint64_t BigEndian(int bytes);
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace rondo::storage
