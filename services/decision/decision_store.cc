#include "services/decision/decision_store.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <vector>

#include "absl/strings/str_format.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"
#include "policy/contact_policy.h"

namespace rondo::decision {
namespace {

using storage::KeyBuilder;
using storage::KeyParser;

constexpr uint8_t kViews = 'V';
constexpr uint8_t kDecisions = 'M';
constexpr uint8_t kCounts = 'N';
constexpr uint8_t kCycleOffers = 'Y';
constexpr uint8_t kCampaignContacts = 'K';
constexpr uint8_t kWaysOut = 'W';
constexpr std::string_view kDecisionPrefix = "decisions/";
constexpr size_t kHexDigits = 16;

absl::Status Damaged(std::string_view what) {
  return absl::DataLossError(absl::StrFormat("decision: a stored %s does not decode", what));
}

template <typename Message>
absl::StatusOr<Message> Parse(const std::optional<std::string>& bytes, std::string_view what) {
  Message message;
  if (bytes.has_value() && !message.ParseFromString(*bytes)) return Damaged(what);
  return message;
}

// The entry with `name` in a list sorted by `name_of`, made if absent.
template <typename Entries, typename NameOf>
auto& Entry(Entries& entries, const std::string& name, NameOf name_of) {
  const auto at = std::lower_bound(
      entries.begin(), entries.end(), name,
      [&](const auto& entry, const std::string& wanted) { return name_of(entry) < wanted; });
  const int index = static_cast<int>(at - entries.begin());
  if (at != entries.end() && name_of(*at) == name) return *entries.Mutable(index);
  entries.Add();
  for (int i = entries.size() - 1; i > index; --i) entries.SwapElements(i, i - 1);
  return *entries.Mutable(index);
}

auto ConsentKey(const rondo::log::v1::ConsentFact& consent) {
  return std::tie(consent.channel(), consent.purpose(), consent.business_unit());
}

policy::ConsentWord WordOf(const rondo::log::v1::ConsentFact& fact) {
  return {.channel = fact.channel(),
          .purpose = fact.purpose(),
          .business_unit = fact.business_unit(),
          .granted = fact.granted(),
          .effective_time_micros = fact.effective_time_micros()};
}

std::string KeyOfContact(uint8_t table, CustomerId customer,
                         const rondo::response::v1::ContactKey& contact) {
  return KeyBuilder()
      .Byte(table)
      .U64(customer.value())
      .String(contact.campaign())
      .U32(static_cast<uint32_t>(contact.cycle()))
      .String(contact.step())
      .U32(static_cast<uint32_t>(contact.occurrence()))
      .view();
}

}  // namespace

std::string KeyOfView(CustomerId customer) {
  return KeyBuilder().Byte(kViews).U64(customer.value()).view();
}
std::string KeyOfCycleOffers(std::string_view campaign, int32_t cycle) {
  return KeyBuilder().Byte(kCycleOffers).String(campaign).U32(static_cast<uint32_t>(cycle)).view();
}
std::string KeyOfCampaignContact(CustomerId customer,
                                 const rondo::response::v1::ContactKey& contact) {
  return KeyOfContact(kCampaignContacts, customer, contact);
}
storage::KeyRange CampaignContactsOf(CustomerId customer) {
  return storage::PrefixRange(KeyBuilder().Byte(kCampaignContacts).U64(customer.value()).view());
}
std::string KeyOfWayOut(CustomerId customer, const rondo::response::v1::ContactKey& contact) {
  return KeyOfContact(kWaysOut, customer, contact);
}
storage::KeyRange WaysOutOf(CustomerId customer) {
  return storage::PrefixRange(KeyBuilder().Byte(kWaysOut).U64(customer.value()).view());
}
std::string KeyOfDecisions(CustomerId customer) {
  return KeyBuilder().Byte(kDecisions).U64(customer.value()).view();
}
std::string KeyOfCounts(const Exposure& exposure, int64_t week) {
  return KeyBuilder()
      .Byte(kCounts)
      .String(exposure.offer)
      .String(exposure.placement)
      .I64(week)
      .view();
}
storage::KeyRange AllCounts() { return storage::PrefixRange(KeyBuilder().Byte(kCounts).view()); }

absl::Status ParseCountsKey(std::string_view key, Exposure& exposure, int64_t& week) {
  KeyParser parser(key);
  parser.Byte();
  exposure.offer = parser.String();
  exposure.placement = parser.String();
  week = parser.I64();
  return parser.ok() ? absl::OkStatus() : Damaged("count's key");
}

absl::Status ParseView(const std::optional<std::string>& bytes, statepb::CustomerViewState& view) {
  if (bytes.has_value() && !view.ParseFromString(*bytes)) return Damaged("view of a customer");
  return absl::OkStatus();
}
absl::StatusOr<statepb::DecisionsState> ParseDecisions(const std::optional<std::string>& bytes) {
  return Parse<statepb::DecisionsState>(bytes, "list of decisions");
}
absl::StatusOr<WeekCounts> ParseCounts(const std::optional<std::string>& bytes) {
  RONDO_ASSIGN_OR_RETURN(const auto state, Parse<statepb::WeekCountsState>(bytes, "count"));
  return WeekCounts{.shown = state.shown(), .good = state.good()};
}

std::string Encode(const WeekCounts& counts) {
  statepb::WeekCountsState state;
  state.set_shown(counts.shown);
  state.set_good(counts.good);
  return state.SerializeAsString();
}

absl::StatusOr<statepb::CustomerViewState> ReadView(const storage::Reader& state,
                                                    CustomerId customer) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, state.Get(KeyOfView(customer)));
  statepb::CustomerViewState view;
  RONDO_RETURN_IF_ERROR(ParseView(bytes, view));
  return view;
}

absl::StatusOr<statepb::DecisionsState> ReadDecisions(const storage::Reader& state,
                                                      CustomerId customer) {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, state.Get(KeyOfDecisions(customer)));
  return ParseDecisions(bytes);
}

void FoldProfile(const rondo::log::v1::ProfileChanged& change, statepb::CustomerViewState& view) {
  for (const rondo::type::v1::Field& field : change.attributes()) {
    if (field.value().has_sealed_value()) continue;  // PII takes part in no rule.
    statepb::FoldedAttribute& known =
        Entry(*view.mutable_attributes(), field.name(),
              [](const statepb::FoldedAttribute& entry) { return entry.field().name(); });
    const bool is_new = known.field().name().empty();
    if (!is_new && change.effective_time_micros() < known.effective_time_micros()) continue;
    *known.mutable_field() = field;
    known.set_effective_time_micros(change.effective_time_micros());
  }
  for (const rondo::log::v1::ConsentFact& consent : change.consents()) FoldConsent(consent, view);
}

void FoldSignals(const rondo::log::v1::SignalsChanged& change, statepb::CustomerViewState& view) {
  for (const rondo::log::v1::Signal& signal : change.signals()) {
    rondo::type::v1::Field& known =
        Entry(*view.mutable_signals(), signal.name(),
              [](const rondo::type::v1::Field& entry) { return entry.name(); });
    known.set_name(signal.name());
    *known.mutable_value() = signal.value();
  }
}

std::optional<rondo::log::v1::ConsentFact> WayOutOf(const rondo::log::v1::ContactPlanned& planned) {
  rondo::log::v1::ConsentFact fact;
  fact.set_channel("*");
  fact.set_purpose("*");
  // What is measured elsewhere is nobody's message here: it is answered as an unknown one is.
  if (planned.imported() || planned.plan_only()) return fact;
  const bool concerns_offers = planned.channel().empty() || planned.channel() == kOfferChannel;
  if (!concerns_offers) return std::nullopt;
  if (!planned.channel().empty()) fact.set_channel(planned.channel());
  fact.set_purpose(planned.purpose().empty() ? policy::kDefaultPurpose : planned.purpose());
  return fact;
}

void FoldConsent(const rondo::log::v1::ConsentFact& fact, statepb::CustomerViewState& view) {
  auto& consents = *view.mutable_consents();
  const auto at =
      std::find_if(consents.begin(), consents.end(), [&](const rondo::log::v1::ConsentFact& known) {
        return ConsentKey(known) == ConsentKey(fact);
      });
  if (at == consents.end()) {
    *consents.Add() = fact;
    std::sort(consents.begin(), consents.end(),
              [](const auto& a, const auto& b) { return ConsentKey(a) < ConsentKey(b); });
  } else if (policy::Prevails(WordOf(fact), WordOf(*at))) {
    *at = fact;
  }
}

policy::Consent ConsentOf(const statepb::CustomerViewState& view, std::string_view channel,
                          std::string_view purpose) {
  std::vector<policy::ConsentWord> words;
  words.reserve(static_cast<size_t>(view.consents_size()));
  for (const rondo::log::v1::ConsentFact& fact : view.consents()) words.push_back(WordOf(fact));
  for (const policy::ConsentWord& word : words) {
    const policy::Consent there = policy::ConsentFor(words, {channel, purpose, word.business_unit});
    if (there == policy::Consent::kWithdrawn) return there;
  }
  return policy::ConsentFor(words, {channel, purpose, ""});
}

int FindDecision(const statepb::DecisionsState& decisions, std::string_view name) {
  for (int i = 0; i < decisions.decisions_size(); ++i) {
    if (decisions.decisions(i).decision().decision() == name) return i;
  }
  return -1;
}

std::string DecisionName(CustomerId customer, uint64_t number) {
  return absl::StrFormat("%s%016x%016x", kDecisionPrefix, customer.value(), number);
}

absl::StatusOr<CustomerId> CustomerOfDecision(std::string_view name) {
  const auto bad = [] { return FieldError("name", "expected decisions/{decision}, as answered"); };
  if (!name.starts_with(kDecisionPrefix)) return bad();
  const std::string_view digits = name.substr(kDecisionPrefix.size());
  const bool is_hex = digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (digits.size() != 2 * kHexDigits || !is_hex) return bad();
  uint64_t customer = 0;
  std::from_chars(digits.data(), digits.data() + kHexDigits, customer, 16);
  return CustomerId(customer);
}

}  // namespace rondo::decision
