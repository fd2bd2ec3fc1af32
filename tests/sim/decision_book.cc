#include "tests/sim/decision_book.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace rondo::sim {

const OfferPlan* DecisionBook::Find(const std::string& name) const {
  const auto found = std::find_if(offers_.begin(), offers_.end(),
                                  [&name](const OfferPlan& offer) { return offer.name == name; });
  return found == offers_.end() ? nullptr : &*found;
}

std::string DecisionBook::Answered(uint64_t customer, const kit::Person& person,
                                   const Choice& choice, absl::Time asked, absl::Time answered) {
  const std::string name = absl::StrFormat("decision of customer %016x: ", customer);
  if (erased_.contains(customer)) {
    return choice.proposed.empty() ? "" : name + "an offer for somebody who was erased";
  }
  const auto complaint = complaints_.find(customer);
  const bool may_have_complained = complaint != complaints_.end();
  if (may_have_complained && asked > complaint->second + kGrace && !choice.proposed.empty()) {
    return name + "an offer for somebody who complained";
  }
  Made made{.customer = customer, .choice = choice};
  size_t always = 0;
  for (const OfferPlan& offer : offers_) {
    const bool then = offer.IsFor(person, asked);
    if (then || offer.IsFor(person, answered)) made.eligible.insert(offer.name);
    if (then && offer.IsFor(person, answered)) ++always;
  }
  if (!may_have_complained && choice.proposed.size() < std::min<size_t>(always, 2)) {
    return name + "an offer is missing";
  }
  for (const Choice::Proposed& proposed : choice.proposed) {
    if (Find(proposed.offer) == nullptr || !made.eligible.contains(proposed.offer)) {
      return name + proposed.offer + " was proposed to somebody who is not eligible";
    }
    if (!(proposed.probability > 0.0 && proposed.probability <= 1.0)) {
      return absl::StrFormat("%sprobability %g", name, proposed.probability);
    }
  }
  if (choice.decision.empty()) return choice.proposed.empty() ? "" : name + "it has no name";
  const auto [first, is_new] = choices_.emplace(choice.decision, made);
  return is_new || first->second.choice == choice ? "" : name + "a repeat was answered otherwise";
}

void DecisionBook::PowerLost(const LogView& log) {
  std::erase_if(choices_, [&](const auto& made) { return !log.decisions.contains(made.first); });
  std::erase_if(replies_, [&](const auto& reply) { return !log.answers.contains(reply); });
}

std::string DecisionBook::CheckLog(const LogView& log) const {
  for (const auto& [name, made] : choices_) {
    const auto logged = log.decisions.find(name);
    if (logged == log.decisions.end()) return name + " was answered and is lost";
    const Decided& decided = logged->second;
    const auto returned =
        decided.candidates.begin() +
        static_cast<ptrdiff_t>(std::min(decided.returned, decided.candidates.size()));
    const bool is_same = decided.customer == made.customer &&
                         std::equal(decided.candidates.begin(), returned,
                                    made.choice.proposed.begin(), made.choice.proposed.end());
    if (!is_same) return name + " was answered otherwise than the log says";
    double sum = 0.0;
    for (const Choice::Proposed& candidate : decided.candidates) {
      if (!made.eligible.contains(candidate.offer)) {
        return name + ": " + candidate.offer + " was a candidate, though not eligible";
      }
      sum += candidate.probability;
    }
    if (std::abs(sum - 1.0) > 1e-9) {
      return absl::StrFormat("%s: the probabilities of its candidates add up to %.12f", name, sum);
    }
  }
  for (const PropositionAnswer& reply : replies_) {
    if (log.answers.contains(reply)) continue;
    return absl::StrFormat("a reply to %s about %s was acknowledged and is lost", reply.decision,
                           reply.offer);
  }
  return "";
}

std::string DecisionBook::CheckCounts(const Figures& counts, const LogView& log) const {
  Figures expected;
  std::set<std::pair<std::string, std::string>> shown;
  std::set<std::pair<std::string, std::string>> good;
  for (const PropositionAnswer& reply : replies_) {
    if (!log.decisions.contains(reply.decision)) continue;
    if (shown.emplace(reply.decision, reply.offer).second) ++expected["shown/" + reply.offer];
    const bool is_good = reply.reply == Reply::kClicked || reply.reply == Reply::kAccepted;
    if (is_good && good.emplace(reply.decision, reply.offer).second) {
      ++expected["good/" + reply.offer];
    }
  }
  for (const OfferPlan& offer : offers_) {
    for (const char* metric : {"shown/", "good/"}) {
      const auto at = [&](const Figures& figures) {
        const auto found = figures.find(metric + offer.name);
        return found == figures.end() ? int64_t{0} : found->second;
      };
      if (at(counts) == at(expected)) continue;
      return absl::StrFormat("%s%s is %d, a recount %d", metric, offer.name, at(counts),
                             at(expected));
    }
  }
  return "";
}

}  // namespace rondo::sim
