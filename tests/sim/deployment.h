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
#include "tests/sim/plan.h"

namespace rondo::sim {

// A planned touch, as the world names it.
struct ContactId {
  uint64_t customer = 0;
  std::string campaign;
  int cycle = 0;
  friend auto operator<=>(const ContactId&, const ContactId&) = default;
};

// A message on its way to a person. Of the addresses, those that its channel has.
struct Message {
  ContactId contact;
  std::string message_id;
  std::string channel = "email";
  std::string recipient = {};
  std::string open_url = {};
  std::string click_url = {};
  std::string unsubscribe_url = {};
  std::string receipt_url = {};
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
  std::string campaign = {};  // Of the message that it answers; empty for none.
  int cycle = 0;
  std::string channel = {};
  int64_t amount_minor_units = 0;
  bool by_file = false;  // Of a purchase: how the shop tells it.
};

// A link of a message that is followed. With a receipt's number: what an SMS gateway reports.
struct Visit {
  ContactId contact;
  std::string channel;
  kit::Deed deed = kit::Deed::kClick;
  std::string url;
  int receipt = 0;  // Kannel's number; 0 for none: then `deed` counts.
};

// What was proposed to a customer, best first.
struct Choice {
  struct Proposed {
    std::string offer;
    double probability = 0.0;
    friend bool operator==(const Proposed&, const Proposed&) = default;
  };
  std::string decision;  // Empty if nothing was proposed.
  std::vector<Proposed> proposed;
  friend bool operator==(const Choice&, const Choice&) = default;
};

enum class Reply { kShown, kClicked, kAccepted, kRejected };

struct PropositionAnswer {
  std::string decision;
  std::string offer;
  Reply reply = Reply::kShown;
  friend auto operator<=>(const PropositionAnswer&, const PropositionAnswer&) = default;
};

// Counts by `cycle/metric` or `cycle/metric/cell`: planned, sent, in_doubt, bounced, opened,
// opened_machine, clicked, converted, revenue, cost (both in minor units), unsubscribed,
// complained.
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

  // Defines what the people's data look like, the policy and the offers, as often as it is called.
  virtual absl::Status Prepare(const WorldPlan& plan) = 0;
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

  // The rest only in worlds that are no miniature (WorldOptions).

  // Adds all of them from one file; again from its beginning if it was interrupted. Returns how
  // many rows changed anything.
  virtual absl::StatusOr<int64_t> ImportPeople(const std::vector<kit::Person>&) {
    return absl::UnimplementedError("ImportPeople");
  }
  // The customer's id. NOT_FOUND if there is none.
  virtual absl::StatusOr<uint64_t> Find(const kit::Person&) {
    return absl::UnimplementedError("Find");
  }
  // A purchase that the shop tells by file.
  virtual absl::Status ImportPurchase(const kit::Person&, const Happening&) {
    return absl::UnimplementedError("ImportPurchase");
  }
  // NOT_FOUND for an address that was not signed.
  virtual absl::Status Follow(const Visit&) { return absl::UnimplementedError("Follow"); }
  // Two offers at most, at the one placement. A repeat of a request that is not empty is answered
  // as it was first.
  virtual absl::StatusOr<Choice> Decide(uint64_t /*customer*/, const std::string& /*request_id*/) {
    return absl::UnimplementedError("Decide");
  }
  // While a campaign is paused nothing of it is sent.
  virtual absl::Status Pause(const std::string& /*campaign*/) {
    return absl::UnimplementedError("Pause");
  }
  virtual absl::Status Resume(const std::string& /*campaign*/) {
    return absl::UnimplementedError("Resume");
  }
  // Contacts of which it is not known whether they went out, and what an operator found out of one:
  // FAILED_PRECONDITION if it is known meanwhile.
  virtual absl::StatusOr<std::vector<ContactId>> InDoubt() {
    return absl::UnimplementedError("InDoubt");
  }
  virtual absl::Status Settle(const ContactId&, bool /*sent*/) {
    return absl::UnimplementedError("Settle");
  }
  // What the customer did with an offer of a decision.
  virtual absl::Status Answer(const PropositionAnswer&) {
    return absl::UnimplementedError("Answer");
  }
  // How often each offer counts as shown and as taken: `shown/offers/x`, `good/offers/x`.
  virtual absl::StatusOr<Figures> OfferCounts() { return absl::UnimplementedError("OfferCounts"); }
  virtual absl::Status Erase(uint64_t /*customer*/) { return absl::UnimplementedError("Erase"); }
  // What the services still tell of somebody who was erased; empty if nothing.
  virtual absl::StatusOr<std::string> Remains(uint64_t /*customer*/, const kit::Person&) {
    return absl::UnimplementedError("Remains");
  }
};

using DeploymentFactory =
    std::function<std::unique_ptr<Deployment>(Machine& machine, Transport& transport)>;

}  // namespace rondo::sim
