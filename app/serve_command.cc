#include "app/serve_command.h"

#include <signal.h>
#include <unistd.h>

#include <memory>
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

// SIGTERM and SIGINT as something to wait for; blocked in all threads started later.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

absl::Status Serve(const ServeFlags& flags) {
  RONDO_ASSIGN_OR_RETURN(const Config config, ConfigFrom(flags));
  const sigset_t signals = BlockStopSignals();
  RONDO_ASSIGN_OR_RETURN(const std::unique_ptr<Server> server, Server::Start(config));
  std::cerr << absl::StrFormat("rondo serves http://%s and gRPC at %s, data in %s\n",
                               server->http_address(), server->grpc_address(), config.data);
  int signal = 0;
  sigwait(&signals, &signal);
  std::cerr << "rondo: finishing what is in flight; once more ends at once\n";
  std::thread([signals] {
    int second = 0;
    sigwait(&signals, &second);
    _exit(static_cast<int>(ExitCode::kInterrupted));
  }).detach();
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
