// What a world is like, drawn from its seed: faults, campaigns, contact policy, offers.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "platform/core/rng.h"
#include "tests/kit/population/population.h"
#include "tests/sim/machine.h"
#include "tests/sim/plan.h"

namespace rondo::sim {

// A world in five is calm: what goes wrong there is no fault's fault.
FaultOptions DrawFaults(Rng& rng);

// A world that begins at `now`. A miniature has one campaign by e-mail and nothing else.
WorldPlan DrawPlan(Rng& rng, absl::Time now, bool miniature);

// The population's people; of some the time zone is not known.
std::vector<kit::Person> DrawPeople(Rng& rng, const kit::Population& population);

}  // namespace rondo::sim
