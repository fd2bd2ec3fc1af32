// A retailer's customers and their purchases, from one seed, as plain coded columns: what all
// engines of the benchmark are given, what the hand-written loops run on, and what "raw width"
// means.
//
// A customer is a number from 0; its id rises with it, so that ties by id are ties by number, and
// the customers of a partition are a range of numbers. Whoever exists in one column exists in all.
// Times are whole seconds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "platform/core/id.h"

namespace rondo::bench {

enum class ValueKind : uint8_t {
  kCode,     // Index into the dictionary.
  kInt,      // Not negative.
  kReal,     // A double.
  kFlag,     // One bit.
  kSeconds,  // Since the epoch.
  kDays,     // Since the epoch.
  kPoint,    // Degrees * 1e7 as two's complement: latitudes, and `longitudes`.
};

// One column. Rows are padded with zeros to a multiple of 64, so that loops take whole words.
struct Values {
  std::string name;
  ValueKind kind = ValueKind::kInt;
  bool is_signal = false;
  std::vector<std::string> dictionary = {};
  // At the narrowest whole number of bytes; 64 flags a word.
  std::variant<std::vector<uint8_t>, std::vector<uint16_t>, std::vector<uint32_t>,
               std::vector<uint64_t>, std::vector<double>>
      data = {};
  std::vector<uint32_t> longitudes = {};
  std::vector<uint64_t> validity = {};  // Empty: all have a value.

  bool Has(size_t row) const { return validity.empty() || (validity[row / 64] >> row % 64 & 1); }
  // Of a row that has a value; not of kReal.
  uint64_t Integer(size_t row) const;
  double Real(size_t row) const { return std::get<std::vector<double>>(data)[row]; }
  // Dictionary excepted.
  size_t raw_bytes(size_t rows) const;
};

class Population {
 public:
  static constexpr int kPurchasesPerCustomer = 5;
  // The instant of all questions; the last purchase is before it.
  static absl::Time Now() { return absl::FromUnixSeconds(1'796'126'400); }

  Population(size_t customers, uint64_t seed);

  size_t customers() const { return customers_; }
  size_t purchases() const { return purchases_; }
  // Twenty attributes and three signals.
  const std::vector<Values>& columns() const { return columns_; }
  const Values& column(std::string_view name) const;
  template <typename T>
  const std::vector<T>& coded(std::string_view name) const {
    return std::get<std::vector<T>>(column(name).data);
  }
  // The code of a text; it must be there.
  static uint64_t CodeOf(const Values& values, std::string_view text);

  // `customer`, `seconds`, `category`, `cents`: purchases in order of time.
  const std::vector<Values>& purchase_columns() const { return purchase_columns_; }
  const std::vector<uint32_t>& purchase_coded(size_t column) const {
    return std::get<std::vector<uint32_t>>(purchase_columns_[column].data);
  }
  const std::vector<uint32_t>& purchase_customers() const { return purchase_coded(0); }
  const std::vector<uint32_t>& purchase_seconds() const { return purchase_coded(1); }
  const std::vector<uint32_t>& purchase_cents() const { return purchase_coded(3); }
  const Values& purchase_categories() const { return purchase_columns_[2]; }

  CustomerId IdOf(size_t number) const { return CustomerId(number * stride_ + 1); }
  uint32_t NumberOf(CustomerId id) const { return static_cast<uint32_t>(id.value() / stride_); }

  // Bytes of all coded columns, ids (8 bytes) and bits of validity included.
  size_t raw_bytes() const;

  // One file a column (NAME.bin, validity as NAME.valid.bin) and schema.json.
  void Export(const std::filesystem::path& folder) const;

 private:
  void MakeCustomers(uint64_t seed);
  void MakePurchases(uint64_t seed);

  size_t customers_;
  size_t purchases_;
  uint64_t stride_;
  std::vector<Values> columns_;
  std::vector<Values> purchase_columns_;
};

}  // namespace rondo::bench
