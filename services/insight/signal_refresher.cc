#include "services/insight/signal_refresher.h"

#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "services/insight/insight_store.h"

namespace rondo::insight {
namespace {

using eventlog::LogRecord;

constexpr size_t kBatchRecords = 2'000;

// By name, sorted.
LogRecord RecordOf(CustomerId customer, const stats::RfmScore& score, absl::Time now) {
  LogRecord record;
  record.set_party(customer.value());
  record.set_source("insight");
  record.set_event_time_micros(ToMicros(now));
  const auto add = [&record](const char* name, int value) {
    rondo::log::v1::Signal& signal = *record.mutable_signals_changed()->add_signals();
    signal.set_name(name);
    signal.mutable_value()->set_int_value(value);
  };
  add("rfm.frequency", score.frequency);
  add("rfm.monetary", score.monetary);
  add("rfm.recency", score.recency);
  return record;
}

absl::Status AppendAll(eventlog::Runtime& runtime, int partition, std::vector<LogRecord> records) {
  if (records.empty()) return absl::OkStatus();
  return runtime.SubmitAll("insight", partition, std::move(records), eventlog::Durability::kWritten)
      .status();
}

}  // namespace

absl::StatusOr<RefreshedSignals> RefreshSignals(eventlog::Runtime& runtime) {
  RONDO_RETURN_IF_ERROR(runtime.AwaitSettled("insight"));
  std::vector<stats::PurchaseSummary> customers;
  std::vector<size_t> ends;  // Of each partition's customers.
  for (int partition = 0; partition < runtime.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime.ReadState("insight", partition));
    RONDO_RETURN_IF_ERROR(ReadPurchases(*state, customers));
    ends.push_back(customers.size());
  }
  RONDO_ASSIGN_OR_RETURN(const auto scores, stats::ScoreRfm(customers));
  RefreshedSignals result = {.scored = static_cast<int64_t>(customers.size()), .changed = 0};
  const absl::Time now = runtime.clock().Now();
  size_t next = 0;
  for (int partition = 0; partition < runtime.partition_count(); ++partition) {
    RONDO_ASSIGN_OR_RETURN(const auto state, runtime.ReadState("insight", partition));
    std::vector<LogRecord> changed;
    for (; next < ends[static_cast<size_t>(partition)]; ++next) {
      const CustomerId customer(customers[next].customer);
      RONDO_ASSIGN_OR_RETURN(const auto known, ReadRfm(*state, customer));
      if (known == scores[next]) continue;
      ++result.changed;
      changed.push_back(RecordOf(customer, scores[next], now));
      if (changed.size() < kBatchRecords) continue;
      RONDO_RETURN_IF_ERROR(AppendAll(runtime, partition, std::move(changed)));
      changed = {};
    }
    RONDO_RETURN_IF_ERROR(AppendAll(runtime, partition, std::move(changed)));
  }
  return result;
}

}  // namespace rondo::insight
