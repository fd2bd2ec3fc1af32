// Web offers of campaigns that a customer's visit may show. They went out when they began to wait,
// but the visit is when they are seen: what was withdrawn, stopped or paused since is left out, and
// what is paused comes back with its campaign.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/catalog/catalog.h"
#include "services/delivery/delivery_store.h"

namespace rondo::delivery {

struct WaitingOffers {
  // The newest first; of each contact its cycle's campaign, and when it stops waiting.
  std::vector<statepb::ContactState> contacts;
  std::vector<rondo::campaign::v1::Campaign> campaigns;
  std::vector<absl::Time> expire_times;
};

// Of `customer`, whose partition's state this is, at `now`. DATA_LOSS for what does not decode.
absl::StatusOr<WaitingOffers> ReadWaitingOffers(const storage::Reader& state,
                                                const catalog::Catalog& catalog,
                                                CustomerId customer, absl::Time now);

}  // namespace rondo::delivery
