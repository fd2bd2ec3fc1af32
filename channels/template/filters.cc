#include "channels/template/filters.h"

#include <map>

namespace rondo::liquid {

const Filter* FindFilter(std::string_view name) {
  static const auto& filters = *[] {
    auto* all = new std::map<std::string_view, const Filter*>;
    for (const auto& table : {TextFilters(), NumberFilters(), ListFilters()}) {
      for (const Filter& filter : table) all->emplace(filter.name, &filter);
    }
    return all;
  }();
  const auto found = filters.find(name);
  return found == filters.end() ? nullptr : found->second;
}

}  // namespace rondo::liquid
