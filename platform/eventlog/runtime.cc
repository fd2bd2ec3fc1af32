#include "platform/eventlog/runtime.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/bookkeeping.h"
#include "platform/eventlog/lane.h"
#include "platform/eventlog/partition_state.h"
#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

using Lanes = std::vector<std::shared_ptr<Lane>>;

// A snapshot, and a view of one partition's state in it.
class SnapshotReader final : public storage::Reader {
 public:
  SnapshotReader(std::unique_ptr<storage::Reader> snapshot, std::string prefix)
      : snapshot_(std::move(snapshot)), view_(*snapshot_, std::move(prefix)) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    return view_.Get(key);
  }
  std::unique_ptr<storage::Cursor> Scan(const storage::KeyRange& range) const override {
    return view_.Scan(range);
  }

 private:
  std::unique_ptr<storage::Reader> snapshot_;
  PrefixReader view_;
};

}  // namespace

struct Runtime::Impl {
  struct Service {
    Projection* projection = nullptr;
    std::string name;
    std::unique_ptr<storage::Store> store;
  };

  Impl(RuntimeOptions runtime_options, EventLog& event_log, Executor& runs_on, const Clock& time,
       StoreOpener opener, StoreRemover remover)
      : options(std::move(runtime_options)),
        log(event_log),
        executor(runs_on),
        clock(time),
        open_store(std::move(opener)),
        remove_store(std::move(remover)) {}

  using States = std::vector<std::unique_ptr<PartitionState>>;  // By partition.

  void Warn(const std::string& message) const {
    if (options.on_warning) options.on_warning(message);
  }
  size_t IndexOf(std::string_view service) const;
  absl::Status CheckLayout(Service& service) const;
  absl::StatusOr<States> LoadStates(Service& service) const;
  absl::StatusOr<States> OpenService(Service& service) const;
  absl::StatusOr<States> Rebuild(Service& service, const absl::Status& why) const;
  absl::Status TellLoaded(const Service& service, const States& states) const;
  absl::StatusOr<std::vector<Position>> LastPositions() const;
  absl::Status AwaitApplied(size_t service, const std::vector<Position>& positions);
  // Until `reached` holds for all positions; `late` says what did not come in time.
  absl::Status AwaitPositions(const std::vector<Position>& positions,
                              const std::function<bool(const Position&)>& reached,
                              std::string_view late);
  absl::StatusOr<int64_t> SumOfEnds() const;
  absl::StatusOr<int64_t> AppendCommands(int partition, absl::Span<LogRecord> records,
                                         Durability durability);
  const PartitionState& StateOf(size_t service, int partition) const {
    return *lanes->at(static_cast<size_t>(partition))->states()[service];
  }

  const RuntimeOptions options;
  EventLog& log;
  Executor& executor;
  const Clock& clock;
  const StoreOpener open_store;
  const StoreRemover remove_store;
  std::vector<Service> services;
  std::shared_ptr<Lanes> lanes = std::make_shared<Lanes>();
  std::atomic<bool> stopped = false;
};

// ---- Starting and stopping

Runtime::Runtime(RuntimeOptions options, EventLog& log, Executor& executor, const Clock& clock,
                 StoreOpener open_store, StoreRemover remove_store)
    : impl_(std::make_unique<Impl>(std::move(options), log, executor, clock, std::move(open_store),
                                   std::move(remove_store))) {}

Runtime::~Runtime() { Stop(); }

void Runtime::Add(Projection& projection) {
  RONDO_CHECK(impl_->lanes->empty());
  impl_->services.push_back({&projection, std::string(projection.name()), nullptr});
}

// What the store was written by; a new store is marked.
absl::Status Runtime::Impl::CheckLayout(Service& service) const {
  const std::string expected =
      EncodeLayout(service.projection->state_version(), log.partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto stored, service.store->Get(LayoutKey()));
  if (stored == expected) return absl::OkStatus();
  if (stored.has_value()) return absl::DataLossError("it was written by another version");
  storage::Batch batch;
  batch.Put(LayoutKey(), expected);
  return service.store->Write(batch, storage::Sync::kNo);
}

absl::StatusOr<Runtime::Impl::States> Runtime::Impl::LoadStates(Service& service) const {
  States states;
  RONDO_RETURN_IF_ERROR(CheckLayout(service));
  for (int partition = 0; partition < log.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(
        std::unique_ptr<PartitionState> state,
        PartitionState::Load({service.projection, service.store.get(), &log, partition}));
    RONDO_ASSIGN_OR_RETURN(const int64_t end, log.End(partition));
    if (state->next_offset() > end) {
      return absl::DataLossError(
          absl::StrFormat("it has read to %d of partition %d, whose log ends at %d",
                          state->next_offset(), partition, end));
    }
    states.push_back(std::move(state));
  }
  return states;
}

absl::StatusOr<Runtime::Impl::States> Runtime::Impl::Rebuild(Service& service,
                                                             const absl::Status& why) const {
  Warn(absl::StrFormat("the state of %s is rebuilt from the log: %s", service.name,
                       std::string(why.message())));
  service.store.reset();
  RONDO_RETURN_IF_ERROR(remove_store(service.name));
  RONDO_ASSIGN_OR_RETURN(service.store, open_store(service.name, service.projection->in_memory()));
  return LoadStates(service);
}

absl::StatusOr<Runtime::Impl::States> Runtime::Impl::OpenService(Service& service) const {
  absl::StatusOr<std::unique_ptr<storage::Store>> store =
      open_store(service.name, service.projection->in_memory());
  if (absl::IsDataLoss(store.status())) return Rebuild(service, store.status());
  RONDO_RETURN_IF_ERROR(store.status());
  service.store = *std::move(store);
  absl::StatusOr<States> states = LoadStates(service);
  if (absl::IsDataLoss(states.status())) return Rebuild(service, states.status());
  return states;
}

absl::Status Runtime::Impl::TellLoaded(const Service& service, const States& states) const {
  for (size_t partition = 0; partition < states.size(); ++partition) {
    const PrefixReader reader(*service.store,
                              TablePrefix(static_cast<int>(partition), Table::kState));
    RONDO_RETURN_IF_ERROR(service.projection->Loaded(static_cast<int>(partition),
                                                     states[partition]->next_offset(), reader));
  }
  return absl::OkStatus();
}

absl::Status Runtime::Start() {
  Impl& impl = *impl_;
  RONDO_CHECK(!impl.services.empty() && impl.lanes->empty());
  const auto partitions = static_cast<size_t>(impl.log.partition_count());
  std::vector<Impl::States> by_partition(partitions);
  for (Impl::Service& service : impl.services) {
    RONDO_ASSIGN_OR_RETURN(Impl::States states, impl.OpenService(service));
    absl::Status loaded = impl.TellLoaded(service, states);
    if (absl::IsDataLoss(loaded)) {
      RONDO_ASSIGN_OR_RETURN(states, impl.Rebuild(service, loaded));
      loaded = impl.TellLoaded(service, states);
    }
    RONDO_RETURN_IF_ERROR(loaded);
    for (size_t p = 0; p < partitions; ++p) by_partition[p].push_back(std::move(states[p]));
  }
  for (size_t p = 0; p < partitions; ++p) {
    impl.lanes->push_back(
        std::make_shared<Lane>(Lane::Options{.partition = static_cast<int>(p),
                                             .owner = impl.options.owner,
                                             .batch_records_max = impl.options.batch_records_max,
                                             .on_warning = impl.options.on_warning},
                               impl.log, impl.executor, impl.clock, std::move(by_partition[p])));
  }
  impl.log.SetListener(
      [lanes = impl.lanes](int partition) { (*lanes)[static_cast<size_t>(partition)]->Wake(); });
  for (const auto& lane : *impl.lanes) RONDO_RETURN_IF_ERROR(lane->Start());
  return absl::OkStatus();
}

void Runtime::Stop() {
  Impl& impl = *impl_;
  if (impl.lanes->empty() || impl.stopped.exchange(true)) return;
  impl.log.SetListener(nullptr);
  for (const auto& lane : *impl.lanes) lane->Stop();
  impl.executor.NotifyAll();
  // The log first: a state ahead of its log would have to be rebuilt.
  absl::Status flushed = impl.log.Sync();
  for (const auto& lane : *impl.lanes) {
    for (const auto& state : lane->states()) {
      if (flushed.ok()) flushed = state->StoreOffset();
    }
  }
  for (const Impl::Service& service : impl.services) {
    if (flushed.ok()) flushed = service.store->Flush();
  }
  if (!flushed.ok()) {
    impl.Warn("stopped without flushing: " + std::string(flushed.message()));
  }
}

// ---- Waiting

absl::Status Runtime::AwaitLive(absl::Time deadline) {
  const auto all_live = [this] {
    return std::all_of(impl_->lanes->begin(), impl_->lanes->end(),
                       [](const auto& lane) { return lane->IsLive(); });
  };
  // What is damaged does not mend itself; all else may pass.
  const auto damage = [this] {
    for (const auto& lane : *impl_->lanes) {
      const absl::Status health = lane->Health();
      if (absl::IsDataLoss(health)) return health;
    }
    return absl::OkStatus();
  };
  const bool in_time = impl_->executor.Await(
      [&] { return impl_->stopped || all_live() || !damage().ok(); }, deadline);
  if (impl_->stopped) return absl::UnavailableError("the runtime is stopped");
  RONDO_RETURN_IF_ERROR(damage());
  return in_time ? absl::OkStatus()
                 : absl::DeadlineExceededError("not all partitions are live yet");
}

bool Runtime::IsLive(int partition) const {
  return impl_->lanes->at(static_cast<size_t>(partition))->IsLive();
}

size_t Runtime::Impl::IndexOf(std::string_view service) const {
  const auto found = std::find_if(services.begin(), services.end(),
                                  [&](const Service& s) { return s.name == service; });
  RONDO_CHECK(found != services.end());
  return static_cast<size_t>(found - services.begin());
}

absl::Status Runtime::Impl::AwaitPositions(const std::vector<Position>& positions,
                                           const std::function<bool(const Position&)>& reached,
                                           std::string_view late) {
  // A full disk holds a lane up for as long as it is full: whoever waits is told so at once.
  const auto held_up = [&](const Position& p) {
    return !reached(p) &&
           absl::IsResourceExhausted((*lanes)[static_cast<size_t>(p.partition)]->Health());
  };
  // An append that failed may have been written all the same, and nobody was told.
  for (const Position& p : positions) {
    if (!reached(p)) lanes->at(static_cast<size_t>(p.partition))->Wake();
  }
  const auto done = [&] {
    return stopped || std::all_of(positions.begin(), positions.end(), reached) ||
           std::any_of(positions.begin(), positions.end(), held_up);
  };
  const bool in_time = executor.Await(done, clock.Now() + options.await_timeout);
  if (stopped) return absl::UnavailableError("the runtime is stopped");
  for (const Position& p : positions) {
    if (held_up(p)) return (*lanes)[static_cast<size_t>(p.partition)]->Health();
  }
  if (in_time) return absl::OkStatus();
  return absl::DeadlineExceededError(std::string(late));
}

absl::Status Runtime::Impl::AwaitApplied(size_t service, const std::vector<Position>& positions) {
  return AwaitPositions(
      positions,
      [&](const Position& p) { return StateOf(service, p.partition).applied() > p.offset; },
      absl::StrFormat("%s has not applied the record in time", services[service].name));
}

absl::Status Runtime::Await(std::string_view service, Position position) {
  return impl_->AwaitApplied(impl_->IndexOf(service), {position});
}

void Runtime::ReadOn(int partition) { impl_->lanes->at(static_cast<size_t>(partition))->Wake(); }

absl::StatusOr<std::vector<Position>> Runtime::Impl::LastPositions() const {
  std::vector<Position> last;
  for (int partition = 0; partition < log.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const int64_t end, log.End(partition));
    last.push_back({partition, end - 1});
  }
  return last;
}

absl::Status Runtime::AwaitEnd(std::string_view service) {
  RONDO_ASSIGN_OR_RETURN(const std::vector<Position> last, impl_->LastPositions());
  return impl_->AwaitApplied(impl_->IndexOf(service), last);
}

absl::Status Runtime::AwaitEnd(std::string_view service, int partition) {
  RONDO_ASSIGN_OR_RETURN(const int64_t end, impl_->log.End(partition));
  return impl_->AwaitApplied(impl_->IndexOf(service), {{partition, end - 1}});
}

absl::Status Runtime::AwaitSettled(std::string_view service) {
  RONDO_ASSIGN_OR_RETURN(const std::vector<Position> last, impl_->LastPositions());
  const auto settled = [&](const Position& p) {
    const auto& states = impl_->lanes->at(static_cast<size_t>(p.partition))->states();
    return std::all_of(states.begin(), states.end(),
                       [&](const auto& state) { return state->settled() > p.offset; });
  };
  RONDO_RETURN_IF_ERROR(
      impl_->AwaitPositions(last, settled, "what follows from the records was not read in time"));
  return AwaitEnd(service);
}

absl::StatusOr<int64_t> Runtime::Impl::SumOfEnds() const {
  int64_t sum = 0;
  for (int partition = 0; partition < log.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const int64_t end, log.End(partition));
    sum += end;
  }
  return sum;
}

absl::Status Runtime::AwaitQuiet() {
  Impl& impl = *impl_;
  // A lane seen quiet may get work from one that is asked later; then some log has grown meanwhile.
  const auto quiet = [&] {
    if (impl.stopped) return true;
    const absl::StatusOr<int64_t> before = impl.SumOfEnds();
    const absl::Time now = impl.clock.Now();
    if (!std::all_of(impl.lanes->begin(), impl.lanes->end(),
                     [&](const auto& lane) { return lane->IsQuiet(now); })) {
      return false;
    }
    const absl::StatusOr<int64_t> after = impl.SumOfEnds();
    return before.ok() && after.ok() && *before == *after;
  };
  // An append that failed may have been written all the same, and nobody was told.
  const absl::Time start = impl.clock.Now();
  for (const auto& lane : *impl.lanes) {
    if (!lane->IsQuiet(start)) lane->Wake();
  }
  if (!impl.executor.Await(quiet, impl.clock.Now() + impl.options.await_timeout)) {
    RONDO_RETURN_IF_ERROR(Health());
    return absl::DeadlineExceededError("records are still being applied");
  }
  return impl.stopped ? absl::UnavailableError("the runtime is stopped") : absl::OkStatus();
}

// ---- Commands

absl::StatusOr<int64_t> Runtime::Impl::AppendCommands(int partition, absl::Span<LogRecord> records,
                                                      Durability durability) {
  if (stopped) return absl::UnavailableError("the runtime is stopped");
  for (LogRecord& record : records) {
    if (record.event_time_micros() == 0) record.set_event_time_micros(ToMicros(clock.Now()));
  }
  return log.Append(partition, records, durability);
}

absl::StatusOr<Position> Runtime::Submit(std::string_view service, int partition, LogRecord record,
                                         Durability durability) {
  const size_t index = impl_->IndexOf(service);
  Position position{.partition = partition, .offset = 0};
  if (record.party() != 0) {
    position.partition = PartitionOf(CustomerId(record.party()), impl_->log.partition_count());
  }
  RONDO_ASSIGN_OR_RETURN(
      position.offset,
      impl_->AppendCommands(position.partition, absl::MakeSpan(&record, 1), durability));
  RONDO_RETURN_IF_ERROR(impl_->AwaitApplied(index, {position}));
  RONDO_RETURN_IF_ERROR(impl_->StateOf(index, position.partition).VerdictOf(position.offset));
  return position;
}

absl::StatusOr<std::vector<absl::Status>> Runtime::SubmitAll(std::string_view service,
                                                             int partition,
                                                             std::vector<LogRecord> records,
                                                             Durability durability) {
  const size_t index = impl_->IndexOf(service);
  std::vector<absl::Status> verdicts;
  if (records.empty()) return verdicts;
  for (const LogRecord& record : records) {
    if (record.party() != 0 &&
        PartitionOf(CustomerId(record.party()), impl_->log.partition_count()) != partition) {
      return absl::InvalidArgumentError("a record's party lives in another partition");
    }
  }
  RONDO_ASSIGN_OR_RETURN(const int64_t first,
                         impl_->AppendCommands(partition, absl::MakeSpan(records), durability));
  const int64_t last = first + static_cast<int64_t>(records.size()) - 1;
  RONDO_RETURN_IF_ERROR(impl_->AwaitApplied(index, {{partition, last}}));
  for (int64_t offset = first; offset <= last; ++offset) {
    verdicts.push_back(impl_->StateOf(index, partition).VerdictOf(offset));
  }
  return verdicts;
}

// ---- Looking

absl::StatusOr<std::unique_ptr<storage::Reader>> Runtime::ReadState(std::string_view service,
                                                                    int partition) const {
  const Impl::Service& found = impl_->services[impl_->IndexOf(service)];
  return std::make_unique<SnapshotReader>(found.store->Snapshot(),
                                          TablePrefix(partition, Table::kState));
}

absl::StatusOr<uint64_t> Runtime::StateHash(std::string_view service) const {
  constexpr InstanceKey kUnkeyed = {};
  const Impl::Service& found = impl_->services[impl_->IndexOf(service)];
  const std::unique_ptr<storage::Reader> snapshot = found.store->Snapshot();
  uint64_t hash = 0;
  for (int partition = 0; partition < impl_->log.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(
        const uint64_t part,
        storage::HashOf(*snapshot, storage::PrefixRange(TablePrefix(partition, Table::kState))));
    hash = SipHash(kUnkeyed, storage::KeyBuilder().U64(hash).U64(part).view());
  }
  return hash;
}

absl::Status Runtime::Health() const {
  for (const auto& lane : *impl_->lanes) RONDO_RETURN_IF_ERROR(lane->Health());
  return absl::OkStatus();
}

std::vector<Lag> Runtime::Lags() const {
  std::vector<Lag> lags;
  for (size_t partition = 0; partition < impl_->lanes->size(); ++partition) {
    const int number = static_cast<int>(partition);
    const int64_t end = impl_->log.End(number).value_or(0);
    for (size_t service = 0; service < impl_->services.size(); ++service) {
      lags.push_back(
          {impl_->services[service].name, number, impl_->StateOf(service, number).applied(), end});
    }
  }
  return lags;
}

std::vector<Parked> Runtime::ListParked() const {
  std::vector<Parked> parked;
  for (size_t partition = 0; partition < impl_->lanes->size(); ++partition) {
    const int number = static_cast<int>(partition);
    for (size_t service = 0; service < impl_->services.size(); ++service) {
      for (const auto& [offset, entry] : impl_->StateOf(service, number).ListParked()) {
        parked.push_back(
            {impl_->services[service].name, {number, offset}, entry.customer, entry.reason});
      }
    }
  }
  return parked;
}

absl::Status Runtime::Checkpoint(std::string_view service, const std::string& folder) const {
  return impl_->services[impl_->IndexOf(service)].store->Checkpoint(folder);
}

EventLog& Runtime::log() { return impl_->log; }
Executor& Runtime::executor() { return impl_->executor; }
const Clock& Runtime::clock() const { return impl_->clock; }
int Runtime::partition_count() const { return impl_->log.partition_count(); }

}  // namespace rondo::eventlog
