// The log's memory of what it acknowledged, kept outside of the database: RocksDB opens a database
// whose write-ahead log was deleted as if nothing had been in it.
//
// One file of two slots, written in turn, each with a generation and a CRC-32C: a torn write leaves
// the other slot. It is written after each commit (which survives death of the process) and synced
// every now and then and at close (which survives loss of power). What was only written may be
// ahead of the database after the machine itself stopped, so it counts only within one boot.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rondo::eventlog {

// A partition's end with the chain value there.
struct Tail {
  int64_t end = 0;
  uint64_t chain = 0;
  int64_t last_append_micros = INT64_MIN;
  friend bool operator==(const Tail&, const Tail&) = default;
};

struct Marks {
  std::string boot_id;        // Of the machine's run that wrote it.
  std::vector<Tail> written;  // By partition: survives death of the process.
  std::vector<Tail> synced;   // Survives loss of power.
};

// Of this machine since it started; empty where the kernel does not tell.
std::string CurrentBootId();

// Not thread-safe, but for Sync.
class HighWaterMark {
 public:
  // Makes the file with all partitions empty.
  static absl::Status Create(const std::string& file, int partition_count);
  // FAILED_PRECONDITION if it is missing; DATA_LOSS if neither slot is whole.
  static absl::StatusOr<std::unique_ptr<HighWaterMark>> Open(const std::string& file,
                                                             int partition_count);
  ~HighWaterMark();
  HighWaterMark(const HighWaterMark&) = delete;
  HighWaterMark& operator=(const HighWaterMark&) = delete;

  const Marks& marks() const { return marks_; }
  // UNAVAILABLE on I/O errors.
  absl::Status Write(Marks marks);
  absl::Status Sync();

 private:
  HighWaterMark(std::string file, int descriptor, int partition_count)
      : file_(std::move(file)), descriptor_(descriptor), partition_count_(partition_count) {}

  const std::string file_;
  const int descriptor_;
  const int partition_count_;
  uint64_t generation_ = 0;
  Marks marks_;
};

}  // namespace rondo::eventlog
