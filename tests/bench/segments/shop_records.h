// The population in rondo's terms: its attribute set, its records as the log has them, and the same
// straight into a customer table.
#pragma once

#include "platform/eventlog/event_log.h"
#include "rondo/customer/v1/customer.pb.h"
#include "services/targeting/domain/customer_table.h"
#include "tests/bench/segments/population.h"

namespace rondo::bench {

// Declares every attribute and the purchases' fields.
rondo::customer::v1::AttributeSet ShopSet(const Population& population);

// Numbers in [begin, end).
struct NumberRange {
  size_t begin = 0;
  size_t end = 0;
};
// The customers of a partition: their ids rise with their numbers.
NumberRange NumbersOf(const Population& population, int partition, int partition_count);

// As if ProfileRecord, SignalRecord and PurchaseRecord of all had been folded, in this order.
void FillTable(const Population& population, NumberRange numbers, targeting::CustomerTable& table);

eventlog::LogRecord ProfileRecord(const Population& population, size_t number);
// Without signals if the customer has none.
eventlog::LogRecord SignalRecord(const Population& population, size_t number);
eventlog::LogRecord PurchaseRecord(const Population& population, size_t purchase);

}  // namespace rondo::bench
