// The records that the dispatcher writes of one attempt: the claim, and what became of it.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "channels/outcome.h"
#include "platform/eventlog/event_log.h"
#include "rondo/state/v1/delivery.pb.h"

namespace rondo::delivery {

// That the contact's next attempt is about to be made, by the owner of `epoch`.
eventlog::LogRecord ClaimRecord(const rondo::state::v1::ContactState& contact, int64_t epoch,
                                const std::string& message_id, absl::Time now);

// What the channel answered. A deferral is tried again later: one by the peer until there were
// kAttemptsMax, one without any word of a peer (code 0) until the contact expires by its policy.
eventlog::LogRecord OutcomeRecord(const rondo::state::v1::ContactState& contact,
                                  const SendOutcome& outcome, absl::Time now);

// That a claimed contact is not sent after all.
eventlog::LogRecord SuppressedRecord(const rondo::state::v1::ContactState& contact,
                                     const std::string& reason, absl::Time now);

// The key of the contact that an outcome or a suppression is about.
std::string ContactKeyOfRecord(const eventlog::LogRecord& record);

}  // namespace rondo::delivery
