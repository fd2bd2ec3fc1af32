// The contact policy: may this contact go out now, later, or never?
//
// Pure: everything that is known comes in, a verdict with one reason goes out. Reasons are checked
// in the order of the enum, the most final first, so that the same facts always give the same
// reason. A deferral's time is the first instant at which nothing that is known today would stop
// the contact; if that lies after the contact's last useful moment, it is refused for the same
// reason.
//
// By message class:
//   marketing      everything applies
//   service        all but consent, unsubscription and caps
//   transactional  erased, parked and expiry
//   mandatory      as transactional (a recall notice reaches who unsubscribed)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "policy/consent.h"

namespace rondo::policy {

enum class MessageClass { kMarketing, kService, kTransactional, kMandatory };

enum class Verdict { kAllow, kDefer, kRefuse };

// Why a contact does not go out now. Stored and shown by ReasonName.
enum class Reason {
  kNone,
  kErased,        // The customer was erased.
  kParked,        // A record of the customer could not be applied; nothing goes out until settled.
  kUnsubscribed,  // Opted out of this channel, purpose and business unit.
  kComplained,    // Reported a message as spam.
  kNoConsent,     // Never asked, or the answer is not known.
  kQuarantined,   // The address bounces; waiting for it to recover.
  kExpired,       // Past the contact's last useful moment.
  kFrequencyCap,
  kQuietHours,
};

// Snake case, stable: `frequency_cap`; `none` for kNone.
std::string_view ReasonName(Reason reason);

// What becomes of a contact above a cap: it waits until the cap allows it, or it is dropped if the
// cap does not allow it at the moment when all else does.
enum class WhenCapped { kDefer, kRefuse };

// At most `limit` contacts in any `window` (rolling: a contact exactly `window` ago no longer
// counts), among those that match. A limit of 0 means none at all; no limit: leave the cap away.
struct FrequencyCap {
  std::string channel = {};        // Counts only this channel; empty: all channels together.
  std::string purpose = {};        // Counts only this purpose; empty: all.
  std::string business_unit = {};  // Counts only this business unit; empty: all.
  int limit = 0;                   // >= 0.
  absl::Duration window;           // > 0.
  WhenCapped when_capped = WhenCapped::kDefer;
  friend bool operator==(const FrequencyCap&, const FrequencyCap&) = default;
};

// No contact from `start` until `end` by the clock on the customer's wall. `start` > `end` spans
// midnight; `start` == `end` means no quiet hours.
struct QuietHours {
  int start_minute = 0;  // Minutes after 00:00, in [0, 1440).
  int end_minute = 0;
  std::string channel = {};  // Only for this channel; empty: for all.
  friend bool operator==(const QuietHours&, const QuietHours&) = default;
};

struct ContactPolicy {
  std::vector<FrequencyCap> caps = {};
  std::vector<QuietHours> quiet_hours = {};
  // Marketing needs consent granted; false: it is enough that it was not withdrawn.
  bool requires_consent = true;
  friend bool operator==(const ContactPolicy&, const ContactPolicy&) = default;
};

// INVALID_ARGUMENT naming the field, for a window that is not positive, a negative limit, or a
// minute of the day outside [0, 1440); or quiet hours that together leave a channel no minute.
absl::Status Validate(const ContactPolicy& policy);

// What consent is given, asked and withdrawn for where nothing else is said.
inline constexpr char kDefaultPurpose[] = "marketing";

// A contact that went out (or may have: in doubt counts), of any campaign.
struct CountedContact {
  absl::Time time;
  std::string channel = {};
  std::string purpose = {};
  std::string business_unit = {};
};

// The contact asked about, and all that is known of its customer.
struct ContactFacts {
  MessageClass message_class = MessageClass::kMarketing;
  std::string channel = {};
  std::string purpose = {};
  std::string business_unit = {};
  absl::Time not_after = absl::InfiniteFuture();   // No use after this instant.
  absl::TimeZone time_zone = absl::UTCTimeZone();  // The customer's, or the campaign's default.
  Consent consent = Consent::kUnknown;             // For this channel, purpose and business unit.
  bool is_erased = false;
  bool is_parked = false;
  bool has_complained = false;
  bool is_quarantined = false;
};

struct Ruling {
  Verdict verdict = Verdict::kAllow;
  Reason reason = Reason::kNone;                   // kNone exactly when allowed.
  absl::Time retry_time = absl::InfiniteFuture();  // When deferred: the first instant to ask again.
  friend bool operator==(const Ruling&, const Ruling&) = default;
};

// `policy` must be valid. `contacts` are those that count for caps, in any order (by custom: the
// marketing ones). One that lies after `now` counts too: a planned contact of higher priority
// reserves its place in the window.
Ruling Rule(const ContactPolicy& policy, const ContactFacts& facts,
            std::span<const CountedContact> contacts, absl::Time now);

}  // namespace rondo::policy
