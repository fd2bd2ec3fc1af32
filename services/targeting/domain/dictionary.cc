#include "services/targeting/domain/dictionary.h"

#include <mutex>

#include "platform/core/status_macros.h"

namespace rondo::targeting {

StringDictionary::~StringDictionary() {
  for (std::atomic<std::string*>& segment : segments_) delete[] segment.load();
}

StringDictionary::Place StringDictionary::PlaceOf(size_t code) {
  const size_t shifted = code / kFirst + 1;
  const size_t segment = static_cast<size_t>(std::bit_width(shifted)) - 1;
  return {segment, code - ((size_t{1} << segment) - 1) * kFirst};
}

uint32_t StringDictionary::Add(std::string_view text) {
  if (const auto known = codes_.find(absl::string_view(text.data(), text.size()));
      known != codes_.end())
    return known->second;
  const size_t code = size_.load(std::memory_order_relaxed);
  const Place place = PlaceOf(code);
  RONDO_CHECK(place.segment < kSegments);
  std::string* segment = segments_[place.segment].load(std::memory_order_relaxed);
  if (segment == nullptr) {
    segment = new std::string[kFirst << place.segment];
    segments_[place.segment].store(segment, std::memory_order_release);
  }
  segment[place.index] = text;
  {
    const std::unique_lock lock(mutex_);
    codes_.emplace(segment[place.index], static_cast<uint32_t>(code));
  }
  size_.store(code + 1, std::memory_order_release);
  return static_cast<uint32_t>(code);
}

std::string_view StringDictionary::At(size_t code) const {
  const Place place = PlaceOf(code);
  return segments_[place.segment].load(std::memory_order_acquire)[place.index];
}

int64_t StringDictionary::Find(std::string_view text) const {
  const std::shared_lock lock(mutex_);
  const auto known = codes_.find(absl::string_view(text.data(), text.size()));
  return known == codes_.end() ? -1 : static_cast<int64_t>(known->second);
}

}  // namespace rondo::targeting
