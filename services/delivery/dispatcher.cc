#include "services/delivery/dispatcher.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "services/delivery/attempt_records.h"
#include "services/delivery/channel_health.h"
#include "services/delivery/delivery_projection.h"
#include "services/delivery/ready_queue.h"

namespace rondo::delivery {
namespace {

namespace logpb = ::rondo::log::v1;
using eventlog::LogRecord;

constexpr absl::Duration kRetryAfter = absl::Seconds(1);
// Why a channel can never take a message; see Transport::Send.
std::string ReasonOf(const absl::Status& refused) {
  const std::vector<FieldViolation> violations = ViolationsOf(refused);
  const std::string field = violations.empty() ? "" : violations[0].field;
  if (field == kRecipientField) return "no_address";
  if (field == kSenderField) return "unusable_sender";
  if (field == kChannelField) return "channel_misconfigured";
  return "unsendable_content";
}

}  // namespace

struct Dispatcher::State {
  struct Partition {
    int64_t applied = 0;
    bool dirty = false;
    std::vector<Appended> appended;
    std::vector<Appended> unsynced;  // Appended; not to be sent before a sync.
    std::vector<Unsure> unsure;
    KeysByChannel busy;                       // Between claim and outcome.
    bool hungry = false;                      // Has ready contacts for which there was no room.
    std::map<std::string, ReadyQueue> ready;  // By channel; of the strand of claims.

    bool IsUnsettled() const { return !unsynced.empty() || !unsure.empty(); }
    bool AwaitsSync() const {
      return !unsynced.empty() || std::any_of(unsure.begin(), unsure.end(),
                                              [](const Unsure& each) { return each.until < 0; });
    }
  };

  State(DispatcherOptions given, eventlog::Runtime& r, Executor& e, Composer& c, Transports t,
        const Log& l)
      : options(std::move(given)),
        runtime(r),
        executor(e),
        composer(c),
        transports(std::move(t)),
        log(l),
        health(options.failures_until_rest, options.rest, l),
        strand(e),
        recorder(e),
        partitions(static_cast<size_t>(r.partition_count())) {}

  absl::Time Now() const { return runtime.clock().Now(); }
  Partition& At(int partition) { return partitions[static_cast<size_t>(partition)]; }
  // Under the mutex. There is room for whoever had none.
  void Release(int partition, const std::string& key) {
    for (auto& [channel, keys] : At(partition).busy) keys.erase(key);
    for (Partition& each : partitions) each.dirty |= std::exchange(each.hungry, false);
  }
  size_t Busy() const {  // Under the mutex.
    size_t all = 0;
    for (const Partition& partition : partitions) {
      for (const auto& [channel, keys] : partition.busy) all += keys.size();
    }
    return all;
  }
  RoomByChannel Rooms() const {  // Under the mutex. What each channel may still take.
    RoomByChannel rooms;
    for (const std::string_view name : kChannels) {
      const std::string channel(name);
      const auto own = options.in_flight_max_by_channel.find(channel);
      const size_t most =
          own == options.in_flight_max_by_channel.end() ? options.in_flight_max : own->second;
      size_t busy = 0;
      for (const Partition& partition : partitions) {
        const auto keys = partition.busy.find(channel);
        if (keys != partition.busy.end()) busy += keys->second.size();
      }
      rooms[channel] = most > busy ? most - busy : 0;
    }
    return rooms;
  }

  const DispatcherOptions options;
  eventlog::Runtime& runtime;
  Executor& executor;
  Composer& composer;
  const Transports transports;
  const Log& log;
  ChannelHealth health;
  Strand strand;    // Of claims and messages.
  Strand recorder;  // Of outcomes: a session goes on while its last one is synced.

  mutable std::mutex mutex;
  std::vector<Partition> partitions;
  std::vector<std::pair<int, LogRecord>> unwritten;  // Outcomes.
  bool recording = false;
  bool outcomes_fail = false;
  size_t first = 0;  // The partition that is served first: it changes.
  bool started = false;
  bool stopping = false;  // Claims nothing more.
  bool closed = false;    // Does nothing more.
  bool woken = false;
  std::string storage_trouble;
};

Dispatcher::Dispatcher(DispatcherOptions options, eventlog::Runtime& runtime, Executor& executor,
                       Composer& composer, Transports transports, const Log& log)
    : state_(std::make_shared<State>(std::move(options), runtime, executor, composer,
                                     std::move(transports), log)) {}

Dispatcher::~Dispatcher() {
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->closed = true;
}

void Dispatcher::Start() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->started = true;
    for (State::Partition& partition : state_->partitions) partition.dirty = true;
  }
  Wake(state_);
}

void Dispatcher::Stop() {
  {
    const std::lock_guard lock(state_->mutex);
    if (std::exchange(state_->stopping, true)) return;
    if (!state_->started) {
      state_->closed = true;
      return;
    }
  }
  // Not under the lock: claims are sent and outcomes come in meanwhile.
  state_->executor.Await(
      [state = state_] {
        const std::lock_guard lock(state->mutex);
        return state->Busy() == 0 && state->unwritten.empty();
      },
      state_->Now() + state_->options.drain_timeout);
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
}

void Dispatcher::Committed(int partition, int64_t next_offset) {
  {
    const std::lock_guard lock(state_->mutex);
    State::Partition& here = state_->At(partition);
    here.applied = next_offset;
    here.dirty = true;
    if (!state_->started || state_->closed) return;
  }
  Wake(state_);
}

std::string Dispatcher::LimitedBy() const {
  const std::lock_guard lock(state_->mutex);
  if (!state_->storage_trouble.empty()) return "storage: " + state_->storage_trouble;
  return state_->health.LimitedBy(state_->Now());
}

// A task that waits in a strand does not keep alive what owns the strand.
void Dispatcher::PostRun(const std::shared_ptr<State>& state) {
  state->strand.Post([weak = std::weak_ptr(state)] {
    if (const auto alive = weak.lock()) Run(alive);
  });
}

void Dispatcher::Wake(const std::shared_ptr<State>& state) {
  {
    const std::lock_guard lock(state->mutex);
    if (state->woken || state->closed || !state->started) return;
    state->woken = true;
  }
  PostRun(state);
}

void Dispatcher::WakeAt(const std::shared_ptr<State>& state, absl::Time when) {
  state->executor.PostAt(when, [state] {
    {
      const std::lock_guard lock(state->mutex);
      for (State::Partition& partition : state->partitions) partition.dirty = true;
    }
    Wake(state);
  });
}

void Dispatcher::Run(const std::shared_ptr<State>& state) {
  std::vector<int> dirty;
  {
    const std::lock_guard lock(state->mutex);
    state->woken = false;
    if (state->closed) return;
    const size_t count = state->partitions.size();
    const size_t first = state->first++ % count;
    for (size_t i = 0; i < count; ++i) {
      const size_t partition = (first + i) % count;
      if (!std::exchange(state->partitions[partition].dirty, false)) continue;
      dirty.push_back(static_cast<int>(partition));
    }
  }
  std::erase_if(dirty, [&](int partition) { return !state->runtime.IsLive(partition); });
  for (const int partition : dirty) {
    // What cannot be read now is read with the next retry: the claims stay ours.
    if (!SettleUnsure(state, partition).ok()) WakeAt(state, state->Now() + kRetryAfter);
    SendClaimed(state, partition);
  }
  ClaimReady(state, dirty);
  const std::lock_guard lock(state->mutex);
  const bool more = std::any_of(state->partitions.begin(), state->partitions.end(),
                                [](const State::Partition& p) { return p.dirty; });
  if (!more || state->woken || state->closed) return;
  state->woken = true;
  PostRun(state);
}

// Sends those of our claims that were read back and hold.
void Dispatcher::SendClaimed(const std::shared_ptr<State>& state, int partition) {
  std::vector<Appended> read_back;
  {
    const std::lock_guard lock(state->mutex);
    State::Partition& here = state->At(partition);
    const auto split = std::partition(here.appended.begin(), here.appended.end(),
                                      [&](const auto& a) { return a.offset >= here.applied; });
    read_back.assign(split, here.appended.end());
    here.appended.erase(split, here.appended.end());
  }
  if (read_back.empty()) return;
  std::sort(read_back.begin(), read_back.end(),
            [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::vector<statepb::ContactState> contacts;
  std::vector<rondo::campaign::v1::Campaign> campaigns;
  const auto release = [&](const std::string& key) {
    {
      const std::lock_guard lock(state->mutex);
      state->Release(partition, key);
    }
    state->executor.NotifyAll();
  };
  const auto load = [&]() -> absl::Status {
    RONDO_ASSIGN_OR_RETURN(const auto view, state->runtime.ReadState(kServiceName, partition));
    for (const Appended& claim : read_back) {
      RONDO_ASSIGN_OR_RETURN(const auto contact, ReadContact(*view, claim.key));
      const bool holds = contact.has_value() &&
                         contact->phase() == statepb::CONTACT_PHASE_CLAIMED &&
                         contact->claim_offset() == claim.offset;
      if (!holds) {
        release(claim.key);
        continue;
      }
      RONDO_ASSIGN_OR_RETURN(const auto campaign, ReadCycle(*view, contact->contact().campaign(),
                                                            contact->contact().cycle()));
      contacts.push_back(*contact);
      campaigns.push_back(campaign.value_or(rondo::campaign::v1::Campaign()));
    }
    return absl::OkStatus();
  };
  const absl::Status loaded = load();
  if (!loaded.ok()) {  // Read again later: the claims stay ours.
    const std::lock_guard lock(state->mutex);
    State::Partition& here = state->At(partition);
    here.appended.insert(here.appended.end(), read_back.begin(), read_back.end());
    WakeAt(state, state->Now() + kRetryAfter);
    return;
  }
  if (contacts.empty()) return;
  const auto composed = state->composer.Compose(contacts, campaigns);
  for (size_t i = 0; i < contacts.size(); ++i) {
    if (composed.ok()) {
      SendOne(state, partition, contacts[i], (*composed)[i]);
    } else {
      Finish(state, partition, contacts[i],
             {SendStatus::kDeferred, 0, std::string(composed.status().message()), {}});
    }
  }
}

void Dispatcher::SendOne(const std::shared_ptr<State>& state, int partition,
                         const statepb::ContactState& contact, const Composed& composed) {
  const auto suppress = [&](const std::string& reason) {
    Record(state, partition, SuppressedRecord(contact, reason, state->Now()));
  };
  if (!composed.suppressed_reason.empty()) return suppress(composed.suppressed_reason);
  if (contact.channel() == "web") {
    return Finish(state, partition, contact, {SendStatus::kAccepted, 0, "waits", {}});
  }
  const auto transport = state->transports.find(contact.channel());
  if (transport == state->transports.end()) return suppress("channel_not_configured");
  const absl::Status taken = transport->second->Send(
      composed.message, [state, partition, contact](const SendOutcome& outcome) {
        Finish(state, partition, contact, outcome);
      });
  if (taken.ok()) return;
  if (absl::IsInvalidArgument(taken)) {
    const std::string reason = ReasonOf(taken);
    state->health.TellRefused(contact, reason, taken);
    return suppress(reason);
  }
  Finish(state, partition, contact, {SendStatus::kDeferred, 0, std::string(taken.message()), {}});
}

void Dispatcher::Finish(const std::shared_ptr<State>& state, int partition,
                        const statepb::ContactState& contact, const SendOutcome& outcome) {
  const absl::Time now = state->Now();
  {
    const std::lock_guard lock(state->mutex);
    // Nobody is left to tell: the next owner finds the contact in doubt.
    if (state->closed) return;
  }
  const std::optional<absl::Time> rests_until = state->health.Note(contact.channel(), outcome, now);
  if (rests_until.has_value()) WakeAt(state, *rests_until);
  Record(state, partition, OutcomeRecord(contact, outcome, now));
}

void Dispatcher::Record(const std::shared_ptr<State>& state, int partition, LogRecord record) {
  {
    const std::lock_guard lock(state->mutex);
    if (state->closed) return;
    state->unwritten.emplace_back(partition, std::move(record));
  }
  StartRecording(state);
}

void Dispatcher::StartRecording(const std::shared_ptr<State>& state) {
  {
    const std::lock_guard lock(state->mutex);
    if (state->closed || state->unwritten.empty() || std::exchange(state->recording, true)) return;
  }
  state->recorder.Post([weak = std::weak_ptr(state)] {
    if (const auto alive = weak.lock()) WriteOutcomes(alive);
  });
}

// Appends all outcomes that wait, with one sync. A second outcome of one attempt is refused by
// Apply, should the first have been written after all.
void Dispatcher::WriteOutcomes(const std::shared_ptr<State>& state) {
  std::vector<std::pair<int, LogRecord>> batch;
  {
    const std::lock_guard lock(state->mutex);
    if (state->closed) return;
    batch.swap(state->unwritten);
  }
  std::map<int, std::vector<LogRecord>> by_partition;
  for (const auto& [partition, record] : batch) by_partition[partition].push_back(record);
  absl::Status written;
  for (auto& [partition, records] : by_partition) {
    written.Update(state->runtime.log()
                       .Append(partition, absl::MakeSpan(records), eventlog::Durability::kWritten)
                       .status());
  }
  if (written.ok()) written = state->runtime.log().Sync();
  {
    const std::lock_guard lock(state->mutex);
    state->recording = false;
    state->outcomes_fail = !written.ok();
    state->storage_trouble = std::string(written.message());
    if (!written.ok()) {
      state->unwritten.insert(state->unwritten.begin(), batch.begin(), batch.end());
    }
    for (const auto& [partition, record] : batch) {
      if (!written.ok()) break;
      state->Release(partition, ContactKeyOfRecord(record));
      state->At(partition).dirty = true;
    }
  }
  state->executor.NotifyAll();
  if (written.ok()) {
    StartRecording(state);  // What came meanwhile.
    Wake(state);
  } else {
    state->executor.PostAt(state->Now() + kRetryAfter, [state] { StartRecording(state); });
  }
}

absl::StatusOr<std::vector<Dispatcher::Claim>> Dispatcher::ClaimsFor(
    const std::shared_ptr<State>& state, int partition, const RoomByChannel& rooms,
    const KeysByChannel& busy) {
  const absl::Time now = state->Now();
  RONDO_ASSIGN_OR_RETURN(const auto view, state->runtime.ReadState(kServiceName, partition));
  RONDO_ASSIGN_OR_RETURN(const int64_t epoch, ReadEpoch(*view));
  std::vector<Claim> claims;
  for (const auto& [channel, room] : rooms) {
    if (room == 0 || state->health.Rests(channel, now)) continue;
    ReadyQueue& queue = state->At(partition).ready.try_emplace(channel, channel).first->second;
    const auto taken = busy.find(channel);
    RONDO_ASSIGN_OR_RETURN(
        auto ready,
        queue.Take(*view, taken == busy.end() ? std::set<std::string>() : taken->second, room));
    for (auto& [key, contact] : ready) {
      claims.push_back({std::move(key), channel,
                        ClaimRecord(contact, epoch, state->composer.MessageIdOf(contact), now)});
    }
  }
  return claims;
}

absl::Status Dispatcher::AppendClaims(const std::shared_ptr<State>& state, int partition,
                                      std::vector<Claim> claims) {
  std::vector<LogRecord> records;
  {
    const std::lock_guard lock(state->mutex);
    for (Claim& claim : claims) {
      state->At(partition).busy[claim.channel].insert(claim.key);
      records.push_back(claim.record);
    }
  }
  const auto first = state->runtime.log().Append(partition, absl::MakeSpan(records),
                                                 eventlog::Durability::kWritten);
  const std::lock_guard lock(state->mutex);
  State::Partition& here = state->At(partition);
  for (size_t i = 0; i < claims.size(); ++i) {
    if (first.ok()) {
      here.unsynced.push_back({claims[i].key, *first + static_cast<int64_t>(i)});
    } else {
      const logpb::DeliveryAttempted& attempted = claims[i].record.delivery_attempted();
      here.unsure.push_back({claims[i].key, attempted.attempt(), attempted.epoch()});
    }
  }
  return first.status();
}

absl::Status Dispatcher::ClaimIn(const std::shared_ptr<State>& state, int partition) {
  RoomByChannel rooms;
  KeysByChannel busy;
  {
    const std::lock_guard lock(state->mutex);
    State::Partition& here = state->At(partition);
    // What is not settled comes first.
    if (state->stopping || state->outcomes_fail || here.IsUnsettled()) return absl::OkStatus();
    rooms = state->Rooms();
    busy = here.busy;
    here.hungry =
        std::any_of(rooms.begin(), rooms.end(), [](const auto& room) { return room.second == 0; });
  }
  RONDO_ASSIGN_OR_RETURN(std::vector<Claim> claims, ClaimsFor(state, partition, rooms, busy));
  if (claims.empty()) return absl::OkStatus();
  for (const Claim& claim : claims) --rooms[claim.channel];
  {
    const std::lock_guard lock(state->mutex);
    State::Partition& here = state->At(partition);
    here.hungry =
        std::any_of(rooms.begin(), rooms.end(), [](const auto& room) { return room.second == 0; });
  }
  return AppendClaims(state, partition, std::move(claims));
}

// One sync for the claims of all partitions: those with an offset may be sent once they are read
// back; of the others the log's end then tells how far to read.
absl::Status Dispatcher::SyncClaims(const std::shared_ptr<State>& state) {
  {
    const std::lock_guard lock(state->mutex);
    if (std::none_of(state->partitions.begin(), state->partitions.end(),
                     [](const State::Partition& p) { return p.AwaitsSync(); })) {
      return absl::OkStatus();
    }
  }
  RONDO_RETURN_IF_ERROR(state->runtime.log().Sync());
  std::vector<int> unsure;
  {
    const std::lock_guard lock(state->mutex);
    for (size_t i = 0; i < state->partitions.size(); ++i) {
      State::Partition& here = state->partitions[i];
      if (!here.unsynced.empty()) here.dirty = true;  // They may have been applied already.
      here.appended.insert(here.appended.end(), here.unsynced.begin(), here.unsynced.end());
      here.unsynced.clear();
      if (here.AwaitsSync()) unsure.push_back(static_cast<int>(i));
    }
  }
  return BoundUnsure(state, unsure);
}

// After a sync: whatever of the unsure claims was written lies before the log's end. A partition
// whose end cannot be read now holds up no other.
absl::Status Dispatcher::BoundUnsure(const std::shared_ptr<State>& state,
                                     const std::vector<int>& partitions) {
  absl::Status bounded;
  for (const int partition : partitions) {
    const auto end = state->runtime.log().End(partition);
    bounded.Update(end.status());
    if (!end.ok()) continue;
    const std::lock_guard lock(state->mutex);
    State::Partition& here = state->At(partition);
    for (Unsure& claim : here.unsure) {
      if (claim.until < 0) claim.until = *end;
    }
    state->runtime.ReadOn(partition);
    here.dirty = true;  // It may have been read so far already.
  }
  return bounded;
}

// Claims of all partitions share one sync; none is sent before it.
void Dispatcher::ClaimReady(const std::shared_ptr<State>& state, const std::vector<int>& dirty) {
  absl::Status claimed;
  for (const int partition : dirty) claimed.Update(ClaimIn(state, partition));
  claimed.Update(SyncClaims(state));
  {
    const std::lock_guard lock(state->mutex);
    if (!state->outcomes_fail) state->storage_trouble = std::string(claimed.message());
  }
  if (claimed.ok()) return;
  state->log.Write(
      LogLevel::kWarning, "claims_not_written",
      {{"error", std::string_view(claimed.message().data(), claimed.message().size())}});
  WakeAt(state, state->Now() + kRetryAfter);
}

// Claims that may have been written are ours to send if the state, read so far that they must be in
// it, holds them under our epoch; else the contact is as it was before.
absl::Status Dispatcher::SettleUnsure(const std::shared_ptr<State>& state, int partition) {
  std::vector<Unsure> known;
  {
    const std::lock_guard lock(state->mutex);
    for (const Unsure& claim : state->At(partition).unsure) {
      if (claim.until >= 0 && state->At(partition).applied >= claim.until) known.push_back(claim);
    }
  }
  if (known.empty()) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(const auto view, state->runtime.ReadState(kServiceName, partition));
  RONDO_ASSIGN_OR_RETURN(const int64_t epoch, ReadEpoch(*view));
  for (const Unsure& claim : known) {
    RONDO_ASSIGN_OR_RETURN(const auto contact, ReadContact(*view, claim.key));
    const bool is_ours = contact.has_value() && epoch == claim.epoch &&
                         contact->phase() == statepb::CONTACT_PHASE_CLAIMED &&
                         contact->attempt() == claim.attempt;
    const std::lock_guard lock(state->mutex);
    State::Partition& here = state->At(partition);
    std::erase_if(here.unsure, [&](const Unsure& each) { return each.key == claim.key; });
    if (is_ours) {
      here.appended.push_back({claim.key, contact->claim_offset()});
    } else {
      state->Release(partition, claim.key);
      here.dirty = true;
    }
  }
  state->executor.NotifyAll();
  return absl::OkStatus();
}

}  // namespace rondo::delivery
