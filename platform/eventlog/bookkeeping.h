// Keys and values of what the runtime keeps in a service's store beside the service's own state.
//
//   key      = partition:u16 table:u8 rest
//   table 0x01  the projection's state; rest is the projection's key
//   table 0x10  progress: next offset, partition time, epoch, emissions of the record begun
//   table 0x11  emitter -> highest sequence read from it
//   table 0x12  request id -> time and verdict
//   table 0x13  time, request id -> nothing (for forgetting)
//   table 0x14  target:u16 sequence:u64 -> record that waits in the outbox
//   table 0x15  due:i64 key -> payload of a timer
//   table 0x16  offset:u64 -> parked customer and reason
//   partition 0xffff, table 0x00: layout, state_version and partition count of the whole store
//
// Table 0x01 alone is hashed by Runtime::StateHash.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/id.h"

namespace rondo::eventlog {

enum class Table : uint8_t {
  kState = 0x01,
  kProgress = 0x10,
  kSeen = 0x11,
  kRequest = 0x12,
  kRequestByTime = 0x13,
  kOutbox = 0x14,
  kTimer = 0x15,
  kParked = 0x16,
};

// The prefix of all keys of one table of one partition.
std::string TablePrefix(int partition, Table table);

// How far a partition is read.
struct Progress {
  int64_t next_offset = 0;
  int64_t partition_time_micros = 0;
  int64_t epoch = 0;
  uint32_t emitted = 0;  // Emissions so far of the record at next_offset, by its timers.
};
std::string EncodeProgress(const Progress& progress);
// DATA_LOSS for bytes that EncodeProgress never wrote; the same for those below.
absl::StatusOr<Progress> DecodeProgress(std::string_view bytes);

std::string EncodeSequence(uint64_t sequence);
absl::StatusOr<uint64_t> DecodeSequence(std::string_view bytes);

// The verdict on a request, and when it was applied.
struct RequestVerdict {
  int64_t time_micros = 0;
  absl::Status verdict;
};
std::string EncodeVerdict(const RequestVerdict& verdict);
absl::StatusOr<RequestVerdict> DecodeVerdict(std::string_view bytes);

struct ParkedEntry {
  CustomerId customer;
  std::string reason;
};
std::string EncodeParked(const ParkedEntry& parked);
absl::StatusOr<ParkedEntry> DecodeParked(std::string_view bytes);

// What the whole store was written by: another one is rebuilt.
std::string LayoutKey();
std::string EncodeLayout(int state_version, int partition_count);

}  // namespace rondo::eventlog
