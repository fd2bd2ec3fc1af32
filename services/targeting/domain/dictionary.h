// The strings of one column, each stored once and named by a dense code.
//
// Codes are given in order of first appearance and never change, so a code read from any snapshot
// is valid for ever. One thread adds; any number read meanwhile: At and size take no lock.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "rules/columns.h"

namespace rondo::targeting {

class StringDictionary final : public rules::Dictionary {
 public:
  StringDictionary() = default;
  ~StringDictionary() override;
  StringDictionary(const StringDictionary&) = delete;
  StringDictionary& operator=(const StringDictionary&) = delete;

  // The code of `text`, a new one if it has none. One thread at a time.
  uint32_t Add(std::string_view text);

  size_t size() const override { return size_.load(std::memory_order_acquire); }
  // `code` must come from Add.
  std::string_view At(size_t code) const override;
  int64_t Find(std::string_view text) const override;

 private:
  // Segment k holds kFirst << k strings, so that strings never move and codes find them by shifts.
  static constexpr size_t kFirst = 256;
  static constexpr size_t kSegments = 24;
  struct Place {
    size_t segment;
    size_t index;
  };
  static Place PlaceOf(size_t code);

  std::array<std::atomic<std::string*>, kSegments> segments_{};
  std::atomic<size_t> size_{0};
  mutable std::shared_mutex mutex_;  // Guards codes_.
  absl::flat_hash_map<absl::string_view, uint32_t> codes_;
};

}  // namespace rondo::targeting
