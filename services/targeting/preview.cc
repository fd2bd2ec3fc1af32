#include "services/targeting/preview.h"

#include <algorithm>
#include <map>

#include "platform/core/hash.h"
#include "services/targeting/vocabulary.h"

namespace rondo::targeting {

std::vector<v1::BreakdownRow> BreakDown(const SelectionResult& result, const std::string& attribute,
                                        size_t values_max, std::string_view other) {
  std::map<std::string, int64_t> counts;
  rules::Arena arena;
  for (const PartitionSelection& partition : result.partitions) {
    const Column* column = partition.view->Attribute(attribute);
    ForEachSelected(partition.selection, [&](size_t ordinal) {
      ++counts[column == nullptr ? "" : TextOf(column->Get(ordinal, arena))];
      arena.Reset();
    });
  }
  std::vector<std::pair<int64_t, std::string>> ordered;
  for (const auto& [value, count] : counts) ordered.emplace_back(-count, value);
  std::sort(ordered.begin(), ordered.end());

  std::vector<v1::BreakdownRow> rows;
  int64_t rest = 0;
  for (const auto& [negative_count, value] : ordered) {
    if (rows.size() == values_max) {
      rest -= negative_count;
      continue;
    }
    v1::BreakdownRow& row = rows.emplace_back();
    row.set_attribute(attribute);
    row.set_value(value);
    row.set_count(-negative_count);
  }
  if (rest > 0) {
    v1::BreakdownRow& row = rows.emplace_back();
    row.set_attribute(attribute);
    row.set_value(std::string(other));
    row.set_count(rest);
  }
  return rows;
}

std::vector<std::string> SampleOf(const SelectionResult& result, size_t size) {
  // The worst of those kept is at the front of the heap.
  std::vector<std::pair<uint64_t, CustomerId>> lowest;
  for (const PartitionSelection& partition : result.partitions) {
    ForEachSelected(partition.selection, [&](size_t ordinal) {
      const CustomerId id = partition.view->IdOf(ordinal);
      uint64_t bits = id.value();
      lowest.emplace_back(Fnv1a({reinterpret_cast<const char*>(&bits), sizeof bits}), id);
      std::push_heap(lowest.begin(), lowest.end());
      if (lowest.size() > size) {
        std::pop_heap(lowest.begin(), lowest.end());
        lowest.pop_back();
      }
    });
  }
  std::sort(lowest.begin(), lowest.end());
  std::vector<std::string> names;
  for (const auto& [hash, id] : lowest) names.push_back(ToResourceName(id));
  return names;
}

}  // namespace rondo::targeting
