// The whole deployment, as app/ wires it, on the simulated machine: real services, local calls, and
// the simulated world in place of mail servers, SMS gateways, browsers and shops.
#pragma once

#include "tests/sim/simulate.h"

namespace rondo::sim {

// Ways to break an invariant on purpose, outside the services: the ledger must find out.
struct ServicesLoopOptions {
  bool resend_unknown = false;    // The channel sends again by itself when a reply was lost.
  bool invent_consent = false;    // The import says that everybody consented.
  bool swallow_events = false;    // One event in eight is acknowledged and thrown away.
  bool forget_holdout = false;    // The campaign is launched without the plan's holdout.
  bool forget_caps = false;       // The policy is defined without its caps,
  bool forget_quiet = false;      // or without its quiet hours.
  bool one_time_zone = false;     // The import leaves out people's time zones.
  bool keep_old_address = false;  // A changed address is acknowledged and thrown away.
  bool inflate_value = false;     // The goal counts twice what was paid.
  bool forget_cost = false;       // A cell's messages cost less than they do.
  bool forget_pauses = false;     // A campaign that is paused goes on.
  bool settle_blindly = false;    // Whatever is in doubt is settled as sent.
  bool swallow_visits = false;    // One followed link in eight is answered and thrown away.
  bool mistake_machines = false;  // A prefetched image is taken for a person's.
  bool offer_to_all = false;      // Offers are defined for everybody, for ever.
  bool misreport_choice = false;  // The best of two offers is answered as the second.
  bool swallow_answers = false;   // What people do with offers is acknowledged and thrown away.
  bool forget_erasure = false;    // An erasure is acknowledged and not done,
  bool keep_data_key = false;     // or done, and the key of what was sealed kept.
  bool lose_a_row = false;        // The last row of a file of people is not read.
};

DeploymentFactory ServicesLoop(const ServicesLoopOptions& options = {});

// `rondo simulate`: worlds of the real services; prints what is wrong, and the command that replays
// it, to `out`.
SimulateSummary SimulateServices(const SimulateOptions& options, std::ostream& out);

}  // namespace rondo::sim
