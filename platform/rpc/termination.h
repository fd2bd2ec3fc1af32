// SIGTERM and SIGINT as a call that returns, so that a process ends in order.
#pragma once

namespace rondo {

// Made before any thread is: threads inherit that the signals wait for Wait().
class Termination {
 public:
  Termination();
  // Blocks until SIGTERM or SIGINT and returns which. A second one ends the process at once.
  int Wait();
};

}  // namespace rondo
