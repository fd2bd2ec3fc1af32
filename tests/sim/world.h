// One simulated world: people, a shop, a mail sink and a deployment that crashes, from one seed.
//
// The world runs some weeks of a recurring campaign, often with a second one in between, by e-mail
// and SMS, under a contact policy. People in several time zones are imported, buy, receive, open,
// click, unsubscribe, complain, move, ask for offers and are erased; their events arrive twice,
// late and out of order, and so do the receipts of SMS; the channels are slow, refuse, and lose
// replies; commits fail and the process dies at them. After each step the ledger says what is not
// as it must be.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "platform/core/rng.h"
#include "tests/sim/deployment.h"
#include "tests/sim/ledger.h"
#include "tests/sim/machine.h"

namespace rondo::sim {

struct WorldOptions {
  uint64_t seed = 1;
  bool keep_trace = false;  // Else only its hash.
  bool miniature = false;   // For small_loop.h: one campaign by e-mail, and nothing else.
};

struct WorldResult {
  std::string violation;  // The first; empty if the world is as it must be.
  uint64_t trace_hash = 0;
  std::string trace;
  int crashes = 0;
  int64_t received = 0;  // Messages by the sink.
  int64_t records = 0;   // In the log at the end.
  // Of worlds that hold somebody out; 0 of others.
  int64_t people = 0;
  int64_t held_out = 0;
};

// Chooses the deployment, given the world's campaign.
using DeploymentChoice = std::function<DeploymentFactory(const CampaignPlan& plan)>;

WorldResult RunWorld(const WorldOptions& options, const DeploymentChoice& choice);

}  // namespace rondo::sim
