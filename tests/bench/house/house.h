// A whole deployment for benchmarks: what `rondo serve --target=all` runs, in this process, on a
// temporary folder, filled with a shop's customers and their purchases.
//
// Filling it is measured on the way. All customers and purchases follow from one seed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/server.h"
#include "platform/core/rng.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/caller.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "rondo/response/v1/response_service.pb.h"

namespace rondo::bench {

// $RONDO_BENCH_CUSTOMERS, which run.py sets: 1,000,000 if it is not set. Five events for each.
int64_t CustomerCount();
inline constexpr int kEventsPerCustomer = 5;
// An append, and a put's batch.
inline constexpr int kEventsPerAppend = 100;

// Stops the program, saying why: a benchmark of what fails measures nothing.
void MustBeOk(const absl::Status& status);

// Resident memory of this process, in bytes.
int64_t ResidentBytes();

// Time of a stage. On a machine that others use too, only the processors' time can be compared.
struct Took {
  absl::Duration wall;
  absl::Duration processors;  // Of all threads of this process.
};
// Runs from its making; not thread-safe.
class Stopwatch {
 public:
  Stopwatch();
  Took Stop() const;

 private:
  absl::Time begin_;
  absl::Duration processors_;
};

// Purchases of about 200 bytes each, as they stand in the log: 8 attributes and an envelope.
class Purchases {
 public:
  Purchases(uint64_t seed, absl::Time begin, absl::Time end, int64_t count);
  // The next purchase, of `customer`; times rise from begin to end. `record` is new, or holds an
  // earlier one, whose memory is used again.
  void Next(CustomerId customer, eventlog::LogRecord& record);
  // The same for the public door.
  rondo::response::v1::CustomerEvent NextEvent(CustomerId customer);

 private:
  Rng rng_;
  absl::Time begin_;
  absl::Duration step_;
  uint64_t seed_;
  int64_t next_ = 0;
};

// Not thread-safe.
class House {
 public:
  House();
  ~House();

  Caller& caller() { return server_->caller(); }
  eventlog::Runtime& runtime() { return server_->runtime(); }
  const std::vector<CustomerId>& customers() const { return customers_; }
  int64_t records_in_log();
  // Bytes of the log's folder.
  int64_t log_bytes() const;

  // All that follows from what is in the log has been applied by every service.
  void AwaitQuiet();

  // Appends `count` purchases of random customers to the log, kEventsPerAppend at once, and waits
  // until every service has applied them.
  Took TrackEvents(int64_t count);

  // Ends the process's services and starts them again on the same folder, live: as it is, or with
  // the state of every service deleted.
  enum class States { kKept, kDeleted };
  Took Restart(States states);

  // How long it took to fill the house.
  struct Filling {
    Took importing;                   // All customers, until every service knows them.
    absl::Duration importing_answer;  // The same until the last call was answered.
    Took ingesting;                   // `ingested` events through IngestEvents.
    int64_t ingested = 0;
    Took tracking;  // `tracked` events through the log.
    int64_t tracked = 0;
    int64_t resident_before = 0;
    int64_t resident_after = 0;
  };
  const Filling& filling() const { return filling_; }

 private:
  void Start();
  void Define();
  void Import();
  void ReadCustomers();
  Took IngestEvents(int64_t count);

  std::filesystem::path folder_;
  std::unique_ptr<Server> server_;
  std::vector<CustomerId> customers_;
  uint64_t seed_ = 1;
  Filling filling_;
};

}  // namespace rondo::bench
