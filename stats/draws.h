// Random draws from the distributions that the house needs, the same for the same seed wherever the
// same release of Boost is (the standard library's distributions are not specified to that degree).
#pragma once

#include "platform/core/rng.h"

namespace rondo::stats {

// Mean 0, variance 1. Boost's ziggurat, after Marsaglia & Tsang (2000), JSS 5(8); 128 layers.
double DrawNormal(Rng& rng);

// Draws from one gamma distribution: shape > 0, scale 1. What follows from the shape is worked out
// once. Marsaglia & Tsang (2000), ACM TOMS 26:363-372; shapes below 1 by their boost.
class Gamma {
 public:
  explicit Gamma(double shape);
  double Draw(Rng& rng) const;

 private:
  double boost_ = 0.0;  // The boost's exponent; 0 for none.
  double d_ = 0.0;      // Named as in the paper.
  double c_ = 0.0;
};

// Draws from one beta distribution: a, b > 0; draws in [0, 1].
class Beta {
 public:
  Beta(double a, double b) : a_(a), b_(b), mean_(a / (a + b)) {}
  double Draw(Rng& rng) const;

 private:
  Gamma a_;
  Gamma b_;
  double mean_;
};

// A single draw of the above.
double DrawGamma(double shape, Rng& rng);
double DrawBeta(double a, double b, Rng& rng);

}  // namespace rondo::stats
