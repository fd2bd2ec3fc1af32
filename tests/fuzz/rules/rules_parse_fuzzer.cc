// Any text parses or is refused; what parses is written as text that parses to the same.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "platform/core/status_macros.h"
#include "rules/program.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto formatted = rondo::rules::Format(text);
  if (!formatted.ok()) return 0;
  const auto again = rondo::rules::Format(*formatted);
  // Spaces and brackets may make a text at the limit of size or nesting too large.
  if (again.ok()) RONDO_CHECK(*again == *formatted);
  return 0;
}
