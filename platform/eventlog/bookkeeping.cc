#include "platform/eventlog/bookkeeping.h"

#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;

constexpr uint32_t kLayoutVersion = 1;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError("stored " + std::string(what) + " does not decode");
}

}  // namespace

std::string TablePrefix(int partition, Table table) {
  return KeyBuilder()
      .U16(static_cast<uint16_t>(partition))
      .Byte(static_cast<uint8_t>(table))
      .view();
}

std::string EncodeProgress(const Progress& progress) {
  return KeyBuilder()
      .I64(progress.next_offset)
      .I64(progress.partition_time_micros)
      .I64(progress.epoch)
      .U32(progress.emitted)
      .view();
}

absl::StatusOr<Progress> DecodeProgress(std::string_view bytes) {
  KeyParser parser(bytes);
  Progress progress;
  progress.next_offset = parser.I64();
  progress.partition_time_micros = parser.I64();
  progress.epoch = parser.I64();
  progress.emitted = parser.U32();
  if (!parser.ok() || !parser.Rest().empty()) return Damaged("progress");
  return progress;
}

std::string EncodeSequence(uint64_t sequence) { return KeyBuilder().U64(sequence).view(); }

absl::StatusOr<uint64_t> DecodeSequence(std::string_view bytes) {
  KeyParser parser(bytes);
  const uint64_t sequence = parser.U64();
  if (!parser.ok()) return Damaged("sequence");
  return sequence;
}

std::string EncodeVerdict(const RequestVerdict& verdict) {
  const absl::string_view message = verdict.verdict.message();
  return KeyBuilder()
      .I64(verdict.time_micros)
      .U32(static_cast<uint32_t>(verdict.verdict.code()))
      .Raw({message.data(), message.size()})
      .view();
}

absl::StatusOr<RequestVerdict> DecodeVerdict(std::string_view bytes) {
  KeyParser parser(bytes);
  RequestVerdict verdict;
  verdict.time_micros = parser.I64();
  const auto code = static_cast<absl::StatusCode>(parser.U32());
  if (!parser.ok()) return Damaged("verdict");
  verdict.verdict = absl::Status(code, std::string(parser.Rest()));
  return verdict;
}

std::string EncodeParked(const ParkedEntry& parked) {
  return KeyBuilder().U64(parked.customer.value()).Raw(parked.reason).view();
}

absl::StatusOr<ParkedEntry> DecodeParked(std::string_view bytes) {
  KeyParser parser(bytes);
  ParkedEntry parked;
  parked.customer = CustomerId(parser.U64());
  if (!parser.ok()) return Damaged("parked customer");
  parked.reason = parser.Rest();
  return parked;
}

std::string LayoutKey() { return KeyBuilder().U16(0xffff).Byte(0).view(); }

std::string EncodeLayout(int state_version, int partition_count) {
  return KeyBuilder()
      .U32(kLayoutVersion)
      .U32(static_cast<uint32_t>(state_version))
      .U32(static_cast<uint32_t>(partition_count))
      .view();
}

}  // namespace rondo::eventlog
