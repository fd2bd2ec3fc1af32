#include "tests/bench/segments/population.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "platform/core/rng.h"

namespace rondo::bench {
namespace {

constexpr uint64_t kDaySeconds = 86'400;

size_t Padded(size_t rows) { return (rows + 63) / 64 * 64; }

uint64_t NowSeconds() { return static_cast<uint64_t>(absl::ToUnixSeconds(Population::Now())); }

// Numbers 0, 1, … drawn by weights 1 / (k + 1)^exponent.
class Zipf {
 public:
  Zipf(size_t count, double exponent) {
    double sum = 0;
    for (size_t k = 0; k < count; ++k) {
      sum += std::pow(static_cast<double>(k + 1), -exponent);
      upper_.push_back(sum);
    }
  }
  uint64_t Draw(Rng& rng) const {
    const double at = rng.Uniform() * upper_.back();
    const auto found = std::upper_bound(upper_.begin(), upper_.end() - 1, at);
    return static_cast<uint64_t>(found - upper_.begin());
  }

 private:
  std::vector<double> upper_;
};

// About normal, with mean 0 and deviation 1 (sum of 12 uniforms).
double DrawNormal(Rng& rng) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += rng.Uniform();
  return sum;
}

std::vector<std::string> Names(std::string_view prefix, size_t count) {
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(absl::StrFormat("%s%03d", prefix, i));
  return names;
}

// `first`, then invented names.
std::vector<std::string> NamesAfter(std::vector<std::string> first, std::string_view prefix,
                                    size_t count) {
  for (size_t i = first.size(); i < count; ++i)
    first.push_back(absl::StrFormat("%s%02d", prefix, i));
  return first;
}

// Makes columns one after another, each from numbers of its own.
class Maker {
 public:
  Maker(size_t rows, uint64_t seed, std::vector<Values>& columns)
      : rows_(rows), seed_(seed), columns_(columns) {}

  // `draw(rng, row)` gives each value, as T.
  template <typename T, typename Draw>
  void Add(Values values, double null_share, const Draw& draw) {
    Rng rng(seed_ * 1'000 + columns_.size());
    std::vector<T> data(Padded(rows_));
    if (null_share > 0) values.validity.resize(Padded(rows_) / 64);
    for (size_t row = 0; row < rows_; ++row) {
      if (null_share > 0) {
        if (rng.Chance(null_share)) continue;
        values.validity[row / 64] |= uint64_t{1} << row % 64;
      }
      data[row] = static_cast<T>(draw(rng, row));
    }
    values.data = std::move(data);
    columns_.push_back(std::move(values));
  }

  void AddFlag(std::string name, double share, double null_share) {
    Rng rng(seed_ * 1'000 + columns_.size());
    Values values{.name = std::move(name), .kind = ValueKind::kFlag};
    std::vector<uint64_t> bits(Padded(rows_) / 64);
    values.validity.resize(null_share > 0 ? bits.size() : 0);
    for (size_t row = 0; row < rows_; ++row) {
      const uint64_t bit = uint64_t{1} << row % 64;
      if (null_share > 0) {
        if (rng.Chance(null_share)) continue;
        values.validity[row / 64] |= bit;
      }
      if (rng.Chance(share)) bits[row / 64] |= bit;
    }
    values.data = std::move(bits);
    columns_.push_back(std::move(values));
  }

  // Towns around forty centres; the first is 37.56 north, 126.97 east.
  void AddPoint(std::string name, double null_share) {
    Rng rng(seed_ * 1'000 + columns_.size());
    Values values{.name = std::move(name), .kind = ValueKind::kPoint};
    std::vector<std::pair<double, double>> centres = {{37.56, 126.97}};
    while (centres.size() < 40) {
      centres.emplace_back(rng.Uniform() * 110 - 50, rng.Uniform() * 340 - 170);
    }
    const Zipf town(centres.size(), 0.8);
    std::vector<uint32_t> latitudes(Padded(rows_));
    values.longitudes.resize(Padded(rows_));
    values.validity.resize(Padded(rows_) / 64);
    const auto scaled = [](double degrees) {
      return static_cast<uint32_t>(static_cast<int32_t>(std::lround(degrees * 1e7)));
    };
    for (size_t row = 0; row < rows_; ++row) {
      if (rng.Chance(null_share)) continue;
      const auto& [latitude, longitude] = centres[town.Draw(rng)];
      values.validity[row / 64] |= uint64_t{1} << row % 64;
      latitudes[row] = scaled(latitude + DrawNormal(rng) * 0.15);
      values.longitudes[row] = scaled(longitude + DrawNormal(rng) * 0.2);
    }
    values.data = std::move(latitudes);
    columns_.push_back(std::move(values));
  }

 private:
  size_t rows_;
  uint64_t seed_;
  std::vector<Values>& columns_;
};

const std::vector<std::string>& Categories() {
  static const std::vector<std::string> names =
      NamesAfter({"grocery", "clothes", "drugs", "toys", "shoes", "books"}, "category-", 50);
  return names;
}

void WriteBytes(const std::filesystem::path& file, const void* data, size_t bytes) {
  std::ofstream out(file, std::ios::binary);
  out.write(static_cast<const char*>(data), static_cast<std::streamsize>(bytes));
  if (!out.good()) std::abort();
}

std::string_view NameOf(ValueKind kind) {
  static constexpr std::string_view kNames[] = {"code",    "int",  "real", "flag",
                                                "seconds", "days", "point"};
  return kNames[static_cast<size_t>(kind)];
}

// Writes one column; returns its entry of the schema.
std::string ExportColumn(const std::filesystem::path& folder, const Values& values, size_t rows) {
  size_t width = 0;
  std::visit(
      [&](const auto& data) {
        width = sizeof data[0];
        const size_t items = values.kind == ValueKind::kFlag ? data.size() : rows;
        WriteBytes(folder / (values.name + ".bin"), data.data(), items * width);
      },
      values.data);
  if (!values.longitudes.empty()) {
    WriteBytes(folder / (values.name + ".longitude.bin"), values.longitudes.data(),
               rows * sizeof(uint32_t));
  }
  if (!values.validity.empty()) {
    WriteBytes(folder / (values.name + ".valid.bin"), values.validity.data(),
               values.validity.size() * sizeof(uint64_t));
  }
  std::vector<std::string> texts;
  for (const std::string& text : values.dictionary) texts.push_back(absl::StrCat("\"", text, "\""));
  return absl::StrFormat(
      R"({"name":"%s","kind":"%s","width":%d,"nullable":%s,"signal":%s,"dictionary":[%s]})",
      values.name, NameOf(values.kind), width, values.validity.empty() ? "false" : "true",
      values.is_signal ? "true" : "false", absl::StrJoin(texts, ","));
}

}  // namespace

uint64_t Values::Integer(size_t row) const {
  if (kind == ValueKind::kFlag) {
    return std::get<std::vector<uint64_t>>(data)[row / 64] >> row % 64 & 1;
  }
  return std::visit([row](const auto& values) { return static_cast<uint64_t>(values[row]); }, data);
}

size_t Values::raw_bytes(size_t rows) const {
  size_t bytes = validity.empty() ? 0 : (rows + 7) / 8;
  if (kind == ValueKind::kFlag) return bytes + (rows + 7) / 8;
  bytes += std::visit([rows](const auto& values) { return rows * sizeof values[0]; }, data);
  return bytes + (longitudes.empty() ? 0 : rows * sizeof longitudes[0]);
}

Population::Population(size_t customers, uint64_t seed)
    : customers_(customers),
      purchases_(customers * kPurchasesPerCustomer),
      stride_(UINT64_MAX / std::max<uint64_t>(customers, 2)) {
  MakeCustomers(seed);
  MakePurchases(seed + 1);
}

void Population::MakeCustomers(uint64_t seed) {
  Maker maker(customers_, seed, columns_);
  const auto shares = [](std::initializer_list<double> list) {
    return [list = std::vector<double>(list)](Rng& rng, size_t) {
      double at = rng.Uniform();
      size_t index = 0;
      while (index + 1 < list.size() && at >= list[index]) at -= list[index++];
      return index;
    };
  };
  const auto zipf = [](size_t count, double exponent) {
    return [law = Zipf(count, exponent)](Rng& rng, size_t) { return law.Draw(rng); };
  };
  const auto code = [](std::string name, std::vector<std::string> dictionary) {
    return Values{
        .name = std::move(name), .kind = ValueKind::kCode, .dictionary = std::move(dictionary)};
  };
  const uint64_t now = NowSeconds();
  maker.Add<uint8_t>(code("tier", {"basic", "silver", "gold", "platinum"}), 0,
                     shares({0.55, 0.25, 0.14, 0.06}));
  maker.Add<uint8_t>(
      code("country", NamesAfter({"US", "DE", "FR", "KR", "AT", "CH", "IT", "ES"}, "x", 14)), 0.01,
      shares({0.3, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.03, 0.03, 0.02, 0.02}));
  maker.Add<uint16_t>(code("city", Names("city-", 2'000)), 0.08, zipf(2'000, 0.9));
  maker.Add<uint8_t>(code("gender", {"f", "m", "x"}), 0.15, shares({0.5, 0.48, 0.02}));
  maker.Add<uint8_t>(code("language", NamesAfter({"en", "de", "fr", "ko", "it"}, "l", 25)), 0.02,
                     zipf(25, 1.1));
  maker.Add<uint8_t>({.name = "age"}, 0.12, [](Rng& rng, size_t) {
    return std::clamp(44 + DrawNormal(rng) * 15, 18.0, 99.0);
  });
  maker.Add<uint16_t>({.name = "birthday", .kind = ValueKind::kDays}, 0.2,
                      [](Rng& rng, size_t) { return rng.Below(14'000); });
  maker.Add<uint32_t>({.name = "joined", .kind = ValueKind::kSeconds}, 0,
                      [now](Rng& rng, size_t) { return now - rng.Below(3'650 * kDaySeconds); });
  maker.AddFlag("consent_email", 0.62, 0);
  maker.AddFlag("consent_sms", 0.28, 0.05);
  maker.AddFlag("consent_push", 0.35, 0.3);
  maker.AddFlag("consent_call", 0.06, 0);
  maker.AddFlag("opted", 0.8, 0.02);
  maker.Add<uint8_t>(code("favourite", Categories()), 0.3, zipf(50, 0.9));
  maker.AddPoint("location", 0.2);
  maker.Add<double>({.name = "balance", .kind = ValueKind::kReal}, 0.05, [](Rng& rng, size_t) {
    return std::floor(rng.Uniform() * rng.Uniform() * 100'000) / 100;
  });
  maker.Add<uint32_t>({.name = "points"}, 0, [](Rng& rng, size_t) {
    return static_cast<uint64_t>(std::pow(rng.Uniform(), 4) * 100'000);
  });
  maker.Add<uint8_t>({.name = "household"}, 0.4, [](Rng& rng, size_t) { return 1 + rng.Below(6); });
  maker.Add<uint8_t>(code("device", {"none", "ios", "android", "web"}), 0,
                     shares({0.2, 0.25, 0.35, 0.2}));
  maker.Add<uint16_t>(code("branch", Names("branch-", 800)), 0.1, zipf(800, 0.5));
  maker.Add<double>({.name = "ltv", .kind = ValueKind::kReal, .is_signal = true}, 0.1,
                    [](Rng& rng, size_t) { return std::exp(4 + DrawNormal(rng) * 1.2); });
  const auto contact = [now](uint64_t days) {
    return [now, days](Rng& rng, size_t) {
      const double age = rng.Uniform() * rng.Uniform() * static_cast<double>(days * kDaySeconds);
      return now - 1 - static_cast<uint64_t>(age);
    };
  };
  maker.Add<uint32_t>(
      {.name = "last_contact.email", .kind = ValueKind::kSeconds, .is_signal = true}, 0.35,
      contact(180));
  maker.Add<uint32_t>({.name = "last_contact.sms", .kind = ValueKind::kSeconds, .is_signal = true},
                      0.75, contact(360));
}

void Population::MakePurchases(uint64_t seed) {
  Maker maker(purchases_, seed, purchase_columns_);
  // A quarter never buys; of the others the most active buy ten times as often as the least. Who
  // they are has nothing to do with their numbers.
  uint64_t step = 2'654'435'761 % std::max<uint64_t>(customers_, 1);
  while (std::gcd(step, customers_) != 1) ++step;
  const auto active = static_cast<double>(customers_) * 0.75;
  maker.Add<uint32_t>({.name = "customer"}, 0, [&](Rng& rng, size_t) {
    const double u = 0.1 + 0.9 * rng.Uniform();
    const auto rank = static_cast<uint64_t>(active * (u * u - 0.01) / 0.99);
    return std::min<uint64_t>(rank, customers_ - 1) * step % customers_;
  });
  constexpr uint64_t kHistory = 730 * kDaySeconds;
  const uint64_t begin = NowSeconds() - kHistory;
  maker.Add<uint32_t>({.name = "seconds", .kind = ValueKind::kSeconds}, 0, [&](Rng&, size_t row) {
    return begin + row * (kHistory - 1) / std::max<size_t>(purchases_, 1);
  });
  const Zipf category(50, 0.9);
  maker.Add<uint8_t>({.name = "category", .kind = ValueKind::kCode, .dictionary = Categories()}, 0,
                     [&](Rng& rng, size_t) { return category.Draw(rng); });
  maker.Add<uint32_t>({.name = "cents"}, 0, [](Rng& rng, size_t) {
    return std::clamp(std::exp(7.5 + DrawNormal(rng)), 50.0, 1e6);
  });
}

const Values& Population::column(std::string_view name) const {
  for (const Values& values : columns_) {
    if (values.name == name) return values;
  }
  std::abort();
}

uint64_t Population::CodeOf(const Values& values, std::string_view text) {
  for (size_t code = 0; code < values.dictionary.size(); ++code) {
    if (values.dictionary[code] == text) return code;
  }
  std::abort();
}

size_t Population::raw_bytes() const {
  size_t bytes = customers_ * sizeof(uint64_t);
  for (const Values& values : columns_) bytes += values.raw_bytes(customers_);
  for (const Values& values : purchase_columns_) bytes += values.raw_bytes(purchases_);
  return bytes;
}

void Population::Export(const std::filesystem::path& folder) const {
  std::vector<std::string> customers;
  for (const Values& values : columns_) {
    customers.push_back(ExportColumn(folder, values, customers_));
  }
  std::vector<std::string> purchases;
  for (const Values& values : purchase_columns_) {
    purchases.push_back(ExportColumn(folder, values, purchases_));
  }
  const std::string schema = absl::StrFormat(
      R"({"now":%d,"customers":%d,"purchases":%d,"customer_columns":[%s],"purchase_columns":[%s]})",
      NowSeconds(), customers_, purchases_, absl::StrJoin(customers, ","),
      absl::StrJoin(purchases, ","));
  WriteBytes(folder / "schema.json", schema.data(), schema.size());
}

}  // namespace rondo::bench
