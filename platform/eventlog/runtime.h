// The projection runtime: lanes that apply each partition's records to every service's state.
//
// A lane is one partition: it reads the log from the slowest service's offset, decodes once, and
// applies to each service in turn, in batches. State, outbox, timers and offset of one service and
// partition are committed in one write. A service's state lives in a store of its own and can be
// deleted at any time: it is rebuilt from the log.
//
// Life of a partition: replay up to the log's end as seen at start, with nothing emitted and
// nothing acting; then append OwnerChanged with the next epoch, read it back, and go live. Live,
// outboxes are appended, timers that are due on an idle partition cause a Tick, and effects may
// act.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/core/clock.h"
#include "platform/core/executor.h"
#include "platform/eventlog/event_log.h"
#include "platform/eventlog/projection.h"
#include "platform/storage/store.h"

namespace rondo::eventlog {

// Opens (or creates) the store of one service; `in_memory` as the projection says.
using StoreOpener = std::function<absl::StatusOr<std::unique_ptr<storage::Store>>(
    std::string_view service, bool in_memory)>;
// Removes a service's stored state for good (before a rebuild).
using StoreRemover = std::function<absl::Status(std::string_view service)>;

struct RuntimeOptions {
  std::string owner;                 // Names this process in OwnerChanged.
  size_t batch_records_max = 2'000;  // Records applied in one commit.
  absl::Duration await_timeout = absl::Seconds(30);
  // Told of rebuilt states, waiting partitions and lost ownership; from any thread. May be null.
  std::function<void(std::string_view)> on_warning;
};

// A customer whose record could not be applied by a service.
struct Parked {
  std::string service;
  Position position;
  CustomerId customer;
  std::string reason;
};

struct Lag {
  std::string service;
  int partition = 0;
  int64_t applied = 0;  // Next offset to apply.
  int64_t end = 0;      // Of the log.
};

// Thread-safe. Projections, log and executor must outlive it.
class Runtime {
 public:
  Runtime(RuntimeOptions options, EventLog& log, Executor& executor, const Clock& clock,
          StoreOpener open_store, StoreRemover remove_store);
  ~Runtime();

  // Before Start.
  void Add(Projection& projection);

  // Opens the stores and starts the lanes. A state that is newer than the log, of another
  // state_version or damaged is removed and rebuilt, with a warning.
  absl::Status Start();
  // Stops the lanes after their current batch. Flushes the stores. Idempotent.
  void Stop();

  // Blocks until every partition is live, or the deadline. DATA_LOSS at once where the log is
  // damaged: waiting does not mend it.
  absl::Status AwaitLive(absl::Time deadline);
  bool IsLive(int partition) const;

  // Appends to the partition that owns the record (party, else `partition`), waits until `service`
  // has applied it and returns its verdict: the way of every command. A record with a request id
  // that was applied within 24 hours has no effect and returns the first one's verdict. A record
  // without an event time gets the clock's.
  absl::StatusOr<Position> Submit(std::string_view service, int partition, LogRecord record,
                                  Durability durability);
  // The same for many records of one partition; verdicts in their order. INVALID_ARGUMENT, with
  // nothing appended, if a record's party lives in another one.
  absl::StatusOr<std::vector<absl::Status>> SubmitAll(std::string_view service, int partition,
                                                      std::vector<LogRecord> records,
                                                      Durability durability);

  // Blocks until `service` has applied the record at `position`. DEADLINE_EXCEEDED after the
  // timeout of the options; UNAVAILABLE when stopped.
  absl::Status Await(std::string_view service, Position position);
  // Lets the partition's lane look at the log again: an append that failed may have been written
  // all the same, and nobody was told.
  void ReadOn(int partition);
  // Blocks until `service` has applied all that is in the log when called: an exact read.
  absl::Status AwaitEnd(std::string_view service);
  // The same of one partition: enough for what is read of one customer.
  absl::Status AwaitEnd(std::string_view service, int partition);
  // As AwaitEnd, and `service` has also applied what any service emitted because of those records:
  // an exact read of what others derive (attributed responses). Not what emissions emit in turn.
  absl::Status AwaitSettled(std::string_view service);
  // As AwaitEnd for every service, repeated until no emission is on its way: all that follows from
  // what is in the log has been applied. For tests and the simulator.
  absl::Status AwaitQuiet();

  // A consistent view of one service's state in one partition; keys as Apply wrote them.
  absl::StatusOr<std::unique_ptr<storage::Reader>> ReadState(std::string_view service,
                                                             int partition) const;

  // Hash of the sorted keys and values of a service's state over all partitions, without the
  // runtime's own bookkeeping.
  absl::StatusOr<uint64_t> StateHash(std::string_view service) const;

  // Why a partition does not move (a full disk, a damaged block), OK if all do. Retried by itself.
  absl::Status Health() const;
  std::vector<Lag> Lags() const;
  std::vector<Parked> ListParked() const;

  // A copy of one service's store that opens on its own: the way a snapshot is taken.
  absl::Status Checkpoint(std::string_view service, const std::string& folder) const;

  EventLog& log();
  Executor& executor();
  const Clock& clock() const;
  int partition_count() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rondo::eventlog
