// What a log's appender was told: every acknowledged append, kept outside of the log, and the
// comparison of the log with it. For tests only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "platform/eventlog/event_log.h"

namespace rondo::test {

struct Acknowledged {
  int32_t partition = 0;
  int32_t payload_bytes = 0;
  int64_t offset = 0;
  uint64_t seed = 0;  // Of the record's content.
};

// The record that `seed` and `payload_bytes` stand for; its payload does not compress.
eventlog::LogRecord RecordOf(uint64_t seed, int payload_bytes);

// Appends to `file`, so that the entry survives death of the process. Thread-safe.
void Note(const std::string& file, const Acknowledged& entry);

// Whole entries only.
std::vector<Acknowledged> ReadLedger(const std::string& file);

// DATA_LOSS unless the log holds each entry's record at its place. Reads the whole log.
absl::Status CheckLedger(const eventlog::EventLog& log, const std::vector<Acknowledged>& ledger);

}  // namespace rondo::test
