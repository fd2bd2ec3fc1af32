// What an attempt to send is called, and when the next one is due: pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "platform/core/hash.h"
#include "platform/core/id.h"
#include "policy/contact_policy.h"
#include "rondo/campaign/v1/campaign.pb.h"
#include "rondo/response/v1/event.pb.h"

namespace rondo::delivery {

inline constexpr int kAttemptsMax = 8;

// 32 hexadecimal digits: HMAC-SHA-256, cut to 128 bits, of campaign, cycle, step, occurrence and
// customer with the instance key. The same for every attempt, so that a receiver may drop a repeat
// and that bounces, receipts and replies find their contact.
std::string DeliveryId(const InstanceKey& key, const rondo::response::v1::ContactKey& contact,
                       CustomerId customer);

// How long to wait after attempt number `attempt` (from 1) was deferred: 5 minutes, doubling, at
// most 4 hours, spread by up to a fifth either way by `spread`, any number that differs between
// contacts, so that a peer that comes back is not met by all at once.
absl::Duration RetryDelay(int attempt, uint64_t spread);

// The definition as policy/ understands it. The built-in policy is the default one: consent and
// suppression only.
policy::ContactPolicy ToContactPolicy(const rondo::campaign::v1::Policy& definition);

policy::MessageClass ToMessageClass(rondo::campaign::v1::MessageClass message_class);

}  // namespace rondo::delivery
