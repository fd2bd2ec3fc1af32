#include "platform/eventlog/runtime_fixture_for_test.h"

#include <algorithm>

#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

std::string CountKey(uint64_t customer, std::string_view type) {
  return storage::KeyBuilder().U64(customer).Raw(type).view();
}

absl::Status Increment(ApplyContext& context, uint64_t customer, const std::string& type) {
  const std::string key = CountKey(customer, type);
  RONDO_ASSIGN_OR_RETURN(const auto stored, context.Get(key));
  context.Put(key, std::to_string(stored.has_value() ? std::stoll(*stored) + 1 : 1));
  return absl::OkStatus();
}

uint64_t NextCustomer(uint64_t customer) {
  const auto* at = std::find(std::begin(kCustomers), std::end(kCustomers), customer);
  return ++at == std::end(kCustomers) ? kCustomers[0] : *at;
}

}  // namespace

LogRecord Event(const std::string& type, uint64_t customer, const std::string& request_id) {
  LogRecord record;
  record.set_party(customer);
  record.set_request_id(request_id);
  record.mutable_event_tracked()->set_type(type);
  return record;
}

absl::Status Counter::Apply(const LogRecord& record, ApplyContext& context) {
  if (!record.has_event_tracked()) return absl::OkStatus();
  const std::string& type = record.event_tracked().type();
  RONDO_RETURN_IF_ERROR(Increment(context, record.party(), type));
  if (type == "purchase") {
    LogRecord response;
    response.set_party(record.party());
    response.mutable_response_attributed()->set_goal("bought");
    context.Emit(std::move(response));
  } else if (type == "refer") {
    context.Emit(Event("referred", NextCustomer(record.party())));
  } else if (type == "remind" || type == "remind_late" || type == "cancelled") {
    const std::string key = CountKey(record.party(), type);
    const absl::Time due = context.partition_time() + absl::Hours(type == "remind_late" ? 2 : 1);
    context.SetTimer(due, key, "reminded");
    if (type == "cancelled") context.CancelTimer(due, key);
  } else if (type == "refuse") {
    context.Emit(Event("never", record.party()));
    context.SetTimer(context.partition_time(), "never", "");
    return absl::FailedPreconditionError("refused");
  } else if (type == "poison") {
    RONDO_ASSIGN_OR_RETURN(const auto healed, context.Get(CountKey(record.party(), "heal")));
    if (!healed.has_value()) return absl::InternalError("poisoned");
  }
  return absl::OkStatus();
}

absl::Status Counter::OnTimer(absl::Time, std::string_view key, std::string_view payload,
                              ApplyContext& context) {
  {
    const std::lock_guard lock(mutex_);
    fired.emplace_back(key);
  }
  storage::KeyParser parser(key);
  const uint64_t customer = parser.U64();
  context.Emit(Event(std::string(payload), customer));
  return Increment(context, customer, "timer");
}

void Counter::Committed(int partition, int64_t, bool live) {
  const std::lock_guard lock(mutex_);
  if (live && live_.insert(partition).second) ++lives;
}

absl::Status Witness::Apply(const LogRecord& record, ApplyContext& context) {
  if (record.has_record_skipped()) {
    return Increment(context, record.party(), "skipped by " + record.record_skipped().service());
  }
  if (record.emitter().empty()) return absl::OkStatus();
  return Increment(context, record.party(), std::to_string(record.body_case()));
}

Deployment::Deployment(Options options)
    : executor(std::make_unique<SeededExecutor>(options.seed, clock)), options_(options) {
  log = std::make_unique<MemoryLog>(kPartitions, clock,
                                    [this](storage::CommitPoint p) { return AtCommit(p); });
}

Deployment::~Deployment() { Kill(); }

storage::Fault Deployment::AtCommit(storage::CommitPoint point) {
  if (crashed_) return storage::Fault::kCrash;  // The whole process died.
  if (commit_points_++ == options_.crash_at) {
    crashed_ = true;
    return storage::Fault::kCrash;
  }
  return extra_fault ? extra_fault(point) : storage::Fault::kNone;
}

void Deployment::Start() {
  counter = std::make_unique<Counter>();
  witness = std::make_unique<Witness>();
  const auto opener = [this](std::string_view service,
                             bool in_memory) -> absl::StatusOr<std::unique_ptr<storage::Store>> {
    if (in_memory) return std::make_unique<storage::MemoryStore>();
    auto& disk = disks[std::string(service)];
    if (disk == nullptr) disk = std::make_shared<storage::MemoryDisk>();
    return std::make_unique<storage::MemoryStore>(
        disk, storage::MemoryStoreOptions{
                  .write_ahead_log = options_.write_ahead_log,
                  .fault = [this](storage::CommitPoint p) { return AtCommit(p); }});
  };
  const auto remover = [this](std::string_view service) {
    removed.emplace_back(service);
    disks.erase(std::string(service));
    return absl::OkStatus();
  };
  runtime = std::make_unique<Runtime>(
      RuntimeOptions{.owner = "test/" + std::to_string(++starts_),
                     .batch_records_max = options_.batch_records_max,
                     .await_timeout = absl::Seconds(2),
                     .on_warning = [this](std::string_view w) { warnings.emplace_back(w); }},
      *log, *executor, clock, opener, remover);
  runtime->Add(*counter);
  runtime->Add(*witness);
  const absl::Status started = runtime->Start();
  RONDO_CHECK(started.ok() || crashed_);
  const absl::Status live = runtime->AwaitLive(clock.Now() + absl::Seconds(2));
  RONDO_CHECK(live.ok() || crashed_);
}

void Deployment::Kill() {
  if (runtime == nullptr) return;
  crashed_ = true;
  log->Crash();
  runtime.reset();
  executor->DropAll();
  if (options_.lose_power) {
    for (auto& [service, disk] : disks) disk->LosePower();
  }
  log->Restart(options_.lose_power);
  crashed_ = false;
}

absl::Status Deployment::Submit(const LogRecord& record) {
  while (true) {
    const auto position = runtime->Submit("counter", 0, record, Durability::kSynced);
    if (!crashed_) return position.status();
    Kill();
    Start();
  }
}

void Deployment::Settle() {
  while (true) {
    const absl::Status quiet = runtime->AwaitQuiet();
    if (!crashed_) {
      RONDO_CHECK(quiet.ok());
      return;
    }
    Kill();
    Start();
  }
}

std::vector<LogRecord> Deployment::Records(int partition) const {
  std::vector<LogRecord> records;
  for (int64_t offset = 0; offset < *log->End(partition);) {
    const RecordBlock block = *log->Read(partition, offset);
    for (const LogRecord* record : block.records) records.push_back(*record);
    offset = block.end();
  }
  return records;
}

std::vector<std::string> Deployment::Emissions() const {
  std::vector<std::string> emissions;
  for (int partition = 0; partition < kPartitions; ++partition) {
    std::set<std::pair<std::string, uint64_t>> seen;
    for (LogRecord record : Records(partition)) {
      if (record.emitter().empty()) continue;
      if (!seen.emplace(record.emitter(), record.sequence()).second) continue;
      record.clear_id();
      record.clear_cause();
      record.clear_sequence();
      record.clear_append_time_micros();
      record.clear_event_time_micros();
      if (record.has_record_skipped()) record.mutable_record_skipped()->clear_offset();
      emissions.push_back(record.SerializeAsString());
    }
  }
  std::sort(emissions.begin(), emissions.end());
  return emissions;
}

int64_t Deployment::Count(uint64_t customer, const std::string& type) const {
  for (const char* service : {"counter", "witness"}) {
    const auto state = *runtime->ReadState(service, PartitionOf(CustomerId(customer), kPartitions));
    const auto value = *state->Get(CountKey(customer, type));
    if (value.has_value()) return std::stoll(*value);
  }
  return 0;
}

}  // namespace rondo::eventlog
