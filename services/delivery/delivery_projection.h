// Records to delivery's state: where each planned contact stands, and what the contact policy must
// know of each customer.
//
// A contact meets the policy twice: when it is due, and again when its claim is read back, so that
// an unsubscription, a cap or a pause between the two counts. Caps count claims, in log order. A
// claim (DeliveryAttempted) holds if it is the first for a ready contact under the newest owner's
// epoch; only who reads that may send. Control contacts meet the policy in shadow and end there.
#pragma once

#include <functional>

#include "platform/catalog/catalog.h"
#include "platform/eventlog/projection.h"
#include "services/delivery/delivery_store.h"

namespace rondo::delivery {

inline constexpr std::string_view kServiceName = "delivery";

// How long a contact in doubt whose campaign sends at least once waits for evidence before it is
// sent again: receipts of SMS come within minutes.
inline constexpr absl::Duration kInDoubtQuietTime = absl::Minutes(10);
// How long evidence is waited for of one that must not be sent twice, before it is told as unknown.
inline constexpr absl::Duration kUnknownAfter = absl::Hours(5 * 24);

class DeliveryProjection final : public eventlog::Projection {
 public:
  DeliveryProjection();

  // `on_committed(partition, next_offset)` is called on the lane while live. Before the runtime
  // starts.
  void OnCommitted(std::function<void(int, int64_t)> on_committed) {
    on_committed_ = std::move(on_committed);
  }

  std::string_view name() const override { return kServiceName; }
  int state_version() const override { return 5; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
  absl::Status OnTimer(absl::Time due, std::string_view key, std::string_view payload,
                       eventlog::ApplyContext& context) override;
  void Committed(int partition, int64_t next_offset, bool live) override;

 private:
  catalog::DefinitionTable policies_;
  std::function<void(int, int64_t)> on_committed_;
};

}  // namespace rondo::delivery
