#include "tests/bench/segments/loops.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "tests/bench/segments/quintiles.h"

namespace rondo::bench {
namespace {

constexpr uint32_t kDay = 86'400;

uint32_t NowSeconds() { return static_cast<uint32_t>(absl::ToUnixSeconds(Population::Now())); }

// Whether a code is one of up to four: compares, which become vectors where a table would not.
auto InAny(const Values& values, std::array<std::string_view, 4> texts) {
  std::array<uint8_t, 4> codes{};
  for (size_t i = 0; i < 4; ++i) {
    codes[i] = static_cast<uint8_t>(Population::CodeOf(values, texts[i]));
  }
  return [codes](uint8_t code) {
    const auto is = [code](uint8_t other) { return code == other ? 1 : 0; };
    return (is(codes[0]) | is(codes[1]) | is(codes[2]) | is(codes[3])) != 0;
  };
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
  recency_.resize(words * 64);
  frequency_.resize(words * 64);
  monetary_.resize(words * 64);
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
  const auto in_countries = InAny(countries, {"DE", "FR", "AT", "CH"});
  const auto in_languages = InAny(languages, {"de", "fr", "en", "en"});
  const auto since = static_cast<uint32_t>(
      absl::ToUnixSeconds(absl::FromCivil(absl::CivilSecond(2020, 1, 1), absl::UTCTimeZone())));
  return Select([&](Mask& mask) {
    KeepBits(all_.coded<uint64_t>("consent_email"), mask);
    Keep(all_.coded<uint8_t>("country"), mask, in_countries);
    KeepBits(countries.validity, mask);
    Keep(all_.coded<uint8_t>("language"), mask, in_languages);
    KeepBits(languages.validity, mask);
    Keep(all_.coded<uint8_t>("age"), mask, [](uint8_t age) { return age >= 25 && age < 55; });
    KeepBits(all_.column("age").validity, mask);
    Keep(all_.coded<uint32_t>("joined"), mask, [since](uint32_t at) { return at >= since; });
  });
}

// How many purchases were before `seconds`: they are in order of time, so a window is found, not
// scanned for.
size_t Loops::PurchasesBefore(uint32_t seconds) const {
  const auto begin = all_.purchase_seconds().begin();
  const auto end = begin + static_cast<ptrdiff_t>(all_.purchases());
  return static_cast<size_t>(std::lower_bound(begin, end, seconds) - begin);
}

// Keeps the rows whose counters of both threads `hold`.
template <typename Hold>
void Loops::KeepCounted(Mask& mask, const Hold& hold) const {
  for (size_t w = 0; w < mask.words; ++w) {
    const size_t row = (mask.first_word + w) * 64;
    uint8_t bytes[64];
    for (size_t i = 0; i < 64; ++i) {
      bytes[i] = hold(counters_[0][row + i], counters_[1][row + i]) ? 1 : 0;
    }
    mask.bits[w] &= PackWord(bytes);
  }
}

Loops::Numbers Loops::FrequentBuyers() {
  const size_t first = PurchasesBefore(NowSeconds() - 90 * kDay + 1);
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
  return Select(
      [&](Mask& mask) { KeepCounted(mask, [](uint8_t a, uint8_t b) { return a + b >= 3; }); });
}

Loops::Numbers Loops::Lapsing() {
  const uint32_t now = NowSeconds();
  const size_t active = PurchasesBefore(now - 240 * kDay);
  // A purchase at that very second is in neither window.
  const size_t between = PurchasesBefore(now - 60 * kDay);
  const size_t quiet = PurchasesBefore(now - 60 * kDay + 1);
  const std::vector<uint32_t>& owners = all_.purchase_customers();
  constexpr uint8_t kBought = 0x80;
  OnTwoThreads([&](int thread) {
    std::vector<uint8_t>& counters = counters_[thread];
    std::fill(counters.begin(), counters.end(), 0);
    const Half before(between - active, thread);
    for (size_t i = active + before.begin; i < active + before.end; ++i) {
      uint8_t& counter = counters[owners[i]];
      counter = static_cast<uint8_t>(counter + (counter < 2 ? 1 : 0));
    }
    const Half lately(all_.purchases() - quiet, thread);
    for (size_t i = quiet + lately.begin; i < quiet + lately.end; ++i) {
      counters[owners[i]] |= kBought;
    }
  });
  return Select([&](Mask& mask) {
    KeepCounted(mask, [](uint8_t a, uint8_t b) {
      return ((a | b) & kBought) == 0 && (a & 3) + (b & 3) >= 2;
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

// Last purchase, number and sum of them, by customer. Sums are differences of a running one: a loop
// over each customer's few purchases would mispredict its end.
void Loops::SumUp() {
  constexpr size_t kBlock = 65'536;
  OnTwoThreads([&](int thread) {
    const Half half(all_.customers(), thread);
    std::vector<uint32_t> running;
    for (size_t row = half.begin; row < half.end; row += kBlock) {
      const size_t end = std::min(half.end, row + kBlock);
      const uint32_t first = starts_[row];
      running.resize(starts_[end] - first + 1);
      uint32_t sum = 0;
      for (size_t i = first; i < starts_[end]; ++i) running[i - first + 1] = sum += cents_[i];
      for (size_t n = row; n < end; ++n) {
        const uint32_t from = starts_[n];
        const uint32_t to = starts_[n + 1];
        const uint32_t last = seconds_[std::max(to, uint32_t{1}) - 1];
        recency_[n] = to > from ? last : 0;
        frequency_[n] = to - from;
        monetary_[n] = running[to - first] - running[from - first];
      }
    }
  });
}

Loops::Numbers Loops::BestByRfm() {
  SumUp();
  // Who never bought has no recency, and so no score, but counts among the others' frequencies.
  const Quintiles recency(recency_, all_.customers(), Quintiles::Zeros::kLeftOut);
  const Quintiles frequency(frequency_, all_.customers(), Quintiles::Zeros::kCount);
  const Quintiles monetary(monetary_, all_.customers(), Quintiles::Zeros::kCount);
  return Select([&](Mask& mask) {
    for (size_t w = 0; w < mask.words; ++w) {
      const size_t row = (mask.first_word + w) * 64;
      uint8_t scores[64] = {};
      recency.AddFifths(recency_, row, scores);
      frequency.AddFifths(frequency_, row, scores);
      monetary.AddFifths(monetary_, row, scores);
      uint8_t bytes[64];
      for (size_t i = 0; i < 64; ++i) bytes[i] = scores[i] >= 12 && recency_[row + i] != 0 ? 1 : 0;
      mask.bits[w] &= PackWord(bytes);
    }
  });
}

}  // namespace rondo::bench
