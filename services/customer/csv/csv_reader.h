// A streaming reader of CSV (RFC 4180) with limits: memory does not depend on the file.
//
// Written here because the packaged reader (libcsv) grows a field without bound, says no line
// numbers, and stops at the first bad record; an import refuses that record and goes on. Accepted
// beyond the RFC: LF alone ends a record, another delimiter, a byte order mark, blank lines
// (skipped).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/customer/csv/byte_source.h"

namespace rondo::customer {

struct CsvLimits {
  size_t field_bytes_max = 64 * 1024;
  size_t columns_max = 1'000;
  size_t record_bytes_max = 4 << 20;
};

struct CsvRecord {
  int64_t line = 0;                      // Where it begins, from 1.
  std::vector<std::string_view> fields;  // Valid until the next call of Next.
  // Not empty: the record is refused for this reason, and `fields` are not to be used.
  std::string bad;
  size_t bad_column = 0;  // From 1; 0 if it is the record as a whole.
};

// Not thread-safe.
class CsvReader {
 public:
  // `source` outlives it.
  CsvReader(ByteSource& source, char delimiter, CsvLimits limits);

  // Reads the next record, good or bad; false at the end. An error of the source ends the reading;
  // INVALID_ARGUMENT for UTF-16, which must be converted.
  absl::StatusOr<bool> Next(CsvRecord& record);

 private:
  enum class At { kFieldStart, kUnquoted, kQuoted, kQuoteInQuoted, kCarriageReturn };

  absl::Status SkipByteOrderMark();
  absl::StatusOr<bool> Fill();
  // True if `c` ended the record.
  bool Take(char c);
  bool TakeOutsideQuotes(char c);
  void Store(char c);
  void EndField();
  void Refuse(std::string_view why);
  void Finish(CsvRecord& record);

  ByteSource& source_;
  char delimiter_;
  CsvLimits limits_;
  std::string block_;  // Of a fixed size;
  size_t filled_ = 0;  // so much of it was read,
  size_t used_ = 0;    // and so much of that is used up.
  bool started_ = false;
  int64_t line_ = 1;

  // Of the record being read.
  At at_ = At::kFieldStart;
  std::string text_;          // The fields' characters, each field followed by a line feed.
  std::vector<size_t> ends_;  // Where each field ends in text_.
  bool quoted_ = false;       // Some field was quoted, so that a blank line is no blank line.
  size_t columns_ = 0;
  std::string bad_;
  size_t bad_column_ = 0;
};

}  // namespace rondo::customer
