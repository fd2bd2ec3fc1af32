#include "app/serve_command.h"

#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "app/config.h"
#include "app/server.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

constexpr absl::Duration kDrainGrace = absl::Seconds(20);

struct ServeFlags {
  std::string config;
  std::string data;
  std::string target;
  std::string log;
  std::string http;
  std::string grpc;
};

absl::StatusOr<Config> ConfigFrom(const ServeFlags& flags) {
  Config config;
  if (!flags.config.empty()) {
    RONDO_ASSIGN_OR_RETURN(const std::string text, ReadInput(flags.config, 1 << 20));
    RONDO_ASSIGN_OR_RETURN(config, ParseConfig(flags.config, text));
  }
  if (!flags.data.empty()) config.data = flags.data;
  if (!flags.target.empty()) config.target = flags.target;
  if (!flags.log.empty()) config.log = flags.log;
  if (!flags.http.empty()) config.http = flags.http;
  if (!flags.grpc.empty()) config.grpc = flags.grpc;
  return config;
}

// SIGTERM and SIGINT as something to wait for. Until GoLive one ends the process at once: a start
// may read the log for hours, and writes nothing that a crash could not interrupt. Then the first
// is what Wait waits for, and the second ends the process. Thread-safe.
class StopSignals {
 public:
  // Blocks them in this thread, and so in all threads that it starts later.
  StopSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread([state = state_, signals] { Watch(*state, signals); }).detach();
  }

  void GoLive() {
    const std::lock_guard lock(state_->mutex);
    state_->live = true;
  }

  void Wait() {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] { return state_->stopped; });
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    bool live = false;
    bool stopped = false;
  };

  static void Watch(State& state, const sigset_t& signals) {
    int signal = 0;
    sigwait(&signals, &signal);
    {
      const std::lock_guard lock(state.mutex);
      if (!state.live) {
        std::cerr << "rondo: ended before it was ready; the next start goes on from here\n";
        _exit(static_cast<int>(ExitCode::kInterrupted));
      }
      state.stopped = true;
    }
    state.changed.notify_all();
    sigwait(&signals, &signal);
    _exit(static_cast<int>(ExitCode::kInterrupted));
  }

  // The watching thread's too, which outlives this.
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

absl::Status Serve(const ServeFlags& flags) {
  RONDO_ASSIGN_OR_RETURN(const Config config, ConfigFrom(flags));
  StopSignals signals;
  RONDO_ASSIGN_OR_RETURN(const std::unique_ptr<Server> server,
                         Server::Start(config, [&signals] { signals.GoLive(); }));
  std::cerr << absl::StrFormat("rondo serves http://%s and gRPC at %s, data in %s\n",
                               server->http_address(), server->grpc_address(), config.data);
  signals.Wait();
  std::cerr << "rondo: finishing what is in flight; once more ends at once\n";
  server->Drain(kDrainGrace);
  return absl::OkStatus();
}

}  // namespace

void AddServeCommand(CLI::App& root, Shell& shell) {
  CLI::App* serve = root.add_subcommand("serve", "Run rondo: all services in one process");
  serve->footer(
      "Example:\n  rondo serve --data ./rondo-data --http 127.0.0.1:8080 --grpc 127.0.0.1:9090\n"
      "Every key of --config: rondo config explain");
  auto flags = std::make_shared<ServeFlags>();
  serve->add_option("--config", flags->config, "A YAML file; flags win over it");
  serve->add_option("--data", flags->data, "Folder of log and state [./rondo-data]");
  serve->add_option("--target", flags->target, "Services to run; `all` is the only choice [all]");
  serve->add_option("--log", flags->log, "embedded, or kafka://HOST:PORT/TOPIC [embedded]");
  serve->add_option("--http", flags->http, "REST, tracking, dashboards [127.0.0.1:8080]");
  serve->add_option("--grpc", flags->grpc, "gRPC [127.0.0.1:9090]");
  shell.OnRun(serve, [flags] { return Serve(*flags); });
}

}  // namespace rondo
