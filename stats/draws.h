// Random draws from the distributions that the house needs, the same on every machine for the same
// seed (the standard library's distributions are not specified to that degree).
#pragma once

#include "platform/core/rng.h"

namespace rondo::stats {

// Mean 0, variance 1. Marsaglia's polar method (1964); one draw uses two uniforms or more.
double DrawNormal(Rng& rng);

// Shape > 0, scale 1. Marsaglia & Tsang (2000), ACM TOMS 26:363-372; shapes below 1 by their boost.
double DrawGamma(double shape, Rng& rng);

// a, b > 0; in [0, 1].
double DrawBeta(double a, double b, Rng& rng);

}  // namespace rondo::stats
