#include "platform/rpc/termination.h"

#include <pthread.h>
#include <signal.h>

#include "platform/core/status_macros.h"

namespace rondo {
namespace {

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

Termination::Termination() {
  const sigset_t signals = Signals();
  RONDO_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
}

int Termination::Wait() {
  const sigset_t signals = Signals();
  int signal = 0;
  RONDO_CHECK(sigwait(&signals, &signal) == 0);
  // From here on this thread takes them as they come: the default ends the process.
  RONDO_CHECK(pthread_sigmask(SIG_UNBLOCK, &signals, nullptr) == 0);
  return signal;
}

}  // namespace rondo
