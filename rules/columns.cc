#include "rules/columns.h"

#include <bit>
#include <cmath>

namespace rondo::rules {

int64_t PackGeoPoint(double latitude, double longitude) {
  const auto scaled = [](double degrees) {
    return static_cast<uint64_t>(static_cast<uint32_t>(std::lround(degrees * 1e7)));
  };
  return std::bit_cast<int64_t>(scaled(latitude) << 32 | scaled(longitude));
}

Value UnpackGeoPoint(int64_t packed) {
  const auto degrees = [](int64_t half) { return static_cast<int32_t>(half) * 1e-7; };
  return Value::GeoPoint(degrees(packed >> 32), degrees(packed));
}

}  // namespace rondo::rules
