#include "tests/sim/small_loop.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::sim {
namespace {

using eventlog::ApplyContext;
using eventlog::LogRecord;
using storage::KeyBuilder;
using storage::KeyParser;

enum Table : uint8_t { kConsent = 1, kContact = 2, kEvent = 3, kFigure = 4 };
enum class State : uint8_t { kPlanned, kReady, kClaimed, kSent, kFailed, kSuppressed, kInDoubt };
constexpr int kAttemptsMax = 3;
constexpr absl::Duration kRetryPause = absl::Minutes(10);

struct Contact {
  State state = State::kPlanned;
  bool control = false;
  bool converted = false;
  int64_t epoch = 0;
  int attempts = 0;
  int64_t due_micros = 0;
  std::string cell;
};

std::string ContactKey(uint64_t customer, int cycle) {
  return KeyBuilder().Byte(kContact).U64(customer).U32(static_cast<uint32_t>(cycle)).view();
}

std::string Encode(const Contact& contact) {
  return KeyBuilder()
      .Byte(static_cast<uint8_t>(contact.state))
      .Byte(contact.control ? 1 : 0)
      .Byte(contact.converted ? 1 : 0)
      .I64(contact.epoch)
      .U32(static_cast<uint32_t>(contact.attempts))
      .I64(contact.due_micros)
      .Raw(contact.cell)
      .view();
}

Contact Decode(std::string_view bytes) {
  KeyParser parser(bytes);
  Contact contact;
  contact.state = static_cast<State>(parser.Byte());
  contact.control = parser.Byte() != 0;
  contact.converted = parser.Byte() != 0;
  contact.epoch = parser.I64();
  contact.attempts = static_cast<int>(parser.U32());
  contact.due_micros = parser.I64();
  contact.cell = parser.Rest();
  return contact;
}

absl::StatusOr<std::optional<Contact>> Find(uint64_t customer, int cycle,
                                            const ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto stored, context.Get(ContactKey(customer, cycle)));
  if (!stored.has_value()) return std::nullopt;
  return std::optional<Contact>(Decode(*stored));
}

absl::Status Count(const std::string& figure, int64_t by, ApplyContext& context) {
  const std::string key = KeyBuilder().Byte(kFigure).Raw(figure).view();
  RONDO_ASSIGN_OR_RETURN(const auto stored, context.Get(key));
  const int64_t before = stored.has_value() ? KeyParser(*stored).I64() : 0;
  context.Put(key, KeyBuilder().I64(before + by).view());
  return absl::OkStatus();
}

// Folded by effective time; the withdrawal wins at equal times.
absl::Status FoldConsent(uint64_t customer, bool granted, int64_t time_micros,
                         ApplyContext& context) {
  const std::string key = KeyBuilder().Byte(kConsent).U64(customer).view();
  RONDO_ASSIGN_OR_RETURN(const auto stored, context.Get(key));
  if (stored.has_value()) {
    const int64_t known = KeyParser(*stored).I64();
    if (known > time_micros || (known == time_micros && granted)) return absl::OkStatus();
  }
  context.Put(key, KeyBuilder().I64(time_micros).Byte(granted ? 1 : 0).view());
  return absl::OkStatus();
}

absl::StatusOr<bool> HasConsent(uint64_t customer, const ApplyContext& context) {
  RONDO_ASSIGN_OR_RETURN(const auto stored,
                         context.Get(KeyBuilder().Byte(kConsent).U64(customer).view()));
  return stored.has_value() && stored->back() == 1;
}

}  // namespace

absl::Status SmallLoopProjection::Apply(const LogRecord& record, ApplyContext& context) {
  switch (record.body_case()) {
    case LogRecord::kProfileChanged:
      return ApplyProfile(record, context);
    case LogRecord::kEventTracked:
      return ApplyEvent(record, context);
    case LogRecord::kContactPlanned:
      return ApplyPlanned(record, context);
    case LogRecord::kDeliveryAttempted:
      return ApplyAttempted(record, context);
    case LogRecord::kDeliveryOutcome:
      return ApplyOutcome(record, context);
    case LogRecord::kOwnerChanged:
      return ApplyOwner(record, context);
    default:
      return absl::OkStatus();
  }
}

absl::Status SmallLoopProjection::ApplyProfile(const LogRecord& record, ApplyContext& context) {
  for (const auto& consent : record.profile_changed().consents()) {
    RONDO_RETURN_IF_ERROR(
        FoldConsent(record.party(), consent.granted(), consent.effective_time_micros(), context));
  }
  return absl::OkStatus();
}

absl::Status SmallLoopProjection::ApplyEvent(const LogRecord& record, ApplyContext& context) {
  const auto& event = record.event_tracked();
  const std::string seen =
      KeyBuilder().Byte(kEvent).U64(record.party()).Raw(event.message_id()).view();
  RONDO_ASSIGN_OR_RETURN(const auto repeat, context.Get(seen));
  if (repeat.has_value()) return absl::OkStatus();
  context.Put(seen, "");
  if (event.type() == "purchase") return CountPurchase(record, context);
  if (event.type() == "unsubscribe" || event.type() == "complaint") {
    RONDO_RETURN_IF_ERROR(FoldConsent(record.party(), false, record.event_time_micros(), context));
  }
  if (event.contact().cycle() == 0) return absl::OkStatus();
  std::string metric = event.type() == "open"          ? "opened"
                       : event.type() == "click"       ? "clicked"
                       : event.type() == "unsubscribe" ? "unsubscribed"
                                                       : "complained";
  if (event.machine()) metric += "_machine";
  // Once a contact and metric, however often it is opened; a machine's open only until a person's.
  const auto once = [&](const std::string& of) {
    return KeyBuilder()
        .Byte(kEvent)
        .U64(record.party())
        .Raw(absl::StrFormat("%d/%s", event.contact().cycle(), of))
        .view();
  };
  RONDO_ASSIGN_OR_RETURN(const auto counted, context.Get(once(metric)));
  if (counted.has_value()) return absl::OkStatus();
  context.Put(once(metric), "");
  const std::string machine = absl::StrFormat("%d/opened_machine", event.contact().cycle());
  if (metric == "opened") {
    RONDO_ASSIGN_OR_RETURN(const auto by_machine, context.Get(once("opened_machine")));
    if (by_machine.has_value()) RONDO_RETURN_IF_ERROR(Count(machine, -1, context));
  } else if (metric == "opened_machine") {
    RONDO_ASSIGN_OR_RETURN(const auto by_person, context.Get(once("opened")));
    if (by_person.has_value()) return absl::OkStatus();
  }
  return Count(absl::StrFormat("%d/%s", event.contact().cycle(), metric), 1, context);
}

absl::Status SmallLoopProjection::CountPurchase(const LogRecord& record, ApplyContext& context) {
  for (int cycle = 1; cycle <= plan_.cycles; ++cycle) {
    RONDO_ASSIGN_OR_RETURN(auto contact, Find(record.party(), cycle, context));
    if (!contact.has_value() || contact->converted ||
        record.event_time_micros() < contact->due_micros ||
        record.event_time_micros() >=
            contact->due_micros + absl::ToInt64Microseconds(plan_.window)) {
      continue;
    }
    contact->converted = true;
    context.Put(ContactKey(record.party(), cycle), Encode(*contact));
    RONDO_RETURN_IF_ERROR(
        Count(absl::StrFormat("%d/converted/%s", cycle, contact->cell), 1, context));
  }
  return absl::OkStatus();
}

absl::Status SmallLoopProjection::ApplyPlanned(const LogRecord& record, ApplyContext& context) {
  const auto& planned = record.contact_planned();
  const int cycle = planned.contact().cycle();
  RONDO_ASSIGN_OR_RETURN(const auto known, Find(record.party(), cycle, context));
  if (known.has_value()) return absl::OkStatus();  // Nobody is planned twice.
  Contact contact;
  contact.control = planned.control();
  contact.due_micros = planned.due_time_micros();
  contact.cell = planned.cell();
  const std::string key = ContactKey(record.party(), cycle);
  context.Put(key, Encode(contact));
  if (!contact.control) context.SetTimer(FromMicros(contact.due_micros), key, "");
  return Count(absl::StrFormat("%d/planned/%s", cycle, contact.cell), 1, context);
}

absl::Status SmallLoopProjection::OnTimer(absl::Time, std::string_view key, std::string_view,
                                          ApplyContext& context) {
  KeyParser parser(key);
  parser.Byte();
  const uint64_t customer = parser.U64();
  const int cycle = static_cast<int>(parser.U32());
  RONDO_ASSIGN_OR_RETURN(auto contact, Find(customer, cycle, context));
  if (!contact.has_value() || contact->state != State::kPlanned) return absl::OkStatus();
  RONDO_ASSIGN_OR_RETURN(const bool consents, HasConsent(customer, context));
  contact->state = consents ? State::kReady : State::kSuppressed;
  context.Put(key, Encode(*contact));
  if (consents) effects_[context.partition()].ready.push_back({customer, cycle});
  return absl::OkStatus();
}

// A claim holds if it is the first for its key under the newest epoch.
absl::Status SmallLoopProjection::ApplyAttempted(const LogRecord& record, ApplyContext& context) {
  const auto& attempted = record.delivery_attempted();
  const int cycle = attempted.contact().cycle();
  RONDO_ASSIGN_OR_RETURN(auto contact, Find(record.party(), cycle, context));
  if (!contact.has_value() || contact->state != State::kReady ||
      attempted.epoch() != context.epoch()) {
    return absl::FailedPreconditionError("not this owner's to send");
  }
  RONDO_ASSIGN_OR_RETURN(const bool consents, HasConsent(record.party(), context));
  contact->state = consents ? State::kClaimed : State::kSuppressed;
  contact->epoch = attempted.epoch();
  ++contact->attempts;
  context.Put(ContactKey(record.party(), cycle), Encode(*contact));
  if (consents) effects_[context.partition()].claimed.push_back({record.party(), cycle});
  return absl::OkStatus();
}

absl::Status SmallLoopProjection::ApplyOutcome(const LogRecord& record, ApplyContext& context) {
  const auto& outcome = record.delivery_outcome();
  const int cycle = outcome.contact().cycle();
  RONDO_ASSIGN_OR_RETURN(auto contact, Find(record.party(), cycle, context));
  if (!contact.has_value() || contact->state != State::kClaimed) {
    return absl::FailedPreconditionError("nothing is claimed");
  }
  const std::string key = ContactKey(record.party(), cycle);
  switch (outcome.state()) {
    case log::v1::DELIVERY_STATE_SENT:
      contact->state = State::kSent;
      RONDO_RETURN_IF_ERROR(Count(absl::StrFormat("%d/sent", cycle), 1, context));
      break;
    case log::v1::DELIVERY_STATE_DEFERRED:
      contact->state = contact->attempts < kAttemptsMax ? State::kPlanned : State::kFailed;
      context.SetTimer(context.partition_time() + kRetryPause, key, "");
      break;
    case log::v1::DELIVERY_STATE_IN_DOUBT:
      contact->state = State::kInDoubt;
      RONDO_RETURN_IF_ERROR(Count(absl::StrFormat("%d/in_doubt", cycle), 1, context));
      break;
    default:
      contact->state = State::kFailed;
  }
  context.Put(key, Encode(*contact));
  return absl::OkStatus();
}

// What an older owner claimed and never settled is in doubt.
absl::Status SmallLoopProjection::ApplyOwner(const LogRecord&, ApplyContext& context) {
  Effects& effects = effects_[context.partition()];
  effects.epoch = context.epoch();
  std::vector<std::pair<std::string, Contact>> claimed;
  const auto cursor = context.Scan(storage::PrefixRange(KeyBuilder().Byte(kContact).view()));
  for (; cursor->Valid(); cursor->Next()) {
    const Contact contact = Decode(cursor->value());
    if (contact.state == State::kClaimed && contact.epoch < context.epoch()) {
      claimed.emplace_back(cursor->key(), contact);
    }
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  for (auto& [key, contact] : claimed) {
    KeyParser parser(key);
    parser.Byte();
    const uint64_t customer = parser.U64();
    const int cycle = static_cast<int>(parser.U32());
    contact.state = options_.break_claims ? State::kReady : State::kInDoubt;
    context.Put(key, Encode(contact));
    if (options_.break_claims) {
      effects.ready.push_back({customer, cycle});
    } else {
      RONDO_RETURN_IF_ERROR(Count(absl::StrFormat("%d/in_doubt", cycle), 1, context));
    }
  }
  return absl::OkStatus();
}

absl::Status SmallLoopProjection::Loaded(int partition, int64_t, const storage::Reader& state) {
  Effects& effects = effects_[partition];
  const auto cursor = state.Scan(storage::PrefixRange(KeyBuilder().Byte(kContact).view()));
  for (; cursor->Valid(); cursor->Next()) {
    if (Decode(cursor->value()).state != State::kReady) continue;
    KeyParser parser(cursor->key());
    parser.Byte();
    const uint64_t customer = parser.U64();
    effects.ready.push_back({customer, static_cast<int>(parser.U32())});
  }
  return cursor->status();
}

void SmallLoopProjection::Committed(int partition, int64_t, bool live) {
  Effects& effects = effects_[partition];
  effects.live = live;
  if (!live) effects.claimed.clear();  // Claims of another life: sent by it or in doubt.
  if (live && !(effects.ready.empty() && effects.claimed.empty())) wake_(partition);
}

std::vector<SmallLoopProjection::Ready> SmallLoopProjection::TakeReady(int partition) {
  return std::exchange(effects_[partition].ready, {});
}

std::vector<SmallLoopProjection::Ready> SmallLoopProjection::TakeClaimed(int partition) {
  return std::exchange(effects_[partition].claimed, {});
}

}  // namespace rondo::sim
