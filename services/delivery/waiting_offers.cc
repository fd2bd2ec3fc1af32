#include "services/delivery/waiting_offers.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "channels/web/web_offer.h"
#include "platform/core/clock.h"
#include "platform/core/status_macros.h"
#include "services/delivery/contact_book.h"

namespace rondo::delivery {
namespace {

using rondo::campaign::v1::Campaign;

constexpr absl::Duration kOfferWaitsByDefault = absl::Hours(14 * 24);

// When a web offer stops waiting: with the campaign's longest goal.
absl::Time ExpiryOf(const statepb::ContactState& contact, const Campaign& campaign) {
  absl::Duration longest = absl::ZeroDuration();
  for (const auto& goal : campaign.goals()) {
    longest = std::max(longest, absl::Seconds(goal.within().seconds()));
  }
  if (longest == absl::ZeroDuration()) longest = kOfferWaitsByDefault;
  return FromMicros(contact.due_time_micros()) + longest;
}

// Whether the campaign goes on, and the contact policy would still let the offer be seen.
absl::StatusOr<bool> MayBeSeen(const storage::Reader& state, const catalog::Catalog& catalog,
                               const statepb::ContactState& contact,
                               const statepb::RecipientState& recipient, const Campaign& campaign,
                               absl::Time now) {
  RONDO_ASSIGN_OR_RETURN(const auto stage, ReadCampaignState(state, campaign.name()));
  if (stage == rondo::campaign::v1::CAMPAIGN_STATE_STOPPED ||
      stage == rondo::campaign::v1::CAMPAIGN_STATE_PAUSED) {
    return false;
  }
  rondo::campaign::v1::Policy definition = BuiltInPolicy();
  if (!campaign.policy().empty()) {
    const auto found = catalog.Get(campaign.policy());
    if (found.ok()) definition = found->policy();
    if (!found.ok() && !absl::IsNotFound(found.status())) return found.status();
  }
  policy::ContactFacts facts = FactsOf(contact, recipient, campaign, definition);
  facts.not_after = absl::InfiniteFuture();  // It stops waiting by itself.
  // Caps counted it when it began to wait, and whoever visits is awake.
  const policy::ContactPolicy at_visit = {.requires_consent = definition.require_consent()};
  return policy::Rule(at_visit, facts, {}, now).verdict == policy::Verdict::kAllow;
}

}  // namespace

absl::StatusOr<WaitingOffers> ReadWaitingOffers(const storage::Reader& state,
                                                const catalog::Catalog& catalog,
                                                CustomerId customer, absl::Time now) {
  RONDO_ASSIGN_OR_RETURN(const statepb::RecipientState recipient, ReadRecipient(state, customer));
  std::vector<WebOffer> offers;
  std::map<std::string, std::pair<statepb::ContactState, Campaign>> by_id;
  const auto cursor = state.Scan(ContactsOf(customer));
  for (; cursor->Valid(); cursor->Next()) {
    statepb::ContactState contact;
    if (!contact.ParseFromArray(cursor->value().data(), static_cast<int>(cursor->value().size()))) {
      return absl::DataLossError("delivery: a stored contact does not decode");
    }
    if (contact.channel() != "web" || contact.phase() != statepb::CONTACT_PHASE_SENT) continue;
    RONDO_ASSIGN_OR_RETURN(
        auto campaign, ReadCycle(state, contact.contact().campaign(), contact.contact().cycle()));
    if (!campaign.has_value()) continue;
    RONDO_ASSIGN_OR_RETURN(const bool seen,
                           MayBeSeen(state, catalog, contact, recipient, *campaign, now));
    if (!seen) continue;
    const std::string id(cursor->key());
    offers.push_back({.id = id,
                      .start_time = FromMicros(contact.sent_time_micros()),
                      .expire_time = ExpiryOf(contact, *campaign)});
    by_id.emplace(id, std::pair(std::move(contact), *std::move(campaign)));
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  WaitingOffers waiting;
  for (const WebOffer& offer : WaitingAt(std::move(offers), now)) {
    auto& [contact, campaign] = by_id.at(offer.id);
    waiting.contacts.push_back(std::move(contact));
    waiting.campaigns.push_back(std::move(campaign));
    waiting.expire_times.push_back(offer.expire_time);
  }
  return waiting;
}

}  // namespace rondo::delivery
