// The filters: a closed list, each with the number of arguments it takes. A filter reads its input
// and its arguments and nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "channels/template/template.h"
#include "channels/template/value.h"

namespace rondo::liquid {

// What one rendering may still use. Every node, item and 64 bytes of a string made cost a step.
class Budget {
 public:
  explicit Budget(const RenderOptions& options)
      : steps_left_(options.steps_max), bytes_max_(options.output_bytes_max) {}

  // RESOURCE_EXHAUSTED when used up.
  absl::Status Charge(int64_t steps);
  // Charges for a string of `bytes`; RESOURCE_EXHAUSTED if it is longer than the output may be.
  absl::Status ChargeText(size_t bytes);
  size_t bytes_max() const { return bytes_max_; }

 private:
  int64_t steps_left_;
  size_t bytes_max_;
};

struct FilterContext {
  Budget& budget;
  const RenderOptions& options;
  AutoEscape escape = AutoEscape::kNone;
  bool allow_false = false;  // `default`'s named argument.
};

using FilterFunction = absl::StatusOr<Value> (*)(const Value& input,
                                                 std::span<const Value> arguments,
                                                 FilterContext& context);

struct Filter {
  std::string_view name;
  int arguments_min = 0;
  int arguments_max = 0;
  FilterFunction apply = nullptr;
};

// Null if there is none.
const Filter* FindFilter(std::string_view name);

// The tables that FindFilter searches, one a file.
std::span<const Filter> TextFilters();
std::span<const Filter> NumberFilters();
std::span<const Filter> ListFilters();

// `&`, `<`, `>`, `"` and `'` as entities.
std::string EscapeHtml(std::string_view text);

}  // namespace rondo::liquid
