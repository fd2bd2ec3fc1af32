#include "platform/storage/key.h"

namespace rondo::storage {
namespace {

constexpr char kEscape = '\0';
constexpr char kEnd = '\1';
constexpr char kZero = '\2';

}  // namespace

KeyBuilder& KeyBuilder::String(std::string_view value) {
  for (const char c : value) {
    key_.push_back(c);
    if (c == kEscape) key_.push_back(kZero);
  }
  key_.push_back(kEscape);
  key_.push_back(kEnd);
  return *this;
}

std::string KeyParser::String() {
  std::string value;
  for (size_t i = 0; i + 1 < rest_.size(); ++i) {
    if (rest_[i] != kEscape) {
      value.push_back(rest_[i]);
      continue;
    }
    const char after = rest_[++i];
    if (after == kZero) {
      value.push_back(kEscape);
    } else if (after == kEnd) {
      rest_.remove_prefix(i + 1);
      return value;
    } else {
      break;
    }
  }
  rest_ = {};
  ok_ = false;
  return {};
}

uint64_t KeyParser::BigEndian(int bytes) {
  if (rest_.size() < static_cast<size_t>(bytes)) {
    rest_ = {};
    ok_ = false;
    return 0;
  }
  uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) {
    value = (value << 8) | static_cast<unsigned char>(rest_[static_cast<size_t>(i)]);
  }
  rest_.remove_prefix(static_cast<size_t>(bytes));
  return value;
}

}  // namespace rondo::storage
