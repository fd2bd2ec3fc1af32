// What a deployment's services have stored, and how one such state differs from another: a state
// that is rebuilt from the log must be the one that was deleted.
#pragma once

#include <map>
#include <string>

#include "tests/sim/deployment.h"

namespace rondo::sim {

// Values by partition and key, `3/key`.
using StoredState = std::map<std::string, std::string>;

// By service, of all its partitions that can be read.
std::map<std::string, StoredState> ReadStates(Deployment& process);

// The first key whose value is another one, with both values; empty if none is.
std::string FirstDifference(const StoredState& before, const StoredState& after);

}  // namespace rondo::sim
