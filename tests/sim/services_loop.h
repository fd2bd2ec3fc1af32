// The whole deployment, as app/ wires it, on the simulated machine: real services, local calls, and
// the simulated world in place of mail servers and shops.
#pragma once

#include "tests/sim/simulate.h"

namespace rondo::sim {

// Ways to break an invariant on purpose, outside the services: the ledger must find out.
struct ServicesLoopOptions {
  bool resend_unknown = false;  // The channel sends again by itself when a reply was lost.
  bool invent_consent = false;  // The import says that everybody consented.
  bool swallow_events = false;  // One event in eight is acknowledged and thrown away.
  bool forget_holdout = false;  // The campaign is launched without the plan's holdout.
};

DeploymentFactory ServicesLoop(const ServicesLoopOptions& options = {});

// `rondo simulate`: worlds of the real services; prints what is wrong, and the command that replays
// it, to `out`.
SimulateSummary SimulateServices(const SimulateOptions& options, std::ostream& out);

}  // namespace rondo::sim
