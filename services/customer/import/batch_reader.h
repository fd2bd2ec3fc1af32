// Cuts a CSV file into batches of an import. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/customer/csv/csv_reader.h"
#include "services/customer/import/mapping.h"
#include "services/customer/import/row_builder.h"

namespace rondo::customer {

struct ImportBatch {
  rondo::customer::v1::ImportCustomersRequest request;
  std::vector<int64_t> lines;         // Of the request's rows.
  std::vector<Rejection> rejections;  // Rows that were refused here.
  int64_t left_out = 0;
  int64_t last_row = 0;  // Data rows read so far, from the file's start.
  bool is_last = false;
};

class BatchReader {
 public:
  // `source` outlives it.
  BatchReader(Mapping mapping, ByteSource& source, CsvLimits limits)
      : mapping_(std::move(mapping)),
        csv_(source, mapping_.delimiter, limits),
        builder_(mapping_) {}

  // Reads the header and finds the mapping's columns in it.
  absl::Status Open();
  // Passes over data rows 1 to `rows`.
  absl::Status SkipRows(int64_t rows);
  // The next batch: at most `rows_max` rows or about `bytes_max` bytes.
  absl::StatusOr<ImportBatch> Next(int rows_max, int64_t bytes_max);

  const std::vector<std::string>& header() const { return header_; }
  // Of the first data row, once it was read or passed over; 0 before.
  uint64_t first_row_hash() const { return first_row_hash_; }
  const Mapping& mapping() const { return mapping_; }

 private:
  // The next data row; false at the end.
  absl::StatusOr<bool> NextRow(CsvRecord& record);
  void TakeRecord(const CsvRecord& record, ImportBatch& batch, int64_t& bytes);

  Mapping mapping_;
  CsvReader csv_;
  RowBuilder builder_;
  std::vector<std::string> header_;
  int64_t row_ = 0;
  uint64_t first_row_hash_ = 0;
};

}  // namespace rondo::customer
