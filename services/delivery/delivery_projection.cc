#include "services/delivery/delivery_projection.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "channels/sms/sms_gateway.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"
#include "services/delivery/contact_book.h"
#include "services/delivery/domain/consent.h"

namespace rondo::delivery {
namespace {

namespace logpb = ::rondo::log::v1;
using eventlog::ApplyContext;
using eventlog::LogRecord;

// Contacts of a paused campaign that go on at once; the rest follow in the next timer.
constexpr int kResumeBatch = 1'000;

absl::Status ApplyPlanned(const LogRecord& record, ContactBook& book) {
  const logpb::ContactPlanned& planned = record.contact_planned();
  // Measured elsewhere, or planned only: nothing of it is delivery's.
  if (planned.imported() || planned.plan_only()) return absl::OkStatus();
  const std::string key = ContactKeyOf(CustomerId(record.party()), planned.contact());
  RONDO_ASSIGN_OR_RETURN(const auto known, book.Get(key));
  if (known.has_value()) return absl::AlreadyExistsError("contact: it is planned already");
  statepb::ContactState contact;
  *contact.mutable_contact() = planned.contact();
  contact.set_customer(record.party());
  contact.set_cell(planned.cell());
  contact.set_control(planned.control());
  contact.set_channel(planned.channel());
  contact.set_due_time_micros(planned.due_time_micros());
  contact.set_time_zone(planned.time_zone());
  contact.set_cost_minor_units(planned.cost_minor_units());
  contact.set_purpose(planned.purpose());
  return book.Add(key, std::move(contact), FromMicros(planned.due_time_micros()));
}

absl::Status ApplyAttempted(const LogRecord& record, const ApplyContext& context,
                            ContactBook& book) {
  const logpb::DeliveryAttempted& attempted = record.delivery_attempted();
  const std::string key = ContactKeyOf(CustomerId(record.party()), attempted.contact());
  RONDO_ASSIGN_OR_RETURN(statepb::ContactState contact, book.Find(key));
  if (attempted.epoch() != context.epoch()) {
    return absl::AbortedError("claim: another owner has taken over");
  }
  if (contact.phase() != statepb::CONTACT_PHASE_READY ||
      attempted.attempt() != contact.attempt() + 1) {
    return absl::AbortedError("claim: the contact is not ready, or was claimed before");
  }
  if (IsProved(contact)) {
    // Appended before the outcome was read back: it must not hold. Emitted once more, the outcome
    // cannot be missing, and nobody claims for ever.
    book.SettleByEvidence(contact);
    return absl::OkStatus();
  }
  RONDO_ASSIGN_OR_RETURN(const Judgement judgement, book.Judge(contact));
  // Not a verdict against the record: what follows must be kept.
  if (judgement.kind != Judgement::Kind::kAllow) return book.Follow(judgement, key, contact);
  contact.set_attempt(attempted.attempt());
  contact.set_message_id(attempted.message_id());
  return book.Claim(key, contact, judgement);
}

absl::Status EndAs(logpb::DeliveryState state, const LogRecord& record, const std::string& key,
                   statepb::ContactState& contact, ContactBook& book) {
  switch (state) {
    case logpb::DELIVERY_STATE_SENT:
      contact.set_sent_time_micros(record.event_time_micros());
      return book.End(key, contact, statepb::CONTACT_PHASE_SENT);
    case logpb::DELIVERY_STATE_DELIVERED:
    case logpb::DELIVERY_STATE_BOUNCED:
      // Either way it left the house.
      if (contact.sent_time_micros() == 0) {
        contact.set_sent_time_micros(contact.claim_time_micros());
      }
      return book.End(key, contact, statepb::CONTACT_PHASE_SENT);
    case logpb::DELIVERY_STATE_DEFERRED:
      RONDO_RETURN_IF_ERROR(book.Uncount(key, contact));
      RONDO_RETURN_IF_ERROR(
          book.Wait(key, contact, FromMicros(record.delivery_outcome().retry_time_micros())));
      book.SettleByEvidence(contact);
      return absl::OkStatus();
    case logpb::DELIVERY_STATE_FAILED:
      RONDO_RETURN_IF_ERROR(book.Uncount(key, contact));
      RONDO_RETURN_IF_ERROR(book.End(key, contact, statepb::CONTACT_PHASE_FAILED));
      book.SettleByEvidence(contact);
      return absl::OkStatus();
    case logpb::DELIVERY_STATE_IN_DOUBT:
      return book.Doubt(key, contact);
    default:
      return absl::InvalidArgumentError("outcome: unknown state");
  }
}

absl::Status ApplyOutcome(const LogRecord& record, ContactBook& book) {
  const logpb::DeliveryOutcome& outcome = record.delivery_outcome();
  const std::string key = ContactKeyOf(CustomerId(record.party()), outcome.contact());
  RONDO_ASSIGN_OR_RETURN(statepb::ContactState contact, book.Find(key));
  const bool open = contact.phase() == statepb::CONTACT_PHASE_CLAIMED || IsOpenDoubt(contact);
  if (!open || outcome.attempt() != contact.attempt()) {
    // News of what is settled: a receipt after the acceptance changes nothing here.
    return absl::FailedPreconditionError("outcome: the contact has no such open attempt");
  }
  // That an attempt did not go out is news once: a batch of outcomes may be written twice, and what
  // waits, has failed or is suppressed since stays so. That one did is news as long as it is open.
  const bool went_out = outcome.state() != logpb::DELIVERY_STATE_DEFERRED &&
                        outcome.state() != logpb::DELIVERY_STATE_FAILED;
  if (!went_out && contact.phase() != statepb::CONTACT_PHASE_CLAIMED &&
      contact.phase() != statepb::CONTACT_PHASE_IN_DOUBT &&
      contact.phase() != statepb::CONTACT_PHASE_UNKNOWN) {
    return absl::FailedPreconditionError("outcome: it is known that the attempt did not go out");
  }
  // Emitted by ourselves when the doubt began, and when it was given up.
  const bool is_ours = outcome.state() == logpb::DELIVERY_STATE_IN_DOUBT ||
                       outcome.state() == logpb::DELIVERY_STATE_UNKNOWN;
  if (is_ours && IsOpenDoubt(contact)) return absl::OkStatus();
  return EndAs(outcome.state(), record, key, contact, book);
}

// Ours comes back and changes nothing; the dispatcher's says why a claimed contact was not sent.
absl::Status ApplySuppressed(const LogRecord& record, ContactBook& book) {
  const logpb::ContactSuppressed& suppressed = record.contact_suppressed();
  const std::string key = ContactKeyOf(CustomerId(record.party()), suppressed.contact());
  RONDO_ASSIGN_OR_RETURN(statepb::ContactState contact, book.Find(key));
  if (suppressed.shadow() || contact.phase() != statepb::CONTACT_PHASE_CLAIMED)
    return absl::OkStatus();
  RONDO_RETURN_IF_ERROR(book.Uncount(key, contact));
  return book.End(key, contact, statepb::CONTACT_PHASE_SUPPRESSED);
}

absl::Status ApplyOwner(const LogRecord& record, ApplyContext& context, ContactBook& book) {
  context.Put(KeyOfEpoch(), storage::KeyBuilder().I64(record.owner_changed().epoch()).view());
  std::vector<std::string> claimed;
  const auto cursor = context.Scan(storage::PrefixRange(KeyOfClaimed("")));
  for (; cursor->Valid(); cursor->Next()) claimed.emplace_back(cursor->key().substr(1));
  RONDO_RETURN_IF_ERROR(cursor->status());
  for (const std::string& key : claimed) {
    RONDO_ASSIGN_OR_RETURN(statepb::ContactState contact, book.Find(key));
    book.EmitOutcome(contact, logpb::DELIVERY_STATE_IN_DOUBT, "");
    RONDO_RETURN_IF_ERROR(book.Doubt(key, contact));
  }
  return absl::OkStatus();
}

absl::Status FoldProfile(CustomerId customer, const logpb::ProfileChanged& profile,
                         ContactBook& book) {
  RONDO_ASSIGN_OR_RETURN(statepb::RecipientState recipient, book.Recipient(customer));
  for (const logpb::ConsentFact& fact : profile.consents()) {
    FoldConsent(fact, *recipient.mutable_consents());
  }
  // A new address has not bounced yet. Whether a sealed one is new is known to who opened it.
  auto& quarantined = *recipient.mutable_quarantined_channels();
  const auto renewed = [&profile](const std::string& channel) {
    const std::string key = channel == "sms" ? "phone" : channel;
    return std::any_of(profile.keys().begin(), profile.keys().end(),
                       [&key](const auto& fact) { return fact.namespace_() == key; }) ||
           std::any_of(
               profile.attributes().begin(), profile.attributes().end(), [&](const auto& field) {
                 return field.name() == key &&
                        field.value().kind_case() != rondo::type::v1::Value::KIND_NOT_SET &&
                        !std::binary_search(profile.confirmed_attributes().begin(),
                                            profile.confirmed_attributes().end(), field.name());
               });
  };
  const auto kept = std::remove_if(quarantined.begin(), quarantined.end(), renewed);
  const bool changed = !profile.consents().empty() || kept != quarantined.end();
  quarantined.erase(kept, quarantined.end());
  if (changed) book.PutRecipient(customer, recipient);
  return absl::OkStatus();
}

bool IsPermanent(const logpb::EventTracked& event) {
  return std::any_of(event.fields().begin(), event.fields().end(), [](const auto& field) {
    return field.name() == "permanent" && field.value().bool_value();
  });
}

// What an event says about reaching the customer. `contact` is the one that it answers, if known.
absl::Status NoteEvent(const LogRecord& record, const std::optional<statepb::ContactState>& contact,
                       ContactBook& book) {
  const logpb::EventTracked& event = record.event_tracked();
  const CustomerId customer(record.party());
  const std::string channel = contact.has_value() ? contact->channel() : "";
  RONDO_ASSIGN_OR_RETURN(statepb::RecipientState recipient, book.Recipient(customer));
  if (event.type() == "unsubscribe") {
    logpb::ConsentFact fact;
    // Without a contact nobody knows what they had enough of: of everything.
    fact.set_channel(channel.empty() ? "*" : channel);
    fact.set_purpose(contact.has_value() ? PurposeOf(*contact) : "*");
    fact.set_granted(false);
    fact.set_effective_time_micros(record.event_time_micros());
    FoldConsent(fact, *recipient.mutable_consents());
  } else if (event.type() == "complaint") {
    recipient.set_complained(true);
  } else if (IsPermanent(event) && !channel.empty()) {
    auto& quarantined = *recipient.mutable_quarantined_channels();
    if (std::find(quarantined.begin(), quarantined.end(), channel) == quarantined.end()) {
      *quarantined.Add() = channel;
    }
  }
  book.PutRecipient(customer, recipient);
  return absl::OkStatus();
}

// Receipts come twice and out of order: what says more wins, and the end is told once.
absl::Status FoldReceipt(const logpb::EventTracked& event, const std::string& key,
                         statepb::ContactState contact, ContactBook& book) {
  int64_t number = 0;
  for (const auto& field : event.fields()) {
    if (field.name() == "kind") number = field.value().int_value();
  }
  RONDO_ASSIGN_OR_RETURN(const SmsReceiptKind next, SmsReceiptKindOf(number));
  std::optional<SmsReceiptKind> known;
  if (contact.receipt() != 0) known = static_cast<SmsReceiptKind>(contact.receipt());
  const SmsReceiptKind folded = FoldReceipts(known, next);
  if (folded == known) return absl::OkStatus();
  contact.set_receipt(static_cast<uint32_t>(folded));
  book.Put(key, contact);
  if (IsFinal(folded)) {
    const bool arrived = folded == SmsReceiptKind::kDelivered;
    book.EmitOutcome(contact,
                     arrived ? logpb::DELIVERY_STATE_DELIVERED : logpb::DELIVERY_STATE_BOUNCED,
                     "receipt");
  } else if (IsOpenDoubt(contact)) {
    book.EmitOutcome(contact, logpb::DELIVERY_STATE_SENT, "receipt");
  }
  return absl::OkStatus();
}

absl::Status ApplyEvent(const LogRecord& record, ContactBook& book) {
  const logpb::EventTracked& event = record.event_tracked();
  const std::string& type = event.type();
  const bool tells = type == "unsubscribe" || type == "complaint" || type == "bounce";
  const bool evidence =
      tells || type == "open" || type == "click" || type == "delivered" || type == "receipt";
  if (!evidence) return absl::OkStatus();
  std::optional<statepb::ContactState> contact;
  if (event.has_contact()) {
    const std::string key = ContactKeyOf(CustomerId(record.party()), event.contact());
    RONDO_ASSIGN_OR_RETURN(contact, book.Get(key));
    if (contact.has_value() && type == "receipt") return FoldReceipt(event, key, *contact, book);
    if (contact.has_value()) book.NoteEvidence(key, *contact, type);
  }
  return tells ? NoteEvent(record, contact, book) : absl::OkStatus();
}

absl::Status ApplyErased(CustomerId customer, ContactBook& book) {
  statepb::RecipientState recipient;
  recipient.set_erased(true);
  book.PutRecipient(customer, recipient);
  return absl::OkStatus();
}

absl::Status ApplyParked(CustomerId customer, const std::string& service, bool parked,
                         ContactBook& book) {
  if (!customer.is_set()) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(statepb::RecipientState recipient, book.Recipient(customer));
  auto& services = *recipient.mutable_parked_by();
  const auto at = std::find(services.begin(), services.end(), service);
  if (parked == (at != services.end())) return absl::OkStatus();
  if (parked) {
    *services.Add() = service;
    std::sort(services.begin(), services.end());
  } else {
    services.erase(at);
  }
  book.PutRecipient(customer, recipient);
  return absl::OkStatus();
}

absl::Status ApplyTransition(const logpb::CampaignTransitioned& transition, ApplyContext& context) {
  context.Put(KeyOfCampaign(transition.campaign()), std::to_string(transition.to()));
  if (transition.from() == rondo::campaign::v1::CAMPAIGN_STATE_PAUSED) {
    context.SetTimer(context.partition_time(), CampaignTimer(transition.campaign()), "");
  }
  return absl::OkStatus();
}

// Contacts of a campaign that is no longer paused meet the policy, some at a time.
absl::Status Resume(std::string_view campaign, ApplyContext& context, ContactBook& book) {
  std::vector<std::string> contacts;
  const size_t prefix = PausedOf(campaign).begin.size();
  const auto cursor = context.Scan(PausedOf(campaign));
  for (; cursor->Valid() && contacts.size() < kResumeBatch; cursor->Next()) {
    contacts.emplace_back(cursor->key().substr(prefix));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  const bool more = cursor->Valid();
  bool paused_again = false;
  for (const std::string& key : contacts) {
    RONDO_ASSIGN_OR_RETURN(statepb::ContactState contact, book.Find(key));
    RONDO_RETURN_IF_ERROR(book.Meet(key, contact));
    paused_again = paused_again || contact.phase() == statepb::CONTACT_PHASE_PAUSED;
  }
  if (more && !paused_again) {
    context.SetTimer(context.partition_time(), CampaignTimer(campaign), "");
  }
  return absl::OkStatus();
}

}  // namespace

DeliveryProjection::DeliveryProjection()
    : policies_(kPolicyTable, {std::string(catalog::kPolicies)}) {}

absl::Status DeliveryProjection::Apply(const LogRecord& record, ApplyContext& context) {
  ContactBook book(context, policies_);
  const CustomerId customer(record.party());
  switch (record.body_case()) {
    case LogRecord::kContactPlanned:
      return ApplyPlanned(record, book);
    case LogRecord::kDeliveryAttempted:
      return ApplyAttempted(record, context, book);
    case LogRecord::kDeliveryOutcome:
      return ApplyOutcome(record, book);
    case LogRecord::kContactSuppressed:
      return ApplySuppressed(record, book);
    case LogRecord::kProfileChanged:
      return FoldProfile(customer, record.profile_changed(), book);
    case LogRecord::kCustomerAbsorbed:
      return FoldProfile(customer, record.customer_absorbed().profile(), book);
    case LogRecord::kCustomerErased:
      return ApplyErased(customer, book);
    case LogRecord::kEventTracked:
      return ApplyEvent(record, book);
    case LogRecord::kCycleStarted: {
      const logpb::CycleStarted& started = record.cycle_started();
      context.Put(KeyOfCycle(started.campaign().name(), started.cycle().number()),
                  started.campaign().SerializeAsString());
      return absl::OkStatus();
    }
    case LogRecord::kCampaignTransitioned:
      return ApplyTransition(record.campaign_transitioned(), context);
    case LogRecord::kDefinitionActivated:
      return policies_.Apply(record, context).status();
    case LogRecord::kOwnerChanged:
      return ApplyOwner(record, context, book);
    case LogRecord::kRecordSkipped:
      return ApplyParked(customer, record.record_skipped().service(), true, book);
    case LogRecord::kParkedSettled:
      return ApplyParked(customer, record.parked_settled().service(), false, book);
    default:
      return absl::OkStatus();
  }
}

absl::Status DeliveryProjection::OnTimer(absl::Time due, std::string_view key,
                                         std::string_view payload, ApplyContext& context) {
  static_cast<void>(payload);
  ContactBook book(context, policies_);
  if (const auto campaign = CampaignOfTimer(key)) return Resume(*campaign, context, book);
  const auto contact_key = ContactOfTimer(key);
  if (!contact_key.has_value()) return absl::InternalError("delivery: a timer of no kind");
  RONDO_ASSIGN_OR_RETURN(statepb::ContactState contact, book.Find(*contact_key));
  const bool awaited = contact.phase() == statepb::CONTACT_PHASE_WAITING ||
                       contact.phase() == statepb::CONTACT_PHASE_IN_DOUBT;
  if (!awaited || contact.index_time_micros() != ToMicros(due)) return absl::OkStatus();
  return contact.phase() == statepb::CONTACT_PHASE_IN_DOUBT ? book.EndDoubt(*contact_key, contact)
                                                            : book.Meet(*contact_key, contact);
}

void DeliveryProjection::Committed(int partition, int64_t next_offset, bool live) {
  if (live && on_committed_ != nullptr) on_committed_(partition, next_offset);
}

}  // namespace rondo::delivery
