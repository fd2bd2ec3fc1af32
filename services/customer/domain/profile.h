// A customer's profile: keys, attributes and consents, folded from changes. Pure.
//
// Attributes and consents are folded by effective time, whatever the arrival order. Values are
// opaque bytes here: what they mean is the schema's business, and PII stays sealed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/customer/domain/consent.h"

namespace rondo::customer {

// What is to take effect further ahead than time zones and clocks explain is refused: what comes
// after it would be folded as older for ever.
inline constexpr int64_t kEffectiveAheadMaxMicros = 24LL * 3'600 * 1'000'000;
inline constexpr char kEffectiveAhead[] =
    "is more than a day ahead: give the time when it was said";

enum class PartyKind { kUnspecified = 0, kPerson = 1, kOrganisation = 2, kHousehold = 3 };

// An external key. It is known by its keyed hash; its value may be sealed.
struct Key {
  std::string name_space;
  uint64_t hash = 0;
  std::string value;
  friend bool operator==(const Key&, const Key&) = default;
};

struct AttributeValue {
  std::string name;
  std::string value;  // Empty if it was cleared.
  int64_t effective_micros = 0;
  friend bool operator==(const AttributeValue&, const AttributeValue&) = default;
};

struct Profile {
  PartyKind kind = PartyKind::kUnspecified;
  std::vector<Key> keys;                   // In the order of their claims.
  std::vector<AttributeValue> attributes;  // Sorted by name.
  Consents consents;
  int64_t create_micros = 0;  // Partition time of the first record; 0: the customer is not known.
  int64_t update_micros = 0;  // Partition time of the last record that changed something.
  bool erased = false;
  friend bool operator==(const Profile&, const Profile&) = default;
};

// The current value, or nullptr if there never was one.
const AttributeValue* FindAttribute(const Profile& profile, std::string_view name);

// Sets a value unless a later one is known; of two at one time the one of the greater bytes holds.
// False if that says nothing new.
bool FoldAttribute(Profile& profile, AttributeValue value);

bool HasKey(const Profile& profile, uint64_t hash);

// Forgets the person: only the times are left.
Profile Erase(const Profile& profile, int64_t now_micros);

}  // namespace rondo::customer
