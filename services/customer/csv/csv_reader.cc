#include "services/customer/csv/csv_reader.h"

#include <simdjson.h>

#include "absl/status/status.h"
#include "platform/core/status_macros.h"

namespace rondo::customer {
namespace {

constexpr size_t kBlockBytes = 256 * 1024;

bool IsUtf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

}  // namespace

CsvReader::CsvReader(ByteSource& source, char delimiter, CsvLimits limits)
    : source_(source), delimiter_(delimiter), limits_(limits), block_(kBlockBytes, '\0') {}

absl::StatusOr<bool> CsvReader::Fill() {
  if (used_ < filled_) return true;
  RONDO_ASSIGN_OR_RETURN(filled_, source_.Read(block_.data(), block_.size()));
  used_ = 0;
  return filled_ > 0;
}

absl::Status CsvReader::SkipByteOrderMark() {
  started_ = true;
  while (filled_ < 3) {
    RONDO_ASSIGN_OR_RETURN(const size_t got,
                           source_.Read(block_.data() + filled_, block_.size() - filled_));
    if (got == 0) break;
    filled_ += got;
  }
  const std::string_view head = std::string_view(block_).substr(0, filled_);
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) {
    return absl::InvalidArgumentError("input: UTF-16; convert it to UTF-8 first (iconv -t UTF-8)");
  }
  used_ = head.starts_with("\xef\xbb\xbf") ? 3 : 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::Next(CsvRecord& record) {
  if (!started_) RONDO_RETURN_IF_ERROR(SkipByteOrderMark());
  while (true) {
    at_ = At::kFieldStart;
    text_.clear();
    ends_.clear();
    quoted_ = false;
    columns_ = 0;
    bad_.clear();
    bad_column_ = 0;
    record.line = line_;
    bool any = false;
    bool ended = false;
    while (!ended) {
      RONDO_ASSIGN_OR_RETURN(const bool more, Fill());
      if (!more) break;
      any = true;
      while (!ended && used_ < filled_) ended = Take(block_[used_++]);
    }
    if (!any) return false;
    if (!ended) {
      if (at_ == At::kQuoted) Refuse("a quoted field is not closed before the end of the file");
      EndField();
    }
    const bool blank = columns_ == 1 && text_.size() == 1 && !quoted_ && bad_.empty();
    if (blank) continue;
    Finish(record);
    return true;
  }
}

void CsvReader::Refuse(std::string_view why) {
  if (!bad_.empty()) return;
  bad_ = why;
  bad_column_ = columns_ + 1;
}

void CsvReader::Store(char c) {
  if (!bad_.empty()) return;  // Read to the record's end, kept no more.
  if (c == '\0') return Refuse("a NUL character");
  const size_t field_start = ends_.empty() ? 0 : ends_.back() + 1;
  if (text_.size() - field_start >= limits_.field_bytes_max) {
    return Refuse("a field of more than 64 KiB");
  }
  if (text_.size() >= limits_.record_bytes_max) return Refuse("a record of more than 4 MiB");
  text_.push_back(c);
}

void CsvReader::EndField() {
  if (columns_ >= limits_.columns_max) Refuse("more than 1,000 columns");
  if (bad_.empty()) {
    ends_.push_back(text_.size());
    // So that two halves of a character in neighbouring fields do not make a whole one.
    text_.push_back('\n');
  }
  ++columns_;
  at_ = At::kFieldStart;
}

bool CsvReader::Take(char c) {
  if (c == '\n') ++line_;
  switch (at_) {
    case At::kQuoted:
      if (c == '"') {
        at_ = At::kQuoteInQuoted;
      } else {
        Store(c);
      }
      return false;
    case At::kQuoteInQuoted:
      if (c == '"') {
        Store(c);
        at_ = At::kQuoted;
        return false;
      }
      if (c != delimiter_ && c != '\n' && c != '\r') {
        Refuse("text after a closing quote");
        at_ = At::kUnquoted;
        return false;
      }
      return TakeOutsideQuotes(c);
    case At::kFieldStart:
      if (c == '"') {
        at_ = At::kQuoted;
        quoted_ = true;
        return false;
      }
      return TakeOutsideQuotes(c);
    case At::kCarriageReturn:
      if (c != '\n') Refuse("a carriage return that ends no line");
      return TakeOutsideQuotes(c);
    case At::kUnquoted:
      if (c == '"') {
        Refuse("a quote within a field that is not quoted");
        return false;
      }
      return TakeOutsideQuotes(c);
  }
  return false;
}

bool CsvReader::TakeOutsideQuotes(char c) {
  if (c == '\n') {
    EndField();
    return true;
  }
  if (c == delimiter_) {
    EndField();
    return false;
  }
  if (c == '\r') {
    at_ = At::kCarriageReturn;
    return false;
  }
  Store(c);
  at_ = At::kUnquoted;
  return false;
}

void CsvReader::Finish(CsvRecord& record) {
  record.fields.clear();
  size_t begin = 0;
  const std::string_view text = text_;
  const bool is_utf8 = IsUtf8(text);
  for (size_t i = 0; i < ends_.size(); ++i) {
    record.fields.push_back(text.substr(begin, ends_[i] - begin));
    if (!is_utf8 && bad_.empty() && !IsUtf8(record.fields.back())) {
      bad_ = "not UTF-8";
      bad_column_ = i + 1;
    }
    begin = ends_[i] + 1;
  }
  record.bad = bad_;
  record.bad_column = bad_column_;
}

}  // namespace rondo::customer
