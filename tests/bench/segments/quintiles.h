// ntile(5, x) of all by histograms instead of a sort: smaller values first, equal ones by number,
// the larger groups first, as SQL's ntile over (order by x, number) has it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rondo::bench {

class Quintiles {
 public:
  enum class Zeros { kCount, kLeftOut };
  // The first `rows` of `keys`, by customer's number, below 2^32 - 1; padded to whole words of 64.
  // Two threads.
  Quintiles(const std::vector<uint32_t>& keys, size_t rows, Zeros zeros);

  // Adds to each of 64 scores the fifth (1 to 5) of the customers from `row`, a multiple of 64, on.
  // `keys` as given to the constructor.
  void AddFifths(const std::vector<uint32_t>& keys, size_t row, uint8_t* scores) const;

 private:
  void FindValues(const std::vector<uint32_t>& keys, bool with_zeros);
  void FindCuts(const std::vector<uint32_t>& keys);

  size_t rows_;
  // Between fifth i and the next: below are the keys smaller than values_[i], and of those equal to
  // it the first lower_[i], which are those of numbers before cuts_[i].
  std::array<uint32_t, 4> values_{};
  std::array<uint64_t, 4> lower_{};
  std::array<size_t, 4> cuts_{};
};

}  // namespace rondo::bench
