#include "app/server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "app/data_folder.h"
#include "app/file_clock.h"
#include "app/lag_metrics.h"
#include "app/open_log.h"
#include "app/services.h"
#include "channels/links/token.h"
#include "platform/catalog/catalog.h"
#include "platform/core/executor.h"
#include "platform/core/listen_address.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/event_log.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_metrics.h"
#include "platform/rpc/caller.h"
#include "platform/rpc/grpc_server.h"
#include "platform/storage/memory_store.h"
#include "platform/storage/rocksdb_store.h"
#include "prometheus/registry.h"
#include "services/gateway/module.h"

namespace rondo {
namespace {

namespace fs = std::filesystem;

// Handlers block while their record is applied, so they get threads of their own: lanes never wait
// for a thread that waits for a lane.
constexpr int kDoorThreads = 32;
constexpr int kEffectThreads = 8;
constexpr size_t kBlockCacheBytes = 128 << 20;
constexpr size_t kWriteBufferBytes = 128 << 20;
constexpr absl::Duration kReplayAtMost = absl::Hours(12);

absl::StatusOr<std::unique_ptr<Clock>> OpenClock(const Config& config) {
  if (config.clock == "system") return std::make_unique<SystemClock>();
  RONDO_ASSIGN_OR_RETURN(std::unique_ptr<FileClock> clock, FileClock::Open(config.clock));
  return std::unique_ptr<Clock>(std::move(clock));
}

// The dashboards beside the program: in a source tree, or as installed.
std::string FindDashboards(const Config& config) {
  if (!config.dashboards.empty()) return config.dashboards;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (const char* place : {"../../dashboards/dist", "../share/rondo/dashboards"}) {
    const fs::path folder = program.parent_path() / place;
    if (fs::exists(folder / "index.html", error)) return fs::weakly_canonical(folder, error);
  }
  return "";
}

// Each file of RocksDB and each connection needs a descriptor; the usual soft limit is 1,024.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

// In the order in which they are built; destroyed in reverse.
struct Server::Parts {
  Config config;
  std::unique_ptr<DataFolder> folder;
  std::unique_ptr<Clock> clock;
  const SystemClock system_clock;
  std::unique_ptr<Log> log;
  prometheus::Registry registry;
  std::unique_ptr<CallMetrics> metrics;
  std::unique_ptr<ThreadPoolExecutor> lanes;
  std::unique_ptr<ThreadPoolExecutor> effects;
  std::unique_ptr<ThreadPoolExecutor> door_threads;
  std::shared_ptr<storage::RocksDbMemory> memory;
  std::unique_ptr<eventlog::EventLog> event_log;
  catalog::Catalog catalog;
  MethodTable methods;
  std::unique_ptr<LocalCaller> caller;
  std::unique_ptr<LinkTokens> links;
  std::unique_ptr<Services> services;
  std::unique_ptr<eventlog::Runtime> runtime;
  std::unique_ptr<LagMetrics> lag_metrics;
  std::unique_ptr<Gateway> gateway;
  std::unique_ptr<GrpcServer> grpc;
  bool drained = false;

  absl::Status OpenFoundations();
  absl::Status BuildServices();
  // Calls `on_live` when all is open, before the addresses file says so.
  absl::Status OpenDoors(const std::function<void()>& on_live);
  DoorParts Door() { return {*door_threads, system_clock, *metrics, *log}; }
};

absl::Status Server::Parts::OpenFoundations() {
  RaiseFileLimit();
  RONDO_ASSIGN_OR_RETURN(clock, OpenClock(config));
  RONDO_ASSIGN_OR_RETURN(folder, DataFolder::Open(config.data));
  log = std::make_unique<Log>(system_clock);
  metrics = std::make_unique<CallMetrics>(registry);
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  lanes = std::make_unique<ThreadPoolExecutor>(config.threads > 0 ? config.threads : cores, *clock);
  effects = std::make_unique<ThreadPoolExecutor>(kEffectThreads, *clock);
  door_threads = std::make_unique<ThreadPoolExecutor>(kDoorThreads, system_clock);
  memory = storage::RocksDbMemory::Make(kBlockCacheBytes, kWriteBufferBytes);
  RONDO_ASSIGN_OR_RETURN(event_log, OpenLog({config, *folder, memory, *clock, *lanes}));
  RONDO_ASSIGN_OR_RETURN(LinkTokens made,
                         LinkTokens::Create({DeriveLinkKey(folder->instance_key(), /*id=*/1)}));
  links = std::make_unique<LinkTokens>(std::move(made));
  return absl::OkStatus();
}

absl::Status Server::Parts::BuildServices() {
  eventlog::RuntimeOptions options;
  options.owner = absl::StrFormat("pid %d", getpid());
  options.on_warning = [this](std::string_view warning) {
    log->Write(LogLevel::kWarning, "runtime", {{"message", warning}});
  };
  const auto open = [this](std::string_view service,
                           bool in_memory) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
    if (in_memory) return std::make_unique<storage::MemoryStore>();
    storage::RocksDbOptions store;
    store.folder = folder->state(service);
    store.write_ahead_log = false;
    store.memory = memory;
    return storage::OpenRocksDbStore(store);
  };
  const auto remove = [this](std::string_view service) {
    std::error_code error;
    fs::remove_all(folder->state(service), error);
    return error ? absl::UnavailableError(error.message()) : absl::OkStatus();
  };
  runtime = std::make_unique<eventlog::Runtime>(options, *event_log, *lanes, *clock, open, remove);
  runtime->Add(catalog);
  catalog.Attach(*runtime);
  caller = std::make_unique<LocalCaller>(methods);
  RONDO_ASSIGN_OR_RETURN(
      services, Services::Build({config, *folder, *clock, *log, *effects, *runtime, catalog,
                                 *caller, *links, memory, methods}));
  RONDO_RETURN_IF_ERROR(runtime->Start());
  return runtime->AwaitLive(clock->Now() + kReplayAtMost);
}

absl::Status Server::Parts::OpenDoors(const std::function<void()>& on_live) {
  GatewayOptions options;
  RONDO_ASSIGN_OR_RETURN(options.http.address, ParseLoopbackAddress(config.http));
  options.services = methods.services();
  options.dashboards_dir = FindDashboards(config);
  options.allowed_hosts = config.allowed_hosts;
  const auto ready = [this] { return runtime->Health(); };
  lag_metrics = std::make_unique<LagMetrics>(*runtime, registry);
  const auto read_metrics = [this] {
    lag_metrics->Refresh();
    return RenderMetrics(registry);
  };
  RONDO_ASSIGN_OR_RETURN(
      gateway, Gateway::Start(options, {*caller, *links, read_metrics, Door(), ready, *clock}));
  const std::string http = ToString(gateway->address());
  RONDO_RETURN_IF_ERROR(
      services->Start(config.public_url.empty() ? "http://" + http : config.public_url));
  GrpcServerOptions grpc_options;
  RONDO_ASSIGN_OR_RETURN(grpc_options.address, ParseLoopbackAddress(config.grpc));
  RONDO_ASSIGN_OR_RETURN(grpc, GrpcServer::Start(grpc_options, methods, Door()));
  on_live();
  return folder->WriteAddresses(http, ToString(grpc->address()));
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config,
                                                      const std::function<void()>& on_live) {
  RONDO_RETURN_IF_ERROR(CheckLogAndTarget(config));
  // Refused before anything is opened.
  RONDO_RETURN_IF_ERROR(ParseLoopbackAddress(config.http).status());
  RONDO_RETURN_IF_ERROR(ParseLoopbackAddress(config.grpc).status());
  auto parts = std::make_unique<Parts>();
  parts->config = config;
  std::unique_ptr<Server> server(new Server(std::move(parts)));
  RONDO_RETURN_IF_ERROR(server->parts_->OpenFoundations());
  RONDO_RETURN_IF_ERROR(server->parts_->BuildServices());
  RONDO_RETURN_IF_ERROR(server->parts_->OpenDoors(on_live));
  return server;
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() { Drain(absl::Seconds(1)); }

std::string Server::http_address() const { return ToString(parts_->gateway->address()); }
std::string Server::grpc_address() const { return ToString(parts_->grpc->address()); }
Caller& Server::caller() { return *parts_->caller; }
eventlog::Runtime& Server::runtime() { return *parts_->runtime; }

void Server::Drain(absl::Duration grace) {
  if (std::exchange(parts_->drained, true)) return;
  if (parts_->folder != nullptr) parts_->folder->RemoveAddresses();
  // Before the doors close: who asks whether to send more is told at once.
  if (parts_->gateway != nullptr) parts_->gateway->StopBeingReady();
  if (parts_->grpc != nullptr) parts_->grpc->Drain(grace);
  if (parts_->gateway != nullptr) parts_->gateway->Drain(grace);
  if (parts_->services != nullptr) parts_->services->Stop();
  if (parts_->runtime != nullptr) parts_->runtime->Stop();
  for (auto* pool : {&parts_->door_threads, &parts_->effects, &parts_->lanes}) {
    if (*pool != nullptr) (*pool)->Shutdown();
  }
}

}  // namespace rondo
