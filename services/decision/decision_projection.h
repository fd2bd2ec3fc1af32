// Records to decision's state: what eligibility reads of a customer, the newest decisions, and what
// customers did with propositions and with campaigns' messages about offers; and the view in memory
// that choices read.
#pragma once

#include <map>
#include <shared_mutex>
#include <vector>

#include "platform/eventlog/projection.h"
#include "services/decision/decision_store.h"

namespace rondo::decision {

class DecisionProjection final : public eventlog::Projection {
 public:
  explicit DecisionProjection(int partition_count);

  // What customers of all partitions did with each of `exposures`, by week. Thread-safe.
  std::vector<CountsByWeek> Counts(const std::vector<Exposure>& exposures) const;

  std::string_view name() const override { return "decision"; }
  int state_version() const override { return 3; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
  void Committed(int partition, int64_t next_offset, bool live) override;
  absl::Status Loaded(int partition, int64_t next_offset, const storage::Reader& state) override;

 private:
  using CountsByExposure = std::map<Exposure, CountsByWeek>;

  absl::Status ApplyAnswered(const rondo::log::v1::PropositionAnswered& answered,
                             CustomerId customer, eventlog::ApplyContext& context);

  // A message with a cell's offer went out, or was answered well: each counts once a contact,
  // whichever comes first.
  absl::Status CountCampaign(const eventlog::LogRecord& record,
                             const rondo::response::v1::ContactKey& contact,
                             const std::string& cell, bool good, eventlog::ApplyContext& context);
  absl::StatusOr<WeekCounts> CountsAt(const Exposure& exposure, int64_t week,
                                      const eventlog::ApplyContext& context) const;
  void PutCounts(const Exposure& exposure, int64_t week, const WeekCounts& counts,
                 eventlog::ApplyContext& context);

  // Written by Apply on the partition's lane; absolute counts, so that applying twice is harmless.
  std::vector<CountsByExposure> pending_;
  mutable std::shared_mutex mutex_;
  std::vector<CountsByExposure> committed_;  // By partition.
};

}  // namespace rondo::decision
