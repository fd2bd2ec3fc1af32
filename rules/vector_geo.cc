// geo_distance(column, point) compared with a radius: a box of degrees first, then the distance of
// those inside.
//
// Box: J. P. Matuschek, "Finding points within a distance of a latitude/longitude using bounding
// coordinates", 2010.
#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "rules/functions.h"
#include "rules/masks.h"
#include "rules/vector_nodes.h"

namespace rondo::rules {
namespace {

constexpr double kUnitsPerDegree = 1e7;
constexpr double kRadian = std::numbers::pi / 180;
// Above what rounding can move a point or a bound: a metre.
constexpr double kSlackDegrees = 1e-5;

int32_t Units(double degrees, double from, double to) {
  return static_cast<int32_t>(std::clamp(degrees, from, to) * kUnitsPerDegree);
}

// All points within `metres` of `centre`, and some more.
GeoBox BoxAround(const Value& centre, double metres) {
  const double angle = std::max(metres, 0.0) / kEarthRadiusMetres;
  const double reach = angle / kRadian + kSlackDegrees;
  const double south = centre.latitude() - reach;
  const double north = centre.latitude() + reach;
  GeoBox box{.south = Units(south, -90, 90),
             .north = Units(north, -90, 90),
             .west = Units(-180, -180, 180),
             .east = Units(180, -180, 180)};
  if (south <= -90 || north >= 90) return box;  // Around a pole: every longitude.
  const double half =
      std::asin(std::min(1.0, std::sin(angle) / std::cos(centre.latitude() * kRadian))) / kRadian +
      kSlackDegrees;
  const double west = centre.longitude() - half;
  const double east = centre.longitude() + half;
  if (west < -180 || east > 180) return box;  // Across the antimeridian.
  box.west = Units(west, -180, 180);
  box.east = Units(east, -180, 180);
  return box;
}

class GeoWithin final : public Condition {
 public:
  GeoWithin(Leaf leaf, const Value& centre, GeoRadius radius, std::string text)
      : leaf_(std::move(leaf)),
        centre_(centre),
        radius_(radius),
        box_(BoxAround(centre, radius.metres)),
        text_(std::move(text)) {}
  void Eval(Chunk& chunk, const Words& want, Masks* out) const override {
    const ColumnView view = chunk.View(leaf_);
    Clear(out, chunk.words());
    if (view.kind != ColumnKind::kAbsent) {
      PointsInBox(box_, static_cast<const int64_t*>(view.data) + chunk.first, chunk.rows,
                  out->is_true.data());
    }
    for (size_t w = 0; w < chunk.words(); ++w) {
      const uint64_t valid = ValidWord(view, chunk.first, w);
      out->no_value[w] = ~valid;
      for (uint64_t rest = out->is_true[w] &= valid & want[w]; rest != 0; rest &= rest - 1) {
        const auto bit = static_cast<size_t>(__builtin_ctzll(rest));
        const Value point = ValueAt(view, chunk.first + w * 64 + bit);
        const double metres = MetresBetween(point, centre_);
        const bool within = radius_.inclusive ? metres <= radius_.metres : metres < radius_.metres;
        if (!within) out->is_true[w] &= ~(uint64_t{1} << bit);
      }
    }
  }
  double cost() const override { return 0.5; }
  std::string Describe(int indent) const override {
    return Line(indent, "places: " + text_, cost());
  }

 private:
  Leaf leaf_;
  Value centre_;
  GeoRadius radius_;
  GeoBox box_;
  std::string text_;
};

}  // namespace

ConditionPtr MakeGeoWithin(Leaf leaf, const Value& centre, GeoRadius radius, std::string text) {
  return std::make_unique<GeoWithin>(std::move(leaf), centre, radius, std::move(text));
}

}  // namespace rondo::rules
