#include "services/customer/import/batch_reader.h"

#include "absl/strings/str_cat.h"
#include "platform/core/field_error.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"

namespace rondo::customer {

absl::Status BatchReader::Open() {
  CsvRecord record;
  RONDO_ASSIGN_OR_RETURN(const bool any, csv_.Next(record));
  if (!any) return FieldError("header", "the file is empty: expected a line of column names");
  if (!record.bad.empty()) return FieldError("header", record.bad);
  header_.assign(record.fields.begin(), record.fields.end());
  return mapping_.Bind(header_);
}

absl::StatusOr<bool> BatchReader::NextRow(CsvRecord& record) {
  RONDO_ASSIGN_OR_RETURN(const bool more, csv_.Next(record));
  if (!more) return false;
  if (++row_ == 1) {
    std::string text = record.bad;
    if (record.bad.empty()) {
      for (const std::string_view field : record.fields) text.append(field).push_back('\0');
    }
    first_row_hash_ = Fnv1a(text);
  }
  return true;
}

absl::Status BatchReader::SkipRows(int64_t rows) {
  CsvRecord record;
  while (row_ < rows) {
    RONDO_ASSIGN_OR_RETURN(const bool more, NextRow(record));
    if (!more) {
      return absl::FailedPreconditionError(
          "the file is shorter than what was imported of it: import it anew, without resuming");
    }
  }
  return absl::OkStatus();
}

void BatchReader::TakeRecord(const CsvRecord& record, ImportBatch& batch, int64_t& bytes) {
  Rejection rejection;
  rejection.line = record.line;
  if (!record.bad.empty()) {
    rejection.column = static_cast<int>(record.bad_column) - 1;
    rejection.reason = record.bad;
    batch.rejections.push_back(std::move(rejection));
    return;
  }
  if (record.fields.size() != header_.size()) {
    rejection.reason =
        absl::StrCat("expected ", header_.size(), " columns, found ", record.fields.size());
    batch.rejections.push_back(std::move(rejection));
    return;
  }
  auto& rows = *batch.request.mutable_rows();
  const RowBuilder::Outcome outcome = builder_.Build(record.fields, row_, *rows.Add(), rejection);
  if (outcome == RowBuilder::Outcome::kRow) {
    batch.lines.push_back(record.line);
    bytes += static_cast<int64_t>(rows[rows.size() - 1].ByteSizeLong());
    return;
  }
  rows.RemoveLast();
  if (outcome == RowBuilder::Outcome::kLeftOut) {
    ++batch.left_out;
  } else {
    batch.rejections.push_back(std::move(rejection));
  }
}

absl::StatusOr<ImportBatch> BatchReader::Next(int rows_max, int64_t bytes_max) {
  ImportBatch batch;
  *batch.request.mutable_campaigns() = {mapping_.campaigns.begin(), mapping_.campaigns.end()};
  CsvRecord record;
  int64_t bytes = 0;
  // What is refused or left out counts too, so that a file of nothing else stays in bounds.
  for (int taken = 0; taken < rows_max && bytes < bytes_max; ++taken) {
    RONDO_ASSIGN_OR_RETURN(const bool more, NextRow(record));
    if (!more) {
      batch.is_last = true;
      break;
    }
    TakeRecord(record, batch, bytes);
  }
  batch.last_row = row_;
  return batch;
}

}  // namespace rondo::customer
