#include "services/delivery/ready_queue.h"

#include <optional>

#include "platform/core/status_macros.h"
#include "services/delivery/delivery_store.h"

namespace rondo::delivery {

absl::StatusOr<std::vector<ReadyContact>> ReadyQueue::Take(const storage::Reader& state,
                                                           const std::set<std::string>& busy,
                                                           size_t limit) {
  std::vector<ReadyContact> taken;
  std::set<std::string> skipped = busy;
  for (bool read = false;; read = true) {
    while (taken.size() < limit && !page_.empty()) {
      std::string key = std::move(page_.front());
      page_.pop_front();
      if (!skipped.insert(key).second) continue;
      RONDO_ASSIGN_OR_RETURN(auto contact, ReadContact(state, key));
      // The page may be older than `state`: paused, suppressed, claimed or erased meanwhile.
      if (!contact.has_value() || contact->phase() != statepb::CONTACT_PHASE_READY) continue;
      taken.push_back({std::move(key), *std::move(contact)});
    }
    if (taken.size() == limit || read) return taken;
    RONDO_RETURN_IF_ERROR(ReadPage(state, skipped));
  }
}

absl::Status ReadyQueue::ReadPage(const storage::Reader& state,
                                  const std::set<std::string>& skipped) {
  RONDO_ASSIGN_OR_RETURN(const std::vector<ReadyEntry> entries,
                         ReadReady(state, channel_, oldest_micros_, kReadyPage + skipped.size()));
  if (!entries.empty()) oldest_micros_ = entries.front().time_micros;
  for (const ReadyEntry& entry : entries) {
    if (!skipped.contains(entry.contact)) page_.push_back(entry.contact);
  }
  return absl::OkStatus();
}

}  // namespace rondo::delivery
