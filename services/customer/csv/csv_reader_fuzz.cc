// Any bytes, packed or not: the reader neither crashes nor hands out what it promised not to.
#include <cstdint>
#include <string>

#include "platform/core/status_macros.h"
#include "services/customer/csv/csv_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rondo::customer;
  constexpr CsvLimits kLimits = {.field_bytes_max = 64, .columns_max = 8, .record_bytes_max = 256};
  auto source =
      Unpack(SourceOf(std::string(reinterpret_cast<const char*>(data), size)), InputLimits());
  if (!source.ok()) return 0;
  CsvReader reader(**source, ',', kLimits);
  CsvRecord record;
  int64_t last_line = 0;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(record);
    if (!more.ok() || !*more) return 0;
    RONDO_CHECK(record.line > last_line);
    last_line = record.line;
    if (!record.bad.empty()) continue;
    RONDO_CHECK(record.fields.size() <= kLimits.columns_max);
    for (const std::string_view field : record.fields) {
      RONDO_CHECK(field.size() <= kLimits.field_bytes_max);
      RONDO_CHECK(field.find('\0') == std::string_view::npos);
    }
  }
}
