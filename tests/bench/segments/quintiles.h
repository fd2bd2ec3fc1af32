// ntile(5, x) of all by two histograms instead of a sort: smaller values first, equal ones by
// number, the larger groups first, as SQL's ntile over (order by x, number) has it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace rondo::bench {

class Quintiles {
 public:
  enum class Zeros { kCount, kLeftOut };
  // `keys` by customer's number. Two threads.
  Quintiles(const std::vector<uint32_t>& keys, Zeros zeros);

  // Gives the fifths (1 to 5) of all customers in order, from the first of a block of masks on.
  class Walk {
   public:
    // `row` is a multiple of the block's rows.
    Walk(const Quintiles& quintiles, size_t row);
    int Next(uint32_t key) {
      int fifth = 1;
      for (size_t i = 0; i < 4; ++i) fifth += key > values_[i] ? 1 : 0;
      for (size_t i = 0; i < 4; ++i) {
        if (key == values_[i]) fifth += equals_[i]++ >= lower_[i] ? 1 : 0;
      }
      return fifth;
    }

   private:
    std::array<uint32_t, 4> values_;
    std::array<uint32_t, 4> lower_;
    std::array<uint32_t, 4> equals_;  // Seen before.
  };

 private:
  void FindBoundaries(const std::vector<uint32_t>& keys, bool with_zeros);
  void CountEquals(const std::vector<uint32_t>& keys);

  // Between fifth i and i + 1: of those equal to values_[i] the first lower_[i] are in the lower.
  std::array<uint32_t, 4> values_{};
  std::array<uint32_t, 4> lower_{};
  // By block of masks: how many are equal to the boundaries before it.
  std::vector<std::array<uint32_t, 4>> equals_before_;
};

}  // namespace rondo::bench
