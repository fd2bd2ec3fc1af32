// The loop in miniature: consent, plan, claim, send, outcome, response and figures of one campaign
// in one projection. It shows the house's protocol of claims on one page, and it is what the
// simulator itself is tested with: `break_claims` sends again what an older owner had claimed, and
// the ledger must find out.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "platform/eventlog/projection.h"
#include "tests/sim/deployment.h"

namespace rondo::sim {

struct SmallLoopOptions {
  bool break_claims = false;
};

class SmallLoopProjection final : public eventlog::Projection {
 public:
  // A contact that may be claimed, or one whose claim was read back as the first.
  struct Ready {
    uint64_t customer = 0;
    int cycle = 0;
  };
  using Wake = std::function<void(int partition)>;

  SmallLoopProjection(SmallLoopOptions options, const CampaignPlan& plan, Wake wake)
      : options_(options), plan_(plan), wake_(std::move(wake)) {}

  std::string_view name() const override { return "small_loop"; }
  int state_version() const override { return 1; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
  absl::Status OnTimer(absl::Time due, std::string_view key, std::string_view payload,
                       eventlog::ApplyContext& context) override;
  void Committed(int partition, int64_t next_offset, bool live) override;
  absl::Status Loaded(int partition, int64_t next_offset, const storage::Reader& state) override;

  // What may be claimed and what may be sent, since the last call; only while live.
  std::vector<Ready> TakeReady(int partition);
  std::vector<Ready> TakeClaimed(int partition);
  int64_t epoch(int partition) const { return effects_.at(partition).epoch; }

 private:
  struct Effects {
    std::vector<Ready> ready;
    std::vector<Ready> claimed;
    int64_t epoch = 0;
    bool live = false;
  };

  absl::Status ApplyProfile(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status ApplyEvent(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status ApplyPlanned(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status ApplyAttempted(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status ApplyOutcome(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status ApplyOwner(const eventlog::LogRecord& record, eventlog::ApplyContext& context);
  absl::Status CountPurchase(const eventlog::LogRecord& record, eventlog::ApplyContext& context);

  const SmallLoopOptions options_;
  const CampaignPlan plan_;
  const Wake wake_;
  std::map<int, Effects> effects_;  // By partition; entries are made before lanes run.
};

// `plan` is the world's.
DeploymentFactory SmallLoop(SmallLoopOptions options, const CampaignPlan& plan);

}  // namespace rondo::sim
