// The effect: claims ready contacts, sends what was claimed, and records what became of it.
//
// Only while live. A claim is appended, synced, and read back: the message goes out only if the
// contact's state names that very record as its claim. At most `in_flight_max` contacts of a
// channel are between claim and outcome, so a crash leaves at most so many of each in doubt, and a
// channel that hangs holds up no other; the backlog stays in the store. A claim that may or may not
// have been written is sent to nobody until a sync succeeds and the state says whether it holds. An
// outcome that cannot be written is kept and tried again, and nothing new is claimed meanwhile.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "platform/core/executor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/log.h"
#include "services/delivery/composer.h"
#include "services/delivery/transport.h"

namespace rondo::delivery {

struct DispatcherOptions {
  // Of each channel, over all partitions; at most so many of it become in doubt by a crash. Two for
  // each session: one that is being sent, one that waits behind it.
  size_t in_flight_max = 20;
  // For channels where it is another number.
  std::map<std::string, size_t> in_flight_max_by_channel = {};
  // So many connection failures one after another, and the channel rests for `rest`.
  int failures_until_rest = 10;
  absl::Duration rest = absl::Seconds(10);
  absl::Duration drain_timeout = absl::Seconds(10);
};

// By channel: `email`, `sms`. `web` needs none: its offers wait to be fetched.
using Transports = std::map<std::string, Transport*>;

// Thread-safe.
class Dispatcher {
 public:
  // All parts outlive it. A transport may call back after Stop, but not after the log is gone:
  // destroy transports before it.
  Dispatcher(DispatcherOptions options, eventlog::Runtime& runtime, Executor& executor,
             Composer& composer, Transports transports, const Log& log);
  // Drops what is under way, as a crash does; Stop before to drain.
  ~Dispatcher();

  void Start();
  // Claims nothing more, waits for outcomes at most drain_timeout. What is missing then is in doubt
  // for the next owner. Idempotent.
  void Stop();

  // Of the projection: records before `next_offset` are applied.
  void Committed(int partition, int64_t next_offset);

  // Why nothing is sent at the moment; empty while it is.
  std::string LimitedBy() const;

 private:
  struct State;
  // A claim that was appended and not yet read back.
  struct Appended {
    std::string key;
    int64_t offset = 0;
  };
  // A claim of which nobody knows whether it is in the log for good: nothing was sent for it.
  struct Unsure {
    std::string key;
    int32_t attempt = 0;
    int64_t epoch = 0;
    // Once a sync has succeeded: it lies before this offset, or nowhere. Else negative.
    int64_t until = -1;
  };
  // A claim to be appended.
  struct Claim {
    std::string key;
    std::string channel;
    eventlog::LogRecord record;
  };
  using KeysByChannel = std::map<std::string, std::set<std::string>>;
  using RoomByChannel = std::map<std::string, size_t>;
  static void Wake(const std::shared_ptr<State>& state);
  static void WakeAt(const std::shared_ptr<State>& state, absl::Time when);
  static void PostRun(const std::shared_ptr<State>& state);
  static void Run(const std::shared_ptr<State>& state);
  static absl::Status SettleUnsure(const std::shared_ptr<State>& state, int partition);
  static void SendClaimed(const std::shared_ptr<State>& state, int partition);
  static void SendOne(const std::shared_ptr<State>& state, int partition,
                      const statepb::ContactState& contact, const Composed& composed);
  static void Finish(const std::shared_ptr<State>& state, int partition,
                     const statepb::ContactState& contact, const SendOutcome& outcome);
  static void Record(const std::shared_ptr<State>& state, int partition,
                     eventlog::LogRecord record);
  static void StartRecording(const std::shared_ptr<State>& state);
  static void WriteOutcomes(const std::shared_ptr<State>& state);
  static void ClaimReady(const std::shared_ptr<State>& state, const std::vector<int>& dirty);
  static absl::Status ClaimIn(const std::shared_ptr<State>& state, int partition);
  static absl::StatusOr<std::vector<Claim>> ClaimsFor(const std::shared_ptr<State>& state,
                                                      int partition, const RoomByChannel& rooms,
                                                      const KeysByChannel& busy);
  static absl::Status AppendClaims(const std::shared_ptr<State>& state, int partition,
                                   std::vector<Claim> claims);
  static absl::Status SyncClaims(const std::shared_ptr<State>& state);
  static absl::Status BoundUnsure(const std::shared_ptr<State>& state,
                                  const std::vector<int>& partitions);

  std::shared_ptr<State> state_;
};

}  // namespace rondo::delivery
