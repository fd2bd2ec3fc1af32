// Consent as it is folded: for each channel, purpose and business unit the latest word holds, by
// the time when the customer said it, whatever the order in which we heard. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rondo::customer {

struct Consent {
  std::string channel;        // `email`, `sms`, `web`, `call`; `*` for every channel.
  std::string purpose;        // `marketing`, `service`; `*` for every purpose.
  std::string business_unit;  // Empty for every business unit.
  bool granted = false;
  int64_t effective_micros = 0;  // When the customer said so.
  std::string source;            // Where it was said: `import`, `one-click`.
  std::string text_version;      // Of the text agreed to.
  friend bool operator==(const Consent&, const Consent&) = default;
};

// Sorted by (channel, purpose, business unit), one each.
using Consents = std::vector<Consent>;

// Whether `newer` replaces `current`, which is about the same thing: it is later, or as late and
// a withdrawal of what was granted. Of two that differ only in source or text the greater text
// wins, so that the fold does not depend on the order.
bool Supersedes(const Consent& newer, const Consent& current);

// Folds `consent` in. False if it says nothing new.
bool Fold(Consents& consents, Consent consent);

}  // namespace rondo::customer
