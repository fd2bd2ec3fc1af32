#include "stats/draws.h"

#include <cmath>

namespace rondo::stats {

double DrawNormal(Rng& rng) {
  // The pair's second value is thrown away: an Rng has no place to keep it.
  while (true) {
    const double x = 2.0 * rng.Uniform() - 1.0;
    const double y = 2.0 * rng.Uniform() - 1.0;
    const double square = x * x + y * y;
    if (square > 0.0 && square < 1.0) return x * std::sqrt(-2.0 * std::log(square) / square);
  }
}

double DrawGamma(double shape, Rng& rng) {
  if (shape < 1.0) {
    const double boost = std::pow(1.0 - rng.Uniform(), 1.0 / shape);
    return boost * DrawGamma(shape + 1.0, rng);
  }
  const double d = shape - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  while (true) {
    const double normal = DrawNormal(rng);
    const double root = 1.0 + c * normal;
    if (root <= 0.0) continue;
    const double v = root * root * root;
    const double uniform = 1.0 - rng.Uniform();  // In (0, 1].
    // The paper's squeeze spares both logarithms in most rounds.
    const double square = normal * normal;
    if (uniform < 1.0 - 0.0331 * square * square) return d * v;
    if (std::log(uniform) < 0.5 * square + d - d * v + d * std::log(v)) return d * v;
  }
}

double DrawBeta(double a, double b, Rng& rng) {
  const double x = DrawGamma(a, rng);
  const double y = DrawGamma(b, rng);
  // Both underflow only for tiny shapes, where the mass sits at the two ends.
  if (x + y <= 0.0) return rng.Chance(a / (a + b)) ? 1.0 : 0.0;
  return x / (x + y);
}

}  // namespace rondo::stats
