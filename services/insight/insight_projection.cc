#include "services/insight/insight_projection.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "platform/core/hash.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "platform/eventlog/stack_arena.h"
#include "platform/rpc/timestamp.h"
#include "platform/storage/key.h"

namespace rondo::insight {
namespace {

using eventlog::ApplyContext;
using eventlog::LogRecord;
namespace logpb = ::rondo::log::v1;

constexpr std::string_view kAnyChannel = "any";
constexpr size_t kPurchasesBytes = 1'024;  // Room for a row's numbers, on the stack.

CycleKey CycleOf(const rondo::response::v1::ContactKey& contact) {
  return {.campaign = contact.campaign(), .cycle = contact.cycle()};
}

absl::StatusOr<std::optional<pb::CycleState>> GetCycle(const CycleKey& key,
                                                       const ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(KeyOfCycle(key)));
  if (!bytes.has_value()) return std::nullopt;
  pb::CycleState cycle;
  if (!cycle.ParseFromString(*bytes)) {
    return absl::DataLossError("insight: a stored cycle does not decode");
  }
  return cycle;
}

void PutCycle(const CycleKey& key, const pb::CycleState& cycle, ApplyContext& context) {
  context.Put(KeyOfCycle(key), cycle.SerializeAsString());
}

bool IsHome(const CycleKey& key, const ApplyContext& context) {
  return eventlog::PartitionOfName(key.campaign, context.partition_count()) == context.partition();
}

absl::StatusOr<CellSums> GetSums(const std::string& key, const ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  if (!bytes.has_value()) return CellSums{};
  return DecodeSums(*bytes);
}

absl::StatusOr<std::optional<Outcome>> GetOutcome(const std::string& key,
                                                  const ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  if (!bytes.has_value()) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(Outcome outcome, DecodeOutcome(*bytes));
  return outcome;
}

// Changes the outcome of a planned contact's customer, and the sums with it. A record about a
// contact that was never planned has no effect.
template <typename Change>
absl::StatusOr<Outcome> ChangeOutcome(const rondo::response::v1::ContactKey& contact,
                                      CustomerId customer, ApplyContext& context, Change change) {
  const CycleKey cycle = CycleOf(contact);
  const std::string key = KeyOfOutcome(cycle, customer);
  RONDO_ASSIGN_OR_RETURN(std::optional<Outcome> outcome, GetOutcome(key, context));
  if (!outcome.has_value()) {
    return absl::NotFoundError("contact: no contact of this campaign and cycle was planned");
  }
  const std::string sums_key = KeyOfSums(cycle, outcome->cell, outcome->segments);
  RONDO_ASSIGN_OR_RETURN(CellSums sums, GetSums(sums_key, context));
  Exclude(sums, *outcome);
  change(*outcome);
  Include(sums, *outcome);
  context.Put(key, Encode(*outcome));
  context.Put(sums_key, Encode(sums));
  return *std::move(outcome);
}

// Tells targeting when the customer was last contacted, if `time` is later than what it knows.
absl::Status EmitLastContact(CustomerId customer, std::string_view channel, int64_t time_micros,
                             ApplyContext& context) {
  LogRecord record;
  for (const std::string_view name : {kAnyChannel, channel}) {
    const std::string key = KeyOfLastContact(customer, name);
    RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
    if (bytes.has_value() && storage::KeyParser(*bytes).I64() >= time_micros) continue;
    context.Put(key, storage::KeyBuilder().I64(time_micros).view());
    logpb::Signal& signal = *record.mutable_signals_changed()->add_signals();
    signal.set_name(absl::StrFormat("last_contact.%s", name));
    signal.mutable_value()->set_timestamp_micros(time_micros);
  }
  if (!record.has_signals_changed()) return absl::OkStatus();
  record.set_party(customer.value());
  record.set_source("insight");
  record.set_event_time_micros(time_micros);
  context.Emit(std::move(record));
  return absl::OkStatus();
}

// Windows of a cycle end with that of its latest contact.
absl::Status NoteDueTime(const CycleKey& cycle, int64_t due_micros, ApplyContext& context) {
  const std::string key = KeyOfLastDue(cycle);
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  const bool is_later = !bytes.has_value() || storage::KeyParser(*bytes).I64() < due_micros;
  if (is_later) context.Put(key, storage::KeyBuilder().I64(due_micros).view());
  return absl::OkStatus();
}

absl::Status ApplyPlanned(const logpb::ContactPlanned& planned, CustomerId customer,
                          ApplyContext& context) {
  const CycleKey cycle = CycleOf(planned.contact());
  const std::string key = KeyOfOutcome(cycle, customer);
  RONDO_ASSIGN_OR_RETURN(const std::optional<Outcome> known, GetOutcome(key, context));
  RONDO_RETURN_IF_ERROR(NoteDueTime(cycle, planned.due_time_micros(), context));
  // A later step or occurrence: the customer stays in the arm of the first.
  if (known.has_value()) return absl::OkStatus();
  const bool sent_elsewhere = planned.imported() && !planned.control();
  Outcome outcome;
  outcome.cell = planned.cell();
  outcome.control = planned.control();
  outcome.channel = planned.channel();
  outcome.segments = planned.segments();
  outcome.Set(Step::kAssigned);
  if (sent_elsewhere) {
    outcome.Set(Step::kSent);
    Charge(outcome, 0, planned.cost_minor_units());
  }
  const std::string sums_key = KeyOfSums(cycle, outcome.cell, outcome.segments);
  RONDO_ASSIGN_OR_RETURN(CellSums sums, GetSums(sums_key, context));
  Include(sums, outcome);
  context.Put(key, Encode(outcome));
  context.Put(sums_key, Encode(sums));
  if (!sent_elsewhere || outcome.channel.empty()) return absl::OkStatus();
  return EmitLastContact(customer, outcome.channel, planned.due_time_micros(), context);
}

uint64_t AttemptOf(const logpb::DeliveryOutcome& delivery) {
  return Fnv1a(absl::StrFormat("%s/%d/%d", delivery.contact().step(),
                               delivery.contact().occurrence(), delivery.attempt()));
}

void Follow(const logpb::DeliveryOutcome& delivery, Outcome& outcome) {
  const uint64_t attempt = AttemptOf(delivery);
  switch (delivery.state()) {
    case logpb::DELIVERY_STATE_SENT:
    case logpb::DELIVERY_STATE_DELIVERED:
      outcome.Set(Step::kSent);
      EndDoubts(outcome);
      break;
    case logpb::DELIVERY_STATE_BOUNCED:
      outcome.Set(Step::kSent);
      outcome.Set(Step::kBounced);
      EndDoubts(outcome);
      break;
    case logpb::DELIVERY_STATE_FAILED:
      outcome.Set(Step::kBounced);
      EndDoubt(outcome, attempt);
      break;
    case logpb::DELIVERY_STATE_IN_DOUBT:
      Doubt(outcome, attempt);
      break;
    case logpb::DELIVERY_STATE_UNKNOWN:
      if (outcome.Has(Step::kInDoubt)) outcome.Set(Step::kUnknown);
      break;
    default:  // Deferred: it did not go out, and is tried again.
      EndDoubt(outcome, attempt);
      break;
  }
  Charge(outcome, attempt, delivery.cost_minor_units());
}

absl::Status ApplyDelivery(const logpb::DeliveryOutcome& delivery, const LogRecord& record,
                           ApplyContext& context) {
  const CustomerId customer(record.party());
  RONDO_ASSIGN_OR_RETURN(const Outcome outcome, ChangeOutcome(delivery.contact(), customer, context,
                                                              [&delivery](Outcome& changed) {
                                                                Follow(delivery, changed);
                                                              }));
  if (delivery.state() != logpb::DELIVERY_STATE_SENT || outcome.channel.empty()) {
    return absl::OkStatus();
  }
  return EmitLastContact(customer, outcome.channel, record.event_time_micros(), context);
}

absl::Status ApplySuppressed(const logpb::ContactSuppressed& suppressed, CustomerId customer,
                             ApplyContext& context) {
  // What the policy would have done to a control contact is delivery's to know.
  if (suppressed.shadow()) return absl::OkStatus();
  return ChangeOutcome(suppressed.contact(), customer, context,
                       [&suppressed](Outcome& outcome) {
                         if (!outcome.suppressed_reason.empty()) return;
                         outcome.suppressed_reason =
                             suppressed.reason().empty() ? "unknown" : suppressed.reason();
                       })
      .status();
}

void Follow(const logpb::ResponseAttributed& response, Outcome& outcome) {
  const std::string& goal = response.goal();
  if (goal == "open") {
    outcome.Set(response.machine() ? Step::kOpenedByMachine : Step::kOpened);
  } else if (goal == "click") {
    outcome.Set(response.machine() ? Step::kClickedByMachine : Step::kClicked);
  } else if (goal == "unsubscribe") {
    outcome.Set(Step::kUnsubscribed);
  } else if (goal == "complaint") {
    outcome.Set(Step::kComplained);
  } else if (goal == "bounce") {
    outcome.Set(Step::kBounced);
  } else if (goal != "delivered" && !response.machine()) {
    Reach(outcome, goal,
          response.value_unknown() ? std::nullopt : std::optional(response.value_minor_units()));
  }
}

// Money in hundredths of its major unit, whatever its minor unit is: 1,000 KRW are 100,000.
int64_t Hundredths(const rondo::type::v1::Money& money) {
  const auto digits = MinorUnitDigits(money.currency_code());
  const int shift = 2 - (digits.ok() ? *digits : 2);
  stats::Int128 amount = money.minor_units();
  for (int i = 0; i < shift; ++i) amount *= 10;
  for (int i = 0; i > shift; --i) amount = (amount + (amount < 0 ? -5 : 5)) / 10;
  return static_cast<int64_t>(
      std::clamp<stats::Int128>(amount, -kCustomerValueMax, kCustomerValueMax));
}

// The amount in hundredths of the major unit, 0 if the event carries none.
int64_t AmountHundredths(const logpb::EventTracked& event) {
  constexpr double kLimit = 9e15;  // Doubles are exact below.
  for (const auto& field : event.fields()) {
    if (field.name() != "amount") continue;
    const auto& value = field.value();
    if (value.has_money_value()) return Hundredths(value.money_value());
    const double amount =
        value.has_int_value() ? static_cast<double>(value.int_value()) : value.double_value();
    const double hundredths = amount * 100.0;
    return std::isfinite(hundredths) ? std::llround(std::clamp(hundredths, -kLimit, kLimit)) : 0;
  }
  return 0;
}

// Names the order that a purchase is part of: its field `order`, else its day.
std::string OrderOf(const logpb::EventTracked& event, int64_t day) {
  for (const auto& field : event.fields()) {
    if (field.name() != "order") continue;
    if (field.value().has_int_value()) return absl::StrCat("o", field.value().int_value());
    return absl::StrCat("o", field.value().string_value());
  }
  return absl::StrCat("d", day);
}

// Whether `what` is counted for the first time; from now on it is known.
absl::StatusOr<bool> CountOnce(CustomerId customer, std::string_view what,
                               pb::PurchasesState& purchases, const ApplyContext& context) {
  const uint64_t hash = Fnv1a(what);
  auto& counted = *purchases.mutable_counted();
  if (std::find(counted.begin(), counted.end(), hash) != counted.end()) return false;
  if (purchases.counted_elsewhere()) {
    RONDO_ASSIGN_OR_RETURN(const auto known, context.Get(KeyOfCounted(customer, hash)));
    if (known.has_value()) return false;
  }
  counted.Add(hash);
  return true;
}

// One row holds what most customers ever buy; of those who buy more, what was counted longest ago
// gets keys of its own so that the row stays short.
void MoveOldCounted(CustomerId customer, pb::PurchasesState& purchases, ApplyContext& context) {
  auto& counted = *purchases.mutable_counted();
  if (counted.size() <= kCountedInRowMax) return;
  const int moved = counted.size() / 2;
  for (int i = 0; i < moved; ++i) context.Put(KeyOfCounted(customer, counted[i]), "");
  counted.erase(counted.begin(), counted.begin() + moved);
  purchases.set_counted_elsewhere(true);
}

absl::Status ApplyPurchase(const logpb::EventTracked& event, const LogRecord& record,
                           ApplyContext& context) {
  const CustomerId customer(record.party());
  const std::string key = KeyOfPurchases(customer);
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context.Get(key));
  if (bytes.has_value() && bytes->empty()) return absl::OkStatus();  // Erased.
  eventlog::StackArena<kPurchasesBytes> arena;
  auto& purchases = arena.Make<pb::PurchasesState>();
  if (bytes.has_value() && !purchases.ParseFromString(*bytes)) {
    return absl::DataLossError("insight: stored purchases do not decode");
  }
  if (!event.message_id().empty()) {
    const std::string message = absl::StrCat("m", event.message_id());
    RONDO_ASSIGN_OR_RETURN(const bool is_new, CountOnce(customer, message, purchases, context));
    if (!is_new) return absl::OkStatus();
  }
  const int64_t time = record.event_time_micros();
  RONDO_ASSIGN_OR_RETURN(const bool is_new_order,
                         CountOnce(customer, OrderOf(event, DayOf(time)), purchases, context));
  if (!bytes.has_value() || time > purchases.last_time_micros()) {
    purchases.set_last_time_micros(time);
  }
  if (is_new_order) purchases.set_orders(purchases.orders() + 1);
  constexpr int64_t kLimit = int64_t{1} << 62;
  purchases.set_amount_hundredths(
      std::clamp(purchases.amount_hundredths() + AmountHundredths(event), -kLimit, kLimit));
  MoveOldCounted(customer, purchases, context);
  context.Put(key, purchases.SerializeAsString());
  return absl::OkStatus();
}

absl::Status ApplySignals(const logpb::SignalsChanged& changed, CustomerId customer,
                          ApplyContext& context) {
  pb::RfmState scores;
  bool has_scores = false;
  for (const logpb::Signal& signal : changed.signals()) {
    const auto value = static_cast<int32_t>(signal.value().int_value());
    if (signal.name() == "rfm.recency") scores.set_recency(value);
    if (signal.name() == "rfm.frequency") scores.set_frequency(value);
    if (signal.name() == "rfm.monetary") scores.set_monetary(value);
    has_scores = has_scores || signal.name().starts_with("rfm.");
  }
  if (has_scores) context.Put(KeyOfRfm(customer), scores.SerializeAsString());
  return absl::OkStatus();
}

// Sums stay; what names the person's purchases goes.
absl::Status ApplyErased(CustomerId customer, ApplyContext& context) {
  context.Put(KeyOfPurchases(customer), "");  // What comes from now on is not kept.
  context.Delete(KeyOfRfm(customer));
  for (const storage::KeyRange& range : {CountedOf(customer), LastContactsOf(customer)}) {
    std::vector<std::string> keys;
    const auto cursor = context.Scan(range);
    for (; cursor->Valid(); cursor->Next()) keys.emplace_back(cursor->key());
    RONDO_RETURN_IF_ERROR(cursor->status());
    for (const std::string& key : keys) context.Delete(key);
  }
  return absl::OkStatus();
}

absl::Status ApplyStarted(const logpb::CycleStarted& started, ApplyContext& context) {
  const CycleKey key = {.campaign = started.campaign().name(), .cycle = started.cycle().number()};
  RONDO_ASSIGN_OR_RETURN(const auto known, GetCycle(key, context));
  if (known.has_value()) return absl::AlreadyExistsError("cycle: it has begun already");
  pb::CycleState cycle;
  *cycle.mutable_campaign() = started.campaign();
  *cycle.mutable_cycle() = started.cycle();
  PutCycle(key, cycle, context);
  return absl::OkStatus();
}

absl::Status ApplyCyclePlanned(const logpb::CyclePlanned& planned, absl::Duration grace,
                               ApplyContext& context) {
  const CycleKey key = {.campaign = planned.campaign(), .cycle = planned.cycle()};
  RONDO_ASSIGN_OR_RETURN(auto cycle, GetCycle(key, context));
  if (!cycle.has_value()) return absl::NotFoundError("cycle: it has not begun");
  if (cycle->planned()) return absl::AlreadyExistsError("cycle: it is planned already");
  cycle->set_planned(true);
  cycle->mutable_cycle()->set_targeted(planned.targeted());
  cycle->mutable_cycle()->set_held_out(planned.held_out());
  PutCycle(key, *cycle, context);
  if (!IsHome(key, context)) return absl::OkStatus();
  const std::string due_key = KeyOfDue(key);
  const absl::Time end = DueTimeOf(*cycle) + LongestWindow(*cycle) + grace;
  context.SetTimer(std::max(end, context.partition_time()), due_key, "");
  return absl::OkStatus();
}

absl::Status ApplyClosed(const LogRecord& record, ApplyContext& context) {
  const logpb::CycleClosed& closed = record.cycle_closed();
  const CycleKey key = {.campaign = closed.campaign(), .cycle = closed.cycle()};
  RONDO_ASSIGN_OR_RETURN(auto cycle, GetCycle(key, context));
  if (!cycle.has_value()) return absl::NotFoundError("cycle: it has not begun");
  if (cycle->closed()) return absl::AlreadyExistsError("cycle: it is closed already");
  cycle->set_closed(true);
  PutCycle(key, *cycle, context);
  context.Delete(KeyOfDue(key));
  if (!IsHome(key, context)) return absl::OkStatus();
  for (int partition = 0; partition < context.partition_count(); ++partition) {
    if (partition == context.partition()) continue;
    LogRecord copy;
    copy.set_source("insight");
    copy.set_event_time_micros(record.event_time_micros());
    *copy.mutable_cycle_closed() = closed;
    context.EmitTo(partition, std::move(copy));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Duration LongestWindow(const pb::CycleState& cycle) {
  absl::Duration longest = absl::ZeroDuration();
  for (const auto& goal : cycle.campaign().goals()) {
    longest = std::max(longest, DurationOf(goal.within()));
  }
  return longest == absl::ZeroDuration() ? kWindowWithoutGoal : longest;
}

absl::Time DueTimeOf(const pb::CycleState& cycle) { return TimeOf(cycle.cycle().due_time()); }

absl::Status InsightProjection::Apply(const LogRecord& record, ApplyContext& context) {
  const CustomerId customer(record.party());
  switch (record.body_case()) {
    case LogRecord::kCycleStarted:
      return ApplyStarted(record.cycle_started(), context);
    case LogRecord::kCyclePlanned:
      return ApplyCyclePlanned(record.cycle_planned(), options_.close_grace, context);
    case LogRecord::kCycleClosed:
      return ApplyClosed(record, context);
    case LogRecord::kContactPlanned:
      return ApplyPlanned(record.contact_planned(), customer, context);
    case LogRecord::kDeliveryOutcome:
      return ApplyDelivery(record.delivery_outcome(), record, context);
    case LogRecord::kContactSuppressed:
      return ApplySuppressed(record.contact_suppressed(), customer, context);
    case LogRecord::kResponseAttributed:
      return ChangeOutcome(
                 record.response_attributed().contact(), customer, context,
                 [&record](Outcome& outcome) { Follow(record.response_attributed(), outcome); })
          .status();
    case LogRecord::kEventTracked:
      if (record.event_tracked().type() != "purchase") return absl::OkStatus();
      return ApplyPurchase(record.event_tracked(), record, context);
    case LogRecord::kSignalsChanged:
      return ApplySignals(record.signals_changed(), customer, context);
    case LogRecord::kCustomerErased:
      return ApplyErased(customer, context);
    default:
      return absl::OkStatus();
  }
}

absl::Status InsightProjection::OnTimer(absl::Time, std::string_view key, std::string_view,
                                        ApplyContext& context) {
  // The timer's key is the mark's.
  context.Put(key, "");
  const std::lock_guard lock(due_mutex_);
  due_partitions_.insert(context.partition());
  return absl::OkStatus();
}

void InsightProjection::Committed(int partition, int64_t, bool live) {
  if (!live) return;
  {
    // Of this partition alone: another lane must not wake the closer before the mark is committed.
    const std::lock_guard lock(due_mutex_);
    if (due_partitions_.erase(partition) == 0) return;
  }
  if (on_due_ != nullptr) on_due_();
}

}  // namespace rondo::insight
