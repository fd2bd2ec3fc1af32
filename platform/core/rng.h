// Chance as it is given to the house. The same seed gives the same numbers on every machine
// (std::mt19937_64 is fixed by the standard; its distributions are not, so these are ours).
#pragma once

#include <cstdint>
#include <random>

namespace rondo {

// Not thread-safe: one per strand of work.
class Rng {
 public:
  explicit Rng(uint64_t seed) : engine_(seed) {}

  uint64_t Next() { return engine_(); }
  // In [0, 1), 53 bits.
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // In [0, bound); bound >= 1. Lemire (2019): the bias of the multiply-shift is below 2^-64 *
  // bound.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }
  bool Chance(double probability) { return Uniform() < probability; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace rondo
