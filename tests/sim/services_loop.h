// The whole deployment, as app/ wires it, on the simulated machine: real services, local calls, and
// the simulated world in place of mail servers and shops.
#pragma once

#include "tests/sim/simulate.h"

namespace rondo::sim {

DeploymentFactory ServicesLoop();

// `rondo simulate`: worlds of the real services; prints what is wrong, and the command that replays
// it, to `out`.
SimulateSummary SimulateServices(const SimulateOptions& options, std::ostream& out);

}  // namespace rondo::sim
