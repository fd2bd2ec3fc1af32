#include "tests/sim/stored_state.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace rondo::sim {

std::map<std::string, StoredState> ReadStates(Deployment& process) {
  std::map<std::string, StoredState> states;
  for (const std::string& service : process.services()) {
    StoredState& state = states[service];
    for (int partition = 0; partition < process.runtime().partition_count(); ++partition) {
      const auto reader = process.runtime().ReadState(service, partition);
      if (!reader.ok()) continue;
      const auto cursor = (*reader)->Scan({});
      for (; cursor->Valid(); cursor->Next()) {
        state[absl::StrFormat("%d/%s", partition, cursor->key())] = cursor->value();
      }
    }
  }
  return states;
}

std::string FirstDifference(const StoredState& before, const StoredState& after) {
  const auto show = [](const StoredState& state, const std::string& key) {
    const auto found = state.find(key);
    return found == state.end() ? "absent" : '"' + absl::CHexEscape(found->second) + '"';
  };
  StoredState all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [key, value] : all) {
    if (show(before, key) == show(after, key)) continue;
    return absl::StrFormat("key \"%s\" was %s, is %s", absl::CHexEscape(key), show(before, key),
                           show(after, key));
  }
  return "";
}

}  // namespace rondo::sim
