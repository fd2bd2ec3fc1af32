// What `rondo log verify` and `rondo log repair` do to the embedded log's folder. The log must not
// be open.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo::eventlog {

struct LogDamage {
  std::string file;     // Empty if it is known by partition only.
  int partition = -1;   // -1 if it is known by file only.
  int64_t offset = -1;  // Of a record, or of a byte if `file` is set; -1 if unknown.
  std::string what;
};

struct PartitionReport {
  int partition = 0;
  int64_t records = 0;  // Readable from the start without a gap.
  int64_t blocks = 0;
  int64_t acknowledged = 0;  // By the high-water mark.
};

struct LogReport {
  std::vector<PartitionReport> partitions;
  std::vector<LogDamage> damages;
  bool ok() const { return damages.empty(); }
};

// Reads and checks every byte: files, blocks, chains, records, high-water mark. Changes nothing.
// NOT_FOUND if there is no log; FAILED_PRECONDITION if a newer version wrote it.
absl::StatusOr<LogReport> VerifyLog(const std::string& folder);

struct RepairReport {
  std::vector<PartitionReport> partitions;  // What is kept.
  int64_t lost_records = 0;                 // Acknowledged and not kept, in all partitions.
  std::string damaged_copy;                 // Where the database as it was found is kept.
};

// Rewrites the log with what can be read of each partition from its start up to the first damage,
// gives up the rest, and keeps the damaged database beside it as db.damaged-N. Needs as much space
// as the log has. Services whose state is ahead of the repaired log rebuild theirs.
// FAILED_PRECONDITION if a process holds the log or if nothing is damaged.
absl::StatusOr<RepairReport> RepairLog(const std::string& folder);

}  // namespace rondo::eventlog
