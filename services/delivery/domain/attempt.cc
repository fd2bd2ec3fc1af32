#include "services/delivery/domain/attempt.h"

#include <sodium.h>

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace rondo::delivery {
namespace {

constexpr absl::Duration kFirstRetry = absl::Minutes(5);
constexpr absl::Duration kLongestRetry = absl::Hours(4);
constexpr size_t kIdBytes = 16;

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

}  // namespace

std::string DeliveryId(const InstanceKey& key, const rondo::response::v1::ContactKey& contact,
                       CustomerId customer) {
  const std::string text = absl::StrFormat("%s|%d|%s|%d|%016x", contact.campaign(), contact.cycle(),
                                           contact.step(), contact.occurrence(), customer.value());
  unsigned char mac[crypto_auth_hmacsha256_BYTES];
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(text.data()),
                                text.size());
  crypto_auth_hmacsha256_final(&state, mac);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(mac), kIdBytes));
}

absl::Duration RetryDelay(int attempt, uint64_t spread) {
  const int doublings = std::clamp(attempt - 1, 0, 10);
  const absl::Duration delay = std::min(kFirstRetry * (1 << doublings), kLongestRetry);
  // In [0.8, 1.2).
  return delay * (0.8 + 0.4 * static_cast<double>(spread % 1'000) / 1'000.0);
}

policy::ContactPolicy ToContactPolicy(const rondo::campaign::v1::Policy& definition) {
  policy::ContactPolicy policy;
  policy.requires_consent = definition.require_consent();
  for (const auto& cap : definition.caps()) {
    policy.caps.push_back(
        {.channel = cap.channel(),
         .purpose = cap.purpose(),
         .limit = cap.max_contacts(),
         .window = ToDuration(cap.window()),
         .when_capped = definition.cap_action() == rondo::campaign::v1::CAP_ACTION_DEFER
                            ? policy::WhenCapped::kDefer
                            : policy::WhenCapped::kRefuse});
  }
  if (definition.has_quiet_hours()) {
    policy.quiet_hours.push_back({.start_minute = definition.quiet_hours().start_minute(),
                                  .end_minute = definition.quiet_hours().end_minute()});
  }
  return policy;
}

policy::MessageClass ToMessageClass(rondo::campaign::v1::MessageClass message_class) {
  switch (message_class) {
    case rondo::campaign::v1::MESSAGE_CLASS_TRANSACTIONAL:
      return policy::MessageClass::kTransactional;
    case rondo::campaign::v1::MESSAGE_CLASS_SERVICE:
      return policy::MessageClass::kService;
    case rondo::campaign::v1::MESSAGE_CLASS_MANDATORY:
      return policy::MessageClass::kMandatory;
    default:
      return policy::MessageClass::kMarketing;
  }
}

}  // namespace rondo::delivery
