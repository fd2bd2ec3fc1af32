// What a preview says of a selection: counts by value, and a sample.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rondo/targeting/v1/targeting_service.pb.h"
#include "services/targeting/selector.h"

namespace rondo::targeting {

// Customers selected by their value of `attribute`: the `values_max` most frequent ones (ties by
// value), then the rest as one row named `other` if there is any.
std::vector<v1::BreakdownRow> BreakDown(const SelectionResult& result, const std::string& attribute,
                                        size_t values_max, std::string_view other);

// Names of at most `size` selected customers: those whose ids hash lowest, so that the same
// selection gives the same sample, spread over all partitions.
std::vector<std::string> SampleOf(const SelectionResult& result, size_t size);

}  // namespace rondo::targeting
