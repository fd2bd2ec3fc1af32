#include "services/delivery/contact_book.h"

#include <algorithm>

#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "platform/core/zone.h"
#include "platform/storage/key.h"
#include "services/delivery/delivery_projection.h"
#include "services/delivery/domain/attempt.h"
#include "services/delivery/domain/consent.h"

namespace rondo::delivery {
namespace {

namespace logpb = ::rondo::log::v1;
using rondo::campaign::v1::Campaign;
using rondo::campaign::v1::CampaignState;

constexpr char kContactTimer = 'C';
constexpr char kCampaignTimer = 'R';
constexpr absl::Duration kDeferAtMost = absl::Hours(72);
// The cycle's record is written before its contacts, in every partition: a short wait is enough.
constexpr absl::Duration kCycleRetry = absl::Minutes(1);
constexpr absl::Duration kCountedFor = absl::Hours(24 * 366);
constexpr int kCountedMax = 512;

// The change of a partition's counts when a contact enters (+1) or leaves (-1) `phase`.
void Count(statepb::ContactPhase phase, int64_t by, statepb::ContactCounts& counts) {
  switch (phase) {
    case statepb::CONTACT_PHASE_WAITING:
    case statepb::CONTACT_PHASE_PAUSED:
      counts.set_waiting(counts.waiting() + by);
      break;
    case statepb::CONTACT_PHASE_READY:
      counts.set_ready(counts.ready() + by);
      break;
    case statepb::CONTACT_PHASE_CLAIMED:
      counts.set_in_flight(counts.in_flight() + by);
      break;
    case statepb::CONTACT_PHASE_IN_DOUBT:
      counts.set_in_doubt(counts.in_doubt() + by);
      break;
    default:
      break;
  }
}

absl::TimeZone ZoneOf(const std::string& contact_zone, const std::string& default_zone) {
  if (const auto zone = FindZone(contact_zone)) return *zone;
  return FindZone(default_zone).value_or(absl::UTCTimeZone());
}

absl::Time NotAfter(const statepb::ContactState& contact,
                    const rondo::campaign::v1::Policy& policy) {
  const absl::Duration at_most =
      policy.has_defer_at_most() ? absl::Seconds(policy.defer_at_most().seconds()) : kDeferAtMost;
  return FromMicros(contact.due_time_micros()) + at_most;
}

}  // namespace

std::string PurposeOf(const statepb::ContactState& contact) {
  return contact.purpose().empty() ? policy::kDefaultPurpose : contact.purpose();
}

std::string ContactTimer(std::string_view contact) { return kContactTimer + std::string(contact); }
std::string CampaignTimer(std::string_view campaign) {
  return kCampaignTimer + std::string(campaign);
}
std::optional<std::string_view> ContactOfTimer(std::string_view timer) {
  return timer.starts_with(kContactTimer) ? std::optional(timer.substr(1)) : std::nullopt;
}
std::optional<std::string_view> CampaignOfTimer(std::string_view timer) {
  return timer.starts_with(kCampaignTimer) ? std::optional(timer.substr(1)) : std::nullopt;
}

absl::StatusOr<std::optional<statepb::ContactState>> ContactBook::Get(std::string_view key) const {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context_.Get(KeyOfContact(key)));
  if (!bytes.has_value()) return std::nullopt;
  statepb::ContactState contact;
  if (!contact.ParseFromString(*bytes)) {
    return absl::DataLossError("delivery: a stored contact does not decode");
  }
  return contact;
}

absl::StatusOr<statepb::ContactState> ContactBook::Find(std::string_view key) const {
  RONDO_ASSIGN_OR_RETURN(auto contact, Get(key));
  if (!contact.has_value()) return absl::NotFoundError("contact: it was never planned");
  return *std::move(contact);
}

absl::StatusOr<statepb::RecipientState> ContactBook::Recipient(CustomerId customer) const {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context_.Get(KeyOfRecipient(customer)));
  statepb::RecipientState recipient;
  if (bytes.has_value() && !recipient.ParseFromString(*bytes)) {
    return absl::DataLossError("delivery: a stored recipient does not decode");
  }
  return recipient;
}

void ContactBook::Put(std::string_view key, const statepb::ContactState& contact) {
  context_.Put(KeyOfContact(key), contact.SerializeAsString());
}

void ContactBook::PutRecipient(CustomerId customer, const statepb::RecipientState& recipient) {
  context_.Put(KeyOfRecipient(customer), recipient.SerializeAsString());
}

absl::StatusOr<statepb::ContactCounts> ContactBook::Counts() const {
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context_.Get(KeyOfCounts()));
  statepb::ContactCounts counts;
  if (bytes.has_value() && !counts.ParseFromString(*bytes)) {
    return absl::DataLossError("delivery: stored counts do not decode");
  }
  return counts;
}

absl::Status ContactBook::Move(std::string_view key, statepb::ContactState& contact,
                               statepb::ContactPhase phase, absl::Time index_time) {
  RONDO_ASSIGN_OR_RETURN(statepb::ContactCounts counts, Counts());
  Count(contact.phase(), -1, counts);
  const absl::Time old_time = FromMicros(contact.index_time_micros());
  switch (contact.phase()) {
    case statepb::CONTACT_PHASE_WAITING:
      context_.CancelTimer(old_time, ContactTimer(key));
      break;
    case statepb::CONTACT_PHASE_PAUSED:
      context_.Delete(KeyOfPaused(contact.contact().campaign(), key));
      break;
    case statepb::CONTACT_PHASE_READY:
      context_.Delete(KeyOfReady(contact.channel(), contact.index_time_micros(), key));
      break;
    case statepb::CONTACT_PHASE_CLAIMED:
      context_.Delete(KeyOfClaimed(key));
      break;
    case statepb::CONTACT_PHASE_IN_DOUBT:
      context_.Delete(KeyOfInDoubt(key));
      if (contact.index_time_micros() != 0) context_.CancelTimer(old_time, ContactTimer(key));
      break;
    default:
      break;
  }
  contact.set_phase(phase);
  contact.set_index_time_micros(index_time == absl::InfinitePast() ? 0 : ToMicros(index_time));
  Count(phase, 1, counts);
  context_.Put(KeyOfCounts(), counts.SerializeAsString());
  context_.Put(KeyOfContact(key), contact.SerializeAsString());
  return absl::OkStatus();
}

absl::Status ContactBook::Add(std::string_view key, statepb::ContactState contact, absl::Time due) {
  contact.set_phase(statepb::CONTACT_PHASE_UNSPECIFIED);
  return Wait(key, contact, due);
}

absl::Status ContactBook::Wait(std::string_view key, statepb::ContactState& contact,
                               absl::Time until) {
  RONDO_RETURN_IF_ERROR(Move(key, contact, statepb::CONTACT_PHASE_WAITING, until));
  context_.SetTimer(until, ContactTimer(key), "");
  return absl::OkStatus();
}

absl::Status ContactBook::Pause(std::string_view key, statepb::ContactState& contact) {
  RONDO_RETURN_IF_ERROR(Move(key, contact, statepb::CONTACT_PHASE_PAUSED, absl::InfinitePast()));
  context_.Put(KeyOfPaused(contact.contact().campaign(), key), "");
  return absl::OkStatus();
}

absl::Status ContactBook::MakeReady(std::string_view key, statepb::ContactState& contact) {
  RONDO_RETURN_IF_ERROR(
      Move(key, contact, statepb::CONTACT_PHASE_READY, context_.partition_time()));
  context_.Put(KeyOfReady(contact.channel(), contact.index_time_micros(), key), "");
  return absl::OkStatus();
}

absl::Status ContactBook::Claim(std::string_view key, statepb::ContactState& contact,
                                const Judgement& judgement) {
  contact.set_claim_offset(context_.offset());
  contact.set_claim_time_micros(ToMicros(context_.partition_time()));
  RONDO_RETURN_IF_ERROR(Move(key, contact, statepb::CONTACT_PHASE_CLAIMED, absl::InfinitePast()));
  context_.Put(KeyOfClaimed(key), "");
  if (!judgement.counts) return absl::OkStatus();
  const CustomerId customer(contact.customer());
  RONDO_ASSIGN_OR_RETURN(statepb::RecipientState recipient, Recipient(customer));
  auto& counted = *recipient.mutable_counted();
  // Of one that is sent again the newest claim counts.
  counted.erase(std::remove_if(counted.begin(), counted.end(),
                               [&](const statepb::CountedContact& c) { return c.key() == key; }),
                counted.end());
  const int64_t oldest = ToMicros(context_.partition_time() - kCountedFor);
  while (!counted.empty() && (counted[0].time_micros() < oldest || counted.size() >= kCountedMax)) {
    counted.erase(counted.begin());
  }
  statepb::CountedContact& entry = *counted.Add();
  entry.set_key(std::string(key));
  entry.set_time_micros(ToMicros(context_.partition_time()));
  entry.set_channel(contact.channel());
  entry.set_purpose(judgement.purpose);
  entry.set_business_unit(judgement.business_unit);
  PutRecipient(customer, recipient);
  return absl::OkStatus();
}

absl::Status ContactBook::Uncount(std::string_view key, const statepb::ContactState& contact) {
  if (contact.may_have_gone_out()) return absl::OkStatus();
  const CustomerId customer(contact.customer());
  RONDO_ASSIGN_OR_RETURN(statepb::RecipientState recipient, Recipient(customer));
  auto& counted = *recipient.mutable_counted();
  const auto rest =
      std::remove_if(counted.begin(), counted.end(),
                     [&](const statepb::CountedContact& c) { return c.key() == key; });
  if (rest == counted.end()) return absl::OkStatus();
  counted.erase(rest, counted.end());
  PutRecipient(customer, recipient);
  return absl::OkStatus();
}

absl::StatusOr<bool> ContactBook::SendsAgain(const statepb::ContactState& contact) const {
  const auto& key = contact.contact();
  RONDO_ASSIGN_OR_RETURN(const auto bytes, context_.Get(KeyOfCycle(key.campaign(), key.cycle())));
  Campaign campaign;
  if (bytes.has_value() && !campaign.ParseFromString(*bytes)) {
    return absl::DataLossError("delivery: a stored cycle does not decode");
  }
  return campaign.in_doubt() == rondo::campaign::v1::IN_DOUBT_RULE_AT_LEAST_ONCE;
}

absl::Status ContactBook::Doubt(std::string_view key, statepb::ContactState& contact) {
  RONDO_ASSIGN_OR_RETURN(const bool again, SendsAgain(contact));
  const absl::Time when = context_.partition_time() + (again ? kInDoubtQuietTime : kUnknownAfter);
  RONDO_RETURN_IF_ERROR(Move(key, contact, statepb::CONTACT_PHASE_IN_DOUBT, when));
  context_.Put(KeyOfInDoubt(key), "");
  context_.SetTimer(when, ContactTimer(key), "");
  SettleByEvidence(contact);
  return absl::OkStatus();
}

void ContactBook::NoteEvidence(std::string_view key, statepb::ContactState contact,
                               const std::string& type) {
  const bool open = IsOpenDoubt(contact);
  if (!open && contact.phase() != statepb::CONTACT_PHASE_CLAIMED) return;
  if (contact.evidence().empty()) {
    contact.set_evidence(type);
    Put(key, contact);
  }
  if (open) EmitProved(contact, type);
}

void ContactBook::SettleByEvidence(const statepb::ContactState& contact) {
  if (!IsOpenDoubt(contact)) return;
  if (contact.receipt() != 0) EmitOutcome(contact, logpb::DELIVERY_STATE_SENT, "receipt");
  if (!contact.evidence().empty()) EmitProved(contact, contact.evidence());
}

void ContactBook::EmitProved(const statepb::ContactState& contact, const std::string& type) {
  EmitOutcome(contact,
              type == "bounce" ? logpb::DELIVERY_STATE_BOUNCED : logpb::DELIVERY_STATE_DELIVERED,
              type);
}

absl::Status ContactBook::EndDoubt(std::string_view key, statepb::ContactState& contact) {
  RONDO_ASSIGN_OR_RETURN(const bool again, SendsAgain(contact));
  if (!again) {
    EmitOutcome(contact, logpb::DELIVERY_STATE_UNKNOWN, "");
    return End(key, contact, statepb::CONTACT_PHASE_UNKNOWN);
  }
  // Its first claim counts until the next one does: it may have gone out.
  contact.set_may_have_gone_out(true);
  return Meet(key, contact);
}

absl::Status ContactBook::End(std::string_view key, statepb::ContactState& contact,
                              statepb::ContactPhase phase) {
  return Move(key, contact, phase, absl::InfinitePast());
}

absl::Status ContactBook::Meet(std::string_view key, statepb::ContactState& contact) {
  RONDO_ASSIGN_OR_RETURN(const Judgement judgement, Judge(contact));
  if (contact.control()) {
    if (judgement.kind == Judgement::Kind::kPaused) return Pause(key, contact);
    // A cap or quiet hours would only move it; what would have stopped it is told.
    if (judgement.kind == Judgement::Kind::kRefuse) EmitSuppressed(contact, judgement.reason, true);
    return End(key, contact, statepb::CONTACT_PHASE_CONTROL);
  }
  if (judgement.kind == Judgement::Kind::kAllow) return MakeReady(key, contact);
  return Follow(judgement, key, contact);
}

absl::Status ContactBook::Follow(const Judgement& judgement, std::string_view key,
                                 statepb::ContactState& contact) {
  switch (judgement.kind) {
    case Judgement::Kind::kPaused:
      return Pause(key, contact);
    case Judgement::Kind::kDefer:
      return Wait(key, contact, judgement.retry_time);
    default:
      EmitSuppressed(contact, judgement.reason, false);
      return End(key, contact, statepb::CONTACT_PHASE_SUPPRESSED);
  }
}

rondo::campaign::v1::Policy BuiltInPolicy() {
  rondo::campaign::v1::Policy policy;
  policy.set_require_consent(true);
  return policy;
}

policy::ContactFacts FactsOf(const statepb::ContactState& contact,
                             const statepb::RecipientState& recipient, const Campaign& campaign,
                             const rondo::campaign::v1::Policy& policy) {
  // A control contact has no channel: in shadow it is asked as the first treated cell would be.
  std::string channel = contact.channel();
  for (const auto& cell : campaign.cells()) {
    if (channel.empty()) channel = cell.treatment().channel();
  }
  policy::ContactFacts facts;
  facts.message_class = ToMessageClass(campaign.message_class());
  facts.channel = channel;
  facts.purpose = PurposeOf(contact);
  facts.business_unit = campaign.business_unit();
  facts.not_after = NotAfter(contact, policy);
  facts.time_zone = ZoneOf(contact.time_zone(), policy.default_time_zone());
  facts.consent =
      ConsentFor(recipient.consents(), {channel, facts.purpose, campaign.business_unit()});
  facts.is_erased = recipient.erased();
  facts.is_parked = !recipient.parked_by().empty();
  facts.has_complained = recipient.complained();
  const auto& quarantined = recipient.quarantined_channels();
  facts.is_quarantined =
      std::find(quarantined.begin(), quarantined.end(), channel) != quarantined.end();
  return facts;
}

absl::StatusOr<Judgement> ContactBook::Judge(const statepb::ContactState& contact) const {
  const auto& key = contact.contact();
  RONDO_ASSIGN_OR_RETURN(const auto cycle, context_.Get(KeyOfCycle(key.campaign(), key.cycle())));
  RONDO_ASSIGN_OR_RETURN(const auto state_bytes, context_.Get(KeyOfCampaign(key.campaign())));
  RONDO_ASSIGN_OR_RETURN(const CampaignState state, ParseCampaignState(state_bytes));
  const absl::Time now = context_.partition_time();
  if (!contact.control() && std::find(std::begin(kChannels), std::end(kChannels),
                                      contact.channel()) == std::end(kChannels)) {
    return Judgement{.kind = Judgement::Kind::kRefuse, .reason = "channel_not_configured"};
  }
  if (state == CampaignState::CAMPAIGN_STATE_STOPPED) {
    return Judgement{.kind = Judgement::Kind::kRefuse, .reason = "campaign_stopped"};
  }
  if (state == CampaignState::CAMPAIGN_STATE_PAUSED) {
    return Judgement{.kind = Judgement::Kind::kPaused};
  }
  if (!cycle.has_value()) {
    if (now < FromMicros(contact.due_time_micros()) + kDeferAtMost) {
      return Judgement{.kind = Judgement::Kind::kDefer, .retry_time = now + kCycleRetry};
    }
    return Judgement{.kind = Judgement::Kind::kRefuse, .reason = "expired"};
  }
  Campaign campaign;
  if (!campaign.ParseFromString(*cycle)) {
    return absl::DataLossError("delivery: a stored cycle does not decode");
  }
  rondo::campaign::v1::Policy definition = BuiltInPolicy();
  if (!campaign.policy().empty()) {
    RONDO_ASSIGN_OR_RETURN(const auto found, policies_.Get(campaign.policy(), context_));
    if (found.has_value()) definition = found->policy();
  }
  RONDO_ASSIGN_OR_RETURN(const statepb::RecipientState recipient,
                         Recipient(CustomerId(contact.customer())));
  const policy::ContactFacts facts = FactsOf(contact, recipient, campaign, definition);
  std::vector<policy::CountedContact> counted;
  const std::string own_key = ContactKeyOf(CustomerId(contact.customer()), key);
  for (const statepb::CountedContact& each : recipient.counted()) {
    if (each.key() == own_key) continue;  // Sent again, it is still one contact.
    counted.push_back({.time = FromMicros(each.time_micros()),
                       .channel = each.channel(),
                       .purpose = each.purpose(),
                       .business_unit = each.business_unit()});
  }
  const policy::Ruling ruling = policy::Rule(ToContactPolicy(definition), facts, counted, now);
  Judgement judgement{.reason = std::string(policy::ReasonName(ruling.reason)),
                      .retry_time = ruling.retry_time,
                      .counts = facts.message_class == policy::MessageClass::kMarketing,
                      .purpose = facts.purpose,
                      .business_unit = facts.business_unit};
  judgement.kind = ruling.verdict == policy::Verdict::kAllow   ? Judgement::Kind::kAllow
                   : ruling.verdict == policy::Verdict::kDefer ? Judgement::Kind::kDefer
                                                               : Judgement::Kind::kRefuse;
  return judgement;
}

void ContactBook::EmitSuppressed(const statepb::ContactState& contact, const std::string& reason,
                                 bool shadow) {
  eventlog::LogRecord record;
  record.set_party(contact.customer());
  logpb::ContactSuppressed& suppressed = *record.mutable_contact_suppressed();
  *suppressed.mutable_contact() = contact.contact();
  suppressed.set_cell(contact.cell());
  suppressed.set_reason(reason);
  suppressed.set_shadow(shadow);
  context_.Emit(std::move(record));
}

void ContactBook::EmitOutcome(const statepb::ContactState& contact, logpb::DeliveryState state,
                              const std::string& evidence) {
  eventlog::LogRecord record;
  record.set_party(contact.customer());
  logpb::DeliveryOutcome& outcome = *record.mutable_delivery_outcome();
  *outcome.mutable_contact() = contact.contact();
  outcome.set_attempt(contact.attempt());
  outcome.set_state(state);
  outcome.set_cell(contact.cell());
  // What bounced later was sent, and cost as much.
  if (state == logpb::DELIVERY_STATE_SENT || state == logpb::DELIVERY_STATE_DELIVERED ||
      state == logpb::DELIVERY_STATE_BOUNCED) {
    outcome.set_cost_minor_units(contact.cost_minor_units());
  }
  outcome.set_evidence(evidence);
  context_.Emit(std::move(record));
}

}  // namespace rondo::delivery
