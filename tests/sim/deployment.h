// What the simulated world needs of a deployment: the same questions and orders that people,
// channels and marketers have for a real one. small_loop.h is the loop in miniature,
// services_loop.h the real services.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "channels/outcome.h"
#include "platform/eventlog/runtime.h"
#include "tests/kit/population/population.h"
#include "tests/sim/machine.h"

namespace rondo::sim {

// Of the worlds that hold people out.
inline constexpr double kHoldout = 0.1;

// The one campaign of a world: due times, cells and windows are the world's, not the deployment's.
struct CampaignPlan {
  std::string name = "campaigns/sim";
  int cycles = 2;
  absl::Time first_due;
  absl::Duration every = absl::Hours(7 * 24);
  absl::Duration window = absl::Hours(5 * 24);
  double control_share = 0.3;
  double holdout = kHoldout;
  absl::Time DueOf(int cycle) const { return first_due + (cycle - 1) * every; }
};

// A message on its way to a person.
struct Message {
  uint64_t customer = 0;
  int cycle = 0;
  std::string message_id;
};

// The channel's peer. `done` runs once, on the executor, unless the process dies before.
class Transport {
 public:
  virtual ~Transport() = default;
  using Done = std::function<void(const SendOutcome&)>;
  virtual void Send(const Message& message, Done done) = 0;
};

// An event as a channel or a shop reports it.
struct Happening {
  kit::Deed deed = kit::Deed::kBuy;
  std::string message_id;
  absl::Time time;
  int cycle = 0;  // Of the message that it answers; 0 for none.
  int64_t amount_minor_units = 0;
};

// Counts by `cycle/metric` or `cycle/metric/cell`: planned, sent, in_doubt, opened, opened_machine,
// clicked, converted, unsubscribed, complained.
using Figures = std::map<std::string, int64_t>;

// One process. All calls may answer UNAVAILABLE (or not at all, if it dies): then they are
// repeated.
class Deployment {
 public:
  virtual ~Deployment() = default;
  // Over what the machine holds; returns when it is live.
  virtual absl::Status Start() = 0;
  virtual eventlog::Runtime& runtime() = 0;
  // Names of the services whose state must survive a rebuild.
  virtual std::vector<std::string> services() const = 0;

  // Defines what the people's data look like, as often as it is called.
  virtual absl::Status Prepare() = 0;
  // The customer's id.
  virtual absl::StatusOr<uint64_t> AddPerson(const kit::Person& person) = 0;
  virtual absl::Status ChangeAddress(uint64_t customer, const kit::Person& person,
                                     const std::string& message_id) = 0;
  virtual absl::Status Track(uint64_t customer, const Happening& happening) = 0;
  // Defines and launches the campaign, as often as it is called; before it is due.
  virtual absl::Status Launch(const CampaignPlan& plan) = 0;
  // All contacts of the cycle are planned when this returns OK.
  virtual absl::Status AwaitPlanned(const CampaignPlan& plan, int cycle) = 0;
  virtual absl::StatusOr<Figures> Report(const CampaignPlan& plan) = 0;
};

using DeploymentFactory =
    std::function<std::unique_ptr<Deployment>(Machine& machine, Transport& transport)>;

}  // namespace rondo::sim
