#include "tests/bench/segments/loops.h"

#include <cmath>
#include <cstdlib>
#include <numbers>

#include "tests/bench/segments/masks.h"
#include "tests/bench/segments/quintiles.h"

namespace rondo::bench {
namespace {

constexpr uint32_t kDay = 86'400;

uint32_t NowSeconds() { return static_cast<uint32_t>(absl::ToUnixSeconds(Population::Now())); }

// Codes as bits: IN of up to 64 codes is one shift.
uint64_t SetOf(const Values& values, std::initializer_list<std::string_view> texts) {
  uint64_t set = 0;
  for (const std::string_view text : texts) set |= uint64_t{1} << Population::CodeOf(values, text);
  return set;
}

// As geo_distance: haversine on the sphere of the mean Earth radius.
double Metres(double latitude_a, double longitude_a, double latitude_b, double longitude_b) {
  constexpr double kRadian = std::numbers::pi / 180;
  const double up = std::sin((latitude_b - latitude_a) * kRadian / 2);
  const double along = std::sin((longitude_b - longitude_a) * kRadian / 2);
  const double a =
      up * up + std::cos(latitude_a * kRadian) * std::cos(latitude_b * kRadian) * along * along;
  return 2 * 6371008.8 * std::asin(std::sqrt(std::min(1.0, a)));
}

}  // namespace

Loops::Loops(const Population& population) : all_(population) {
  const std::vector<uint32_t>& owners = all_.purchase_customers();
  const size_t rows = all_.customers();
  starts_.assign(rows + 1, 0);
  for (size_t i = 0; i < all_.purchases(); ++i) ++starts_[owners[i] + 1];
  for (size_t i = 0; i < rows; ++i) starts_[i + 1] += starts_[i];
  std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
  seconds_.resize(all_.purchases());
  cents_.resize(all_.purchases());
  for (size_t i = 0; i < all_.purchases(); ++i) {
    const uint32_t at = next[owners[i]]++;
    seconds_[at] = all_.purchase_seconds()[i];
    cents_[at] = all_.purchase_cents()[i];
  }
  reachable_ = all_.coded<uint64_t>("consent_email");
  const size_t words = (rows + 63) / 64;
  active_.assign(words, 0);
  basic_.assign(words, 0);
  const auto basic = Population::CodeOf(all_.column("tier"), "basic");
  for (size_t n = 0; n < rows; ++n) {
    const uint64_t bit = uint64_t{1} << n % 64;
    const bool bought = starts_[n] < starts_[n + 1];
    if (bought && seconds_[starts_[n + 1] - 1] > NowSeconds() - 180 * kDay) active_[n / 64] |= bit;
    if (all_.coded<uint8_t>("tier")[n] == basic) basic_[n / 64] |= bit;
  }
  for (auto& counters : counters_) counters.resize(words * 64);
  recency_.resize(rows);
  frequency_.resize(rows);
  monetary_.resize(rows);
}

std::vector<uint32_t> Loops::Run(std::string_view name) {
  switch (name.empty() ? ' ' : name[0]) {
    case 'a':
      return GoldInGermany();
    case 'b':
      return SixPredicates();
    case 'c':
      return FrequentBuyers();
    case 'd':
      return Lapsing();
    case 'e':
      return TopOfTier();
    case 'f':
      return Nearby();
    case 'g':
      return ThreeSegments();
    case 'h':
      return BestByRfm();
    default:
      std::abort();
  }
}

// `mask_of(mask)` leaves those selected in the mask.
template <typename MaskOf>
std::vector<uint32_t> Loops::Select(const MaskOf& mask_of) const {
  Numbers found[2];
  OnTwoThreads([&](int thread) {
    Numbers& mine = found[thread];
    ForEachMask(all_.customers(), thread, [&](Mask& mask) {
      mask_of(mask);
      size_t count = 0;
      for (size_t w = 0; w < mask.words; ++w) {
        count += static_cast<size_t>(std::popcount(mask.bits[w]));
      }
      size_t at = mine.size();
      if (mine.capacity() < at + count) mine.reserve(2 * (at + count));
      mine.resize(at + count);
      for (size_t w = 0; w < mask.words; ++w) {
        const size_t row = (mask.first_word + w) * 64;
        for (uint64_t rest = mask.bits[w]; rest != 0; rest &= rest - 1) {
          mine[at++] = static_cast<uint32_t>(row + static_cast<size_t>(std::countr_zero(rest)));
        }
      }
    });
  });
  found[0].insert(found[0].end(), found[1].begin(), found[1].end());
  return std::move(found[0]);
}

Loops::Numbers Loops::GoldInGermany() {
  const Values& tiers = all_.column("tier");
  const Values& countries = all_.column("country");
  const auto gold = static_cast<uint8_t>(Population::CodeOf(tiers, "gold"));
  const auto germany = static_cast<uint8_t>(Population::CodeOf(countries, "DE"));
  return Select([&](Mask& mask) {
    Keep(all_.coded<uint8_t>("tier"), mask, [gold](uint8_t code) { return code == gold; });
    Keep(all_.coded<uint8_t>("country"), mask, [germany](uint8_t code) { return code == germany; });
    KeepBits(countries.validity, mask);
  });
}

Loops::Numbers Loops::SixPredicates() {
  const Values& countries = all_.column("country");
  const Values& languages = all_.column("language");
  const uint64_t country_set = SetOf(countries, {"DE", "FR", "AT", "CH"});
  const uint64_t language_set = SetOf(languages, {"de", "fr", "en"});
  const auto since = static_cast<uint32_t>(
      absl::ToUnixSeconds(absl::FromCivil(absl::CivilSecond(2020, 1, 1), absl::UTCTimeZone())));
  const auto in = [](uint64_t set) {
    return [set](uint8_t code) { return (set >> code & 1) != 0; };
  };
  return Select([&](Mask& mask) {
    KeepBits(all_.coded<uint64_t>("consent_email"), mask);
    Keep(all_.coded<uint8_t>("country"), mask, in(country_set));
    KeepBits(countries.validity, mask);
    Keep(all_.coded<uint8_t>("language"), mask, in(language_set));
    KeepBits(languages.validity, mask);
    Keep(all_.coded<uint8_t>("age"), mask, [](uint8_t age) { return age >= 25 && age < 55; });
    KeepBits(all_.column("age").validity, mask);
    Keep(all_.coded<uint32_t>("joined"), mask, [since](uint32_t at) { return at >= since; });
  });
}

Loops::Numbers Loops::FrequentBuyers() {
  const std::vector<uint32_t>& times = all_.purchase_seconds();
  const auto sold_end = times.begin() + static_cast<ptrdiff_t>(all_.purchases());
  // Purchases are in order of time: the window is found, not scanned for.
  const auto window = std::upper_bound(times.begin(), sold_end, NowSeconds() - 90 * kDay);
  const auto first = static_cast<size_t>(window - times.begin());
  const std::vector<uint32_t>& owners = all_.purchase_customers();
  const auto& categories = std::get<std::vector<uint8_t>>(all_.purchase_categories().data);
  const auto wanted =
      static_cast<uint8_t>(Population::CodeOf(all_.purchase_categories(), "grocery"));
  OnTwoThreads([&](int thread) {
    std::vector<uint8_t>& counters = counters_[thread];
    std::fill(counters.begin(), counters.end(), 0);
    const Half half(all_.purchases() - first, thread);
    for (size_t i = first + half.begin; i < first + half.end; ++i) {
      if (categories[i] != wanted) continue;
      uint8_t& counter = counters[owners[i]];
      counter = static_cast<uint8_t>(counter + (counter < 3 ? 1 : 0));
    }
  });
  return Select([&](Mask& mask) {
    for (size_t w = 0; w < mask.words; ++w) {
      const size_t row = (mask.first_word + w) * 64;
      uint8_t bytes[64];
      for (size_t i = 0; i < 64; ++i) {
        bytes[i] = counters_[0][row + i] + counters_[1][row + i] >= 3 ? 1 : 0;
      }
      uint64_t word = 0;
      for (size_t i = 0; i < 8; ++i) word |= PackBytes(bytes + i * 8) << i * 8;
      mask.bits[w] &= word;
    }
  });
}

Loops::Numbers Loops::Lapsing() {
  const uint32_t quiet_since = NowSeconds() - 60 * kDay;
  const uint32_t active_since = NowSeconds() - 240 * kDay;
  return Select([&](Mask& mask) {
    KeepEach(mask, [&](size_t row) {
      const uint32_t first = starts_[row];
      uint32_t at = starts_[row + 1];
      if (at < first + 2 || seconds_[at - 1] > quiet_since) return false;
      // A purchase at that very second is in neither window.
      while (at > first && seconds_[at - 1] >= quiet_since) --at;
      return at >= first + 2 && seconds_[at - 2] >= active_since;
    });
  });
}

Loops::Numbers Loops::TopOfTier() {
  const auto gold = static_cast<uint8_t>(Population::CodeOf(all_.column("tier"), "gold"));
  const std::vector<uint8_t>& tiers = all_.coded<uint8_t>("tier");
  const Values& values = all_.column("ltv");
  const std::vector<double>& ltv = all_.coded<double>("ltv");
  const auto in_tier = [&](Mask& mask) {
    Keep(tiers, mask, [gold](uint8_t code) { return code == gold; });
    KeepBits(values.validity, mask);
  };
  std::vector<double> found[2];
  OnTwoThreads([&](int thread) {
    ForEachMask(all_.customers(), thread, [&](Mask& mask) {
      in_tier(mask);
      KeepEach(mask, [&](size_t row) {
        found[thread].push_back(ltv[row]);
        return true;
      });
    });
  });
  ranked_.assign(found[0].begin(), found[0].end());
  ranked_.insert(ranked_.end(), found[1].begin(), found[1].end());
  if (ranked_.empty()) return {};
  // percent_rank is the number of smaller values divided by that of all others.
  const double others = std::max(1.0, static_cast<double>(ranked_.size() - 1));
  size_t index = static_cast<size_t>(0.9 * others);
  while (static_cast<double>(index) / others < 0.9) ++index;
  const auto at = ranked_.begin() + static_cast<ptrdiff_t>(std::min(index, ranked_.size() - 1));
  std::nth_element(ranked_.begin(), at, ranked_.end());
  const double threshold = *at;
  const auto smaller = std::count_if(ranked_.begin(), at, [&](double v) { return v < threshold; });
  const bool equal_counts = static_cast<double>(smaller) / others >= 0.9;
  const Values& contacts = all_.column("last_contact.email");
  const std::vector<uint32_t>& contacted = all_.coded<uint32_t>("last_contact.email");
  const uint32_t before = NowSeconds() - 7 * kDay;
  return Select([&](Mask& mask) {
    in_tier(mask);
    KeepBits(all_.coded<uint64_t>("consent_email"), mask);
    KeepEach(mask, [&](size_t row) {
      if (ltv[row] < threshold || (ltv[row] == threshold && !equal_counts)) return false;
      return !contacts.Has(row) || contacted[row] < before;
    });
  });
}

Loops::Numbers Loops::Nearby() {
  constexpr double kLatitude = 37.56;
  constexpr double kLongitude = 126.97;
  // A box around the circle, a little larger; then the distance for who is in it.
  const double up = 10'000 / 6371008.8 * 180 / std::numbers::pi * 1.001;
  const double along = up / std::cos((kLatitude + up) * std::numbers::pi / 180);
  const auto scaled = [](double degrees) {
    return static_cast<int32_t>(std::lround(degrees * 1e7));
  };
  const auto within = [](int32_t low, int32_t high) {
    const auto from = static_cast<uint32_t>(low);
    const uint32_t span = static_cast<uint32_t>(high) - from;
    return [from, span](uint32_t value) { return value - from <= span; };
  };
  const Values& places = all_.column("location");
  const std::vector<uint32_t>& latitudes = all_.coded<uint32_t>("location");
  const auto in_latitude = within(scaled(kLatitude - up), scaled(kLatitude + up));
  const auto in_longitude = within(scaled(kLongitude - along), scaled(kLongitude + along));
  const auto degrees = [](uint32_t value) { return static_cast<int32_t>(value) / 1e7; };
  return Select([&](Mask& mask) {
    Keep(latitudes, mask, in_latitude);
    Keep(places.longitudes, mask, in_longitude);
    KeepBits(places.validity, mask);
    KeepEach(mask, [&](size_t row) {
      return Metres(degrees(latitudes[row]), degrees(places.longitudes[row]), kLatitude,
                    kLongitude) < 10'000;
    });
  });
}

Loops::Numbers Loops::ThreeSegments() {
  return Select([&](Mask& mask) {
    KeepBits(reachable_, mask);
    KeepBits(active_, mask);
    DropBits(basic_, mask);
  });
}

Loops::Numbers Loops::BestByRfm() {
  OnTwoThreads([&](int thread) {
    const Half half(all_.customers(), thread);
    for (size_t row = half.begin; row < half.end; ++row) {
      const uint32_t first = starts_[row];
      const uint32_t last = starts_[row + 1];
      uint32_t sum = 0;
      for (uint32_t i = first; i < last; ++i) sum += cents_[i];
      recency_[row] = last > first ? seconds_[last - 1] : 0;
      frequency_[row] = last - first;
      monetary_[row] = sum;
    }
  });
  // Who never bought has no recency, and so no score, but counts among the others' frequencies.
  const Quintiles recency(recency_, Quintiles::Zeros::kLeftOut);
  const Quintiles frequency(frequency_, Quintiles::Zeros::kCount);
  const Quintiles monetary(monetary_, Quintiles::Zeros::kCount);
  return Select([&](Mask& mask) {
    Quintiles::Walk by_recency(recency, mask.first_word * 64);
    Quintiles::Walk by_frequency(frequency, mask.first_word * 64);
    Quintiles::Walk by_monetary(monetary, mask.first_word * 64);
    KeepEach(mask, [&](size_t row) {
      const int r = by_recency.Next(recency_[row]);
      const int score = r + by_frequency.Next(frequency_[row]) + by_monetary.Next(monetary_[row]);
      return recency_[row] != 0 && score >= 12;
    });
  });
}

}  // namespace rondo::bench
