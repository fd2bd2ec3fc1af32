// Any text as a mapping, up to a line `###`, then any text as the file that it reads: each row is
// taken, left out or refused, and the mapping of an import of past campaigns may say anything.
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/core/status_macros.h"
#include "services/customer/import/batch_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace rondo::customer;
  constexpr std::string_view kFileFollows = "\n###\n";
  constexpr CsvLimits kLimits = {.field_bytes_max = 64, .columns_max = 8, .record_bytes_max = 256};
  constexpr int kRowsMax = 16;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t end = input.find(kFileFollows);
  auto mapping = ParseMapping(std::string(input.substr(0, end)));
  if (!mapping.ok() || end == std::string_view::npos) return 0;
  const auto file = SourceOf(std::string(input.substr(end + kFileFollows.size())));
  BatchReader reader(*std::move(mapping), *file, kLimits);
  if (!reader.Open().ok()) return 0;
  while (true) {
    const auto batch = reader.Next(kRowsMax, 1 << 12);
    if (!batch.ok()) return 0;
    RONDO_CHECK(batch->request.rows_size() <= kRowsMax);
    RONDO_CHECK(batch->request.rows_size() == static_cast<int>(batch->lines.size()));
    if (batch->is_last) return 0;
  }
}
