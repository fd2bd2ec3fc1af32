// A value that follows from current definitions, such as compiled rules: made when it is asked for,
// and anew when one of the definitions that it was made from has changed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "platform/catalog/catalog.h"

namespace rondo::catalog {

// Thread-safe.
template <typename T>
class Derived {
 public:
  // Before Runtime::Start: listens to the catalogue, which must outlive it. `collections`
  // (`segments/`): those whose changes matter.
  Derived(Catalog& catalog, std::vector<std::string> collections) {
    catalog.Subscribe([this, collections = std::move(collections)](const Definition& definition) {
      const bool matters = std::any_of(
          collections.begin(), collections.end(),
          [&](const std::string& collection) { return definition.name().starts_with(collection); });
      if (!matters) return;
      const std::lock_guard lock(mutex_);
      ++changes_;
    });
  }

  // The value: the last one, if nothing has changed and `serves(*value)`, else `make()`'s. Several
  // threads may make one at the same time.
  template <typename Serves, typename Make>
  std::shared_ptr<const T> Current(const Serves& serves, const Make& make) {
    uint64_t changes = 0;
    {
      const std::lock_guard lock(mutex_);
      if (changes_in_value_ == changes_ && serves(*value_)) return value_;
      changes = changes_;
    }
    // Without the lock: the catalogue may be calling us under its own.
    std::shared_ptr<const T> value = make();
    const std::lock_guard lock(mutex_);
    if (changes >= changes_in_value_) {
      value_ = value;
      changes_in_value_ = changes;
    }
    return value;
  }

 private:
  std::mutex mutex_;
  uint64_t changes_ = 1;
  uint64_t changes_in_value_ = 0;  // That the value knows of.
  std::shared_ptr<const T> value_;
};

}  // namespace rondo::catalog
