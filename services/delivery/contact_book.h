// One record's changes to contacts: keeps the indexes, the counts and the timers in step with each
// contact's phase, and asks the contact policy.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "platform/catalog/catalog.h"
#include "platform/eventlog/projection.h"
#include "policy/contact_policy.h"
#include "services/delivery/delivery_store.h"

namespace rondo::delivery {

// What is to become of a contact now.
struct Judgement {
  enum class Kind { kAllow, kDefer, kRefuse, kPaused };
  Kind kind = Kind::kAllow;
  std::string reason = {};
  absl::Time retry_time = absl::InfiniteFuture();
  // For counting, if it is allowed.
  bool counts = false;
  std::string purpose = {};
  std::string business_unit = {};
};

// Sent or not: nobody knows, and evidence settles it, however late; also of one that waits to be
// sent again, or could not be.
inline bool IsOpenDoubt(const statepb::ContactState& contact) {
  switch (contact.phase()) {
    case statepb::CONTACT_PHASE_IN_DOUBT:
    case statepb::CONTACT_PHASE_UNKNOWN:
      return true;
    case statepb::CONTACT_PHASE_CLAIMED:
    case statepb::CONTACT_PHASE_SENT:
      return false;
    default:
      return contact.may_have_gone_out();
  }
}

// An open doubt of which something came back: its outcome is in the log, or about to be, and it is
// not to be sent again.
inline bool IsProved(const statepb::ContactState& contact) {
  return IsOpenDoubt(contact) && (contact.receipt() != 0 || !contact.evidence().empty());
}

// For one record; not thread-safe.
class ContactBook {
 public:
  ContactBook(eventlog::ApplyContext& context, const catalog::DefinitionTable& policies)
      : context_(context), policies_(policies) {}

  absl::StatusOr<std::optional<statepb::ContactState>> Get(std::string_view key) const;
  // NOT_FOUND if it was never planned.
  absl::StatusOr<statepb::ContactState> Find(std::string_view key) const;
  absl::StatusOr<statepb::RecipientState> Recipient(CustomerId customer) const;
  // Stores a contact whose phase stays as it is.
  void Put(std::string_view key, const statepb::ContactState& contact);
  void PutRecipient(CustomerId customer, const statepb::RecipientState& recipient);

  // A new contact, waiting until `due`.
  absl::Status Add(std::string_view key, statepb::ContactState contact, absl::Time due);

  // Each moves the contact out of its phase into another, and stores it.
  absl::Status Wait(std::string_view key, statepb::ContactState& contact, absl::Time until);
  absl::Status Pause(std::string_view key, statepb::ContactState& contact);
  absl::Status MakeReady(std::string_view key, statepb::ContactState& contact);
  absl::Status Claim(std::string_view key, statepb::ContactState& contact,
                     const Judgement& judgement);
  // Until its timer: to be sent again if the campaign sends at least once, else to be unknown. A
  // receipt or another evidence that is known already settles it at once.
  absl::Status Doubt(std::string_view key, statepb::ContactState& contact);
  // An event of this type came back for it, which proves that it went out: settles a doubt, and is
  // kept: for a claim that comes before that is read back, or for the doubt that may begin when a
  // claim ends without an answer.
  void NoteEvidence(std::string_view key, statepb::ContactState contact, const std::string& type);
  // Emits the outcome of an open doubt of which something came back; else nothing.
  void SettleByEvidence(const statepb::ContactState& contact);
  // Its timer has come.
  absl::Status EndDoubt(std::string_view key, statepb::ContactState& contact);
  // Into a phase without index: sent, failed, suppressed, control.
  absl::Status End(std::string_view key, statepb::ContactState& contact,
                   statepb::ContactPhase phase);

  // Takes what the policy says now into effect for a contact that is due: ready, waiting, paused or
  // suppressed (then emits ContactSuppressed).
  absl::Status Meet(std::string_view key, statepb::ContactState& contact);
  absl::StatusOr<Judgement> Judge(const statepb::ContactState& contact) const;
  absl::Status Follow(const Judgement& judgement, std::string_view key,
                      statepb::ContactState& contact);

  // It did not go out after all: frequency caps forget it, unless an earlier attempt may have.
  absl::Status Uncount(std::string_view key, const statepb::ContactState& contact);

  void EmitSuppressed(const statepb::ContactState& contact, const std::string& reason, bool shadow);
  void EmitOutcome(const statepb::ContactState& contact, rondo::log::v1::DeliveryState state,
                   const std::string& evidence);

 private:
  void EmitProved(const statepb::ContactState& contact, const std::string& type);
  absl::StatusOr<statepb::ContactCounts> Counts() const;
  absl::StatusOr<bool> SendsAgain(const statepb::ContactState& contact) const;
  absl::Status Move(std::string_view key, statepb::ContactState& contact,
                    statepb::ContactPhase phase, absl::Time index_time);

  eventlog::ApplyContext& context_;
  const catalog::DefinitionTable& policies_;
};

// What consent the contact needs, and its way out withdraws.
std::string PurposeOf(const statepb::ContactState& contact);

// The contact policy of a campaign that names none.
rondo::campaign::v1::Policy BuiltInPolicy();

// All that is known of the contact and its customer; of use until the policy's `defer_at_most`
// after it was due.
policy::ContactFacts FactsOf(const statepb::ContactState& contact,
                             const statepb::RecipientState& recipient,
                             const rondo::campaign::v1::Campaign& campaign,
                             const rondo::campaign::v1::Policy& policy);

// Timers of contacts and of campaigns that go on.
std::string ContactTimer(std::string_view contact);
std::string CampaignTimer(std::string_view campaign);
// Nothing if `timer` is of the other kind.
std::optional<std::string_view> ContactOfTimer(std::string_view timer);
std::optional<std::string_view> CampaignOfTimer(std::string_view timer);

}  // namespace rondo::delivery
