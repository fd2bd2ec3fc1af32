#include "services/insight/insight_store.h"

#include "absl/strings/str_format.h"
#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::insight {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;

constexpr uint8_t kCycles = 'C';
constexpr uint8_t kOutcomes = 'O';
constexpr uint8_t kSums = 'S';
constexpr uint8_t kDue = 'D';
constexpr uint8_t kLastDue = 'E';
constexpr uint8_t kPurchases = 'P';
constexpr uint8_t kCounted = 'Q';
constexpr uint8_t kRfm = 'R';
constexpr uint8_t kLastContacts = 'L';

KeyBuilder Start(uint8_t table, const CycleKey& key) {
  KeyBuilder builder;
  builder.Byte(table).String(key.campaign).U32(static_cast<uint32_t>(key.cycle));
  return builder;
}

KeyBuilder Start(uint8_t table, CustomerId customer) {
  KeyBuilder builder;
  builder.Byte(table).U64(customer.value());
  return builder;
}

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrFormat("insight: a stored %s does not decode", what));
}

template <typename Message>
absl::StatusOr<Message> Parse(std::string_view bytes, std::string_view what) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Damaged(what);
  return message;
}

int64_t HighOf(stats::Int128 value) { return static_cast<int64_t>(value >> 64); }
uint64_t LowOf(stats::Int128 value) { return static_cast<uint64_t>(value); }
stats::Int128 Join(int64_t high, uint64_t low) {
  // Multiplied, not shifted: shifting a negative number left is not for every compiler.
  return static_cast<stats::Int128>(high) * (static_cast<stats::Int128>(1) << 64) +
         static_cast<stats::Int128>(low);
}

}  // namespace

std::string KeyOfCycle(const CycleKey& key) { return Start(kCycles, key).view(); }
std::string KeyOfOutcome(const CycleKey& key, CustomerId customer) {
  return Start(kOutcomes, key).U64(customer.value()).view();
}
std::string KeyOfSums(const CycleKey& key, std::string_view cell, uint32_t segments) {
  return Start(kSums, key).String(cell).U32(segments).view();
}
std::string KeyOfDue(const CycleKey& key) { return Start(kDue, key).view(); }
std::string KeyOfLastDue(const CycleKey& key) { return Start(kLastDue, key).view(); }
std::string KeyOfPurchases(CustomerId customer) { return Start(kPurchases, customer).view(); }
std::string KeyOfCounted(CustomerId customer, uint64_t hash) {
  return Start(kCounted, customer).U64(hash).view();
}
std::string KeyOfRfm(CustomerId customer) { return Start(kRfm, customer).view(); }
std::string KeyOfLastContact(CustomerId customer, std::string_view channel) {
  return Start(kLastContacts, customer).String(channel).view();
}

storage::KeyRange CyclesOf(std::string_view campaign) {
  return storage::PrefixRange(KeyBuilder().Byte(kCycles).String(campaign).view());
}
storage::KeyRange SumsOf(const CycleKey& key) {
  return storage::PrefixRange(Start(kSums, key).view());
}
storage::KeyRange AllDue() { return storage::PrefixRange(KeyBuilder().Byte(kDue).view()); }
storage::KeyRange AllPurchases() {
  return storage::PrefixRange(KeyBuilder().Byte(kPurchases).view());
}
storage::KeyRange CountedOf(CustomerId customer) {
  return storage::PrefixRange(Start(kCounted, customer).view());
}

storage::KeyRange LastContactsOf(CustomerId customer) {
  return storage::PrefixRange(Start(kLastContacts, customer).view());
}

std::string Encode(const Outcome& outcome) {
  pb::OutcomeState state;
  state.set_cell(outcome.cell);
  state.set_control(outcome.control);
  state.set_channel(outcome.channel);
  state.set_steps(outcome.steps);
  state.set_suppressed_reason(outcome.suppressed_reason);
  state.set_cost_minor_units(outcome.cost);
  for (const auto& [name, goal] : outcome.goals) {
    pb::GoalOutcomeState& goal_state = *state.add_goals();
    goal_state.set_goal(name);
    goal_state.set_count(goal.count);
    goal_state.set_value_minor_units(goal.value);
    goal_state.set_without_value(goal.without_value);
  }
  for (const uint64_t attempt : outcome.charged) state.add_charged(attempt);
  for (const uint64_t attempt : outcome.in_doubt) state.add_in_doubt(attempt);
  state.set_segments(outcome.segments);
  return state.SerializeAsString();
}

absl::StatusOr<Outcome> DecodeOutcome(std::string_view bytes) {
  RONDO_ASSIGN_OR_RETURN(const auto state, Parse<pb::OutcomeState>(bytes, "outcome"));
  Outcome outcome;
  outcome.cell = state.cell();
  outcome.control = state.control();
  outcome.channel = state.channel();
  outcome.steps = state.steps();
  outcome.suppressed_reason = state.suppressed_reason();
  outcome.cost = state.cost_minor_units();
  for (const pb::GoalOutcomeState& goal : state.goals()) {
    outcome.goals[goal.goal()] = {.count = goal.count(),
                                  .value = goal.value_minor_units(),
                                  .without_value = goal.without_value()};
  }
  outcome.segments = state.segments();
  outcome.charged.assign(state.charged().begin(), state.charged().end());
  outcome.in_doubt.assign(state.in_doubt().begin(), state.in_doubt().end());
  return outcome;
}

std::string Encode(const CellSums& sums) {
  pb::CellSumsState state;
  state.set_control(sums.control);
  for (const int64_t count : sums.steps) state.add_steps(count);
  for (const auto& [reason, count] : sums.suppressed) {
    pb::ReasonCountState& reason_state = *state.add_suppressed();
    reason_state.set_reason(reason);
    reason_state.set_customers(count);
  }
  for (const auto& [name, goal] : sums.goals) {
    pb::GoalSumsState& goal_state = *state.add_goals();
    goal_state.set_goal(name);
    goal_state.set_customers(goal.customers);
    goal_state.set_value_high(HighOf(goal.value));
    goal_state.set_value_low(LowOf(goal.value));
    goal_state.set_squares_high(HighOf(goal.value_squares));
    goal_state.set_squares_low(LowOf(goal.value_squares));
    goal_state.set_events_without_value(goal.events_without_value);
  }
  state.set_cost_minor_units(sums.cost);
  return state.SerializeAsString();
}

absl::StatusOr<CellSums> DecodeSums(std::string_view bytes) {
  RONDO_ASSIGN_OR_RETURN(const auto state, Parse<pb::CellSumsState>(bytes, "sum"));
  if (state.steps_size() > kStepCount) return Damaged("sum");
  CellSums sums;
  sums.control = state.control();
  for (int step = 0; step < state.steps_size(); ++step) sums.steps[step] = state.steps(step);
  for (const pb::ReasonCountState& reason : state.suppressed()) {
    sums.suppressed[reason.reason()] = reason.customers();
  }
  for (const pb::GoalSumsState& goal : state.goals()) {
    sums.goals[goal.goal()] = {.customers = goal.customers(),
                               .value = Join(goal.value_high(), goal.value_low()),
                               .value_squares = Join(goal.squares_high(), goal.squares_low()),
                               .events_without_value = goal.events_without_value()};
  }
  sums.cost = state.cost_minor_units();
  return sums;
}

absl::StatusOr<std::map<int32_t, pb::CycleState>> ReadCycles(const storage::Reader& state,
                                                             std::string_view campaign) {
  std::map<int32_t, pb::CycleState> cycles;
  const auto cursor = state.Scan(CyclesOf(campaign));
  for (; cursor->Valid(); cursor->Next()) {
    RONDO_ASSIGN_OR_RETURN(auto cycle, Parse<pb::CycleState>(cursor->value(), "cycle"));
    const int32_t number = cycle.cycle().number();
    cycles[number] = std::move(cycle);
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return cycles;
}

absl::StatusOr<std::map<CellPart, CellSums>> ReadSums(const storage::Reader& state,
                                                      const CycleKey& key) {
  std::map<CellPart, CellSums> parts;
  const storage::KeyRange range = SumsOf(key);
  const auto cursor = state.Scan(range);
  for (; cursor->Valid(); cursor->Next()) {
    KeyParser rest(cursor->key().substr(range.begin.size()));
    CellPart part = {.cell = rest.String(), .segments = 0};
    part.segments = rest.U32();
    if (!rest.ok()) return Damaged("sum's key");
    RONDO_ASSIGN_OR_RETURN(parts[std::move(part)], DecodeSums(cursor->value()));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return parts;
}

absl::StatusOr<absl::Time> ReadLastDue(const storage::Reader& state, const CycleKey& key) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, state.Get(KeyOfLastDue(key)));
  if (!bytes.has_value()) return absl::InfinitePast();
  KeyParser parser(*bytes);
  const int64_t micros = parser.I64();
  if (!parser.ok()) return Damaged("due time");
  return FromMicros(micros);
}

absl::StatusOr<std::vector<CycleKey>> ReadDue(const storage::Reader& state) {
  std::vector<CycleKey> due;
  const auto cursor = state.Scan(AllDue());
  for (; cursor->Valid(); cursor->Next()) {
    KeyParser parser(cursor->key());
    parser.Byte();
    CycleKey key = {.campaign = parser.String(), .cycle = 0};
    key.cycle = static_cast<int32_t>(parser.U32());
    if (!parser.ok()) return Damaged("due cycle's key");
    due.push_back(std::move(key));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return due;
}

absl::Status ReadPurchases(const storage::Reader& state,
                           std::vector<stats::PurchaseSummary>& customers) {
  const auto cursor = state.Scan(AllPurchases());
  for (; cursor->Valid(); cursor->Next()) {
    KeyParser parser(cursor->key());
    parser.Byte();
    const uint64_t customer = parser.U64();
    if (!parser.ok()) return Damaged("purchases' key");
    if (cursor->value().empty()) continue;  // Erased.
    RONDO_ASSIGN_OR_RETURN(const auto purchases,
                           Parse<pb::PurchasesState>(cursor->value(), "purchases"));
    customers.push_back({.customer = customer,
                         .last_day = DayOf(purchases.last_time_micros()),
                         .orders = purchases.orders(),
                         .amount = purchases.amount_hundredths()});
  }
  return cursor->status();
}

absl::StatusOr<std::optional<stats::RfmScore>> ReadRfm(const storage::Reader& state,
                                                       CustomerId customer) {
  RONDO_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, state.Get(KeyOfRfm(customer)));
  if (!bytes.has_value()) return std::nullopt;
  RONDO_ASSIGN_OR_RETURN(const auto scores, Parse<pb::RfmState>(*bytes, "RFM score"));
  return stats::RfmScore{
      .recency = scores.recency(), .frequency = scores.frequency(), .monetary = scores.monetary()};
}

int64_t DayOf(int64_t micros) {
  constexpr int64_t kMicrosPerDay = int64_t{24} * 3600 * 1'000'000;
  const int64_t day = micros / kMicrosPerDay;
  return micros % kMicrosPerDay < 0 ? day - 1 : day;
}

}  // namespace rondo::insight
