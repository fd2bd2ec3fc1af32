#include "stats/draws.h"

#include <boost/random/normal_distribution.hpp>
#include <cmath>
#include <limits>

namespace rondo::stats {
namespace {

// An Rng as Boost's distributions want it.
class Words {
 public:
  using result_type = uint64_t;
  explicit Words(Rng& rng) : rng_(rng) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() { return rng_.Next(); }

 private:
  Rng& rng_;
};

}  // namespace

double DrawNormal(Rng& rng) {
  Words words(rng);
  return boost::random::normal_distribution<double>()(words);
}

Gamma::Gamma(double shape) {
  if (shape < 1.0) {
    boost_ = 1.0 / shape;
    shape += 1.0;
  }
  d_ = shape - 1.0 / 3.0;
  c_ = 1.0 / std::sqrt(9.0 * d_);
}

double Gamma::Draw(Rng& rng) const {
  const double boost = boost_ == 0.0 ? 1.0 : std::pow(1.0 - rng.Uniform(), boost_);
  while (true) {
    const double normal = DrawNormal(rng);
    const double root = 1.0 + c_ * normal;
    if (root <= 0.0) continue;
    const double v = root * root * root;
    const double uniform = 1.0 - rng.Uniform();  // In (0, 1].
    // The paper's squeeze spares both logarithms in most rounds.
    const double square = normal * normal;
    if (uniform < 1.0 - 0.0331 * square * square) return boost * d_ * v;
    if (std::log(uniform) < 0.5 * square + d_ - d_ * v + d_ * std::log(v)) return boost * d_ * v;
  }
}

double Beta::Draw(Rng& rng) const {
  const double x = a_.Draw(rng);
  const double y = b_.Draw(rng);
  // Both underflow only for tiny shapes, where the mass sits at the two ends.
  if (x + y <= 0.0) return rng.Chance(mean_) ? 1.0 : 0.0;
  return x / (x + y);
}

double DrawGamma(double shape, Rng& rng) { return Gamma(shape).Draw(rng); }

double DrawBeta(double a, double b, Rng& rng) { return Beta(a, b).Draw(rng); }

}  // namespace rondo::stats
