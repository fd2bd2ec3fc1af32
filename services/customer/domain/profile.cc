#include "services/customer/domain/profile.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace rondo::customer {
namespace {

bool NameBefore(const AttributeValue& attribute, std::string_view name) {
  return attribute.name < name;
}

}  // namespace

const AttributeValue* FindAttribute(const Profile& profile, std::string_view name) {
  const auto at =
      std::lower_bound(profile.attributes.begin(), profile.attributes.end(), name, NameBefore);
  return at == profile.attributes.end() || at->name != name ? nullptr : &*at;
}

bool FoldAttribute(Profile& profile, AttributeValue value) {
  const auto at = std::lower_bound(profile.attributes.begin(), profile.attributes.end(), value.name,
                                   NameBefore);
  if (at == profile.attributes.end() || at->name != value.name) {
    profile.attributes.insert(at, std::move(value));
    return true;
  }
  if (std::tie(value.effective_micros, value.value) <= std::tie(at->effective_micros, at->value)) {
    return false;
  }
  *at = std::move(value);
  return true;
}

bool HasKey(const Profile& profile, uint64_t hash) {
  return std::any_of(profile.keys.begin(), profile.keys.end(),
                     [hash](const Key& key) { return key.hash == hash; });
}

Profile Erase(const Profile& profile, int64_t now_micros) {
  Profile erased;
  erased.create_micros = profile.create_micros;
  erased.update_micros = now_micros;
  erased.erased = true;
  return erased;
}

}  // namespace rondo::customer
