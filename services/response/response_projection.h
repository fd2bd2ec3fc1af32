// Records to timelines and attribution.
//
// An event answers a contact whatever order the two arrive in, and whatever order the cycle's
// definition arrives in: whichever of the three comes last emits the response. So timeline and
// responses depend on what the log holds, not on its order; duplicates of a message id are dropped.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "platform/eventlog/projection.h"
#include "services/response/goal_cache.h"
#include "services/response/response_store.h"

namespace rondo::response {

class ResponseProjection final : public eventlog::Projection {
 public:
  std::string_view name() const override { return "response"; }
  int state_version() const override { return 3; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
  absl::Status Loaded(int partition, int64_t next_offset, const storage::Reader& state) override;
  absl::Status OnTimer(absl::Time due, std::string_view key, std::string_view payload,
                       eventlog::ApplyContext& context) override;

 private:
  using CustomerSet = absl::flat_hash_set<uint64_t>;

  CustomerSet& ErasedHere(const eventlog::ApplyContext& context) {
    return erased_.at(static_cast<size_t>(context.partition()));
  }

  // What is about a customer who was not erased.
  absl::Status ApplyOfPerson(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status ApplyEvent(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status ApplyContact(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status ApplyCycle(const rondo::log::v1::CycleStarted& started,
                          eventlog::ApplyContext& context);

  // Emits what an event that was just stored answers among the contacts known.
  absl::Status AnswerContacts(CustomerId customer, const pb::StoredEvent& event,
                              eventlog::ApplyContext& context);
  // Emits what the events known answer of a contact that was just stored, or whose cycle was.
  absl::Status AnswerWithEvents(CustomerId customer, const pb::StoredContact& contact,
                                const pb::CycleGoals& goals, eventlog::ApplyContext& context);
  // Emits a response for each goal that `event` meets.
  absl::Status MeetGoals(CustomerId customer, const pb::StoredEvent& event,
                         const pb::StoredContact& contact, const pb::CycleGoals& goals,
                         eventlog::ApplyContext& context);

  GoalCache goals_;
  // By partition, as stored: each event asks, and hardly one customer is among them. At most some
  // 18 bytes an erased customer.
  std::vector<CustomerSet> erased_;
};

// A repeat of a call within this time gets the first answer.
inline constexpr absl::Duration kAnswersKept = absl::Hours(24);

// `open`, `click`, `unsubscribe`, `bounce`, `complaint`, `delivered`: they answer the contact that
// they name, and no other.
bool IsDirect(std::string_view event_type);

}  // namespace rondo::response
