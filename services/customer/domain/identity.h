// How a customer gets its id. Pure.
//
// An id is 12 slot bits, then 52 bits of a keyed hash of the first external key, so that id to
// partition is computed. When the id is taken (two keys hash alike, or its owner was erased), the
// next one within the slot is tried: an erased id never returns.
#pragma once

#include <functional>
#include <string_view>

#include "absl/status/statusor.h"
#include "platform/core/hash.h"
#include "platform/core/id.h"

namespace rondo::customer {

// SipHash of `namespace:value`: names the key in state and log, where its value may be sealed.
uint64_t HashOfKey(const InstanceKey& instance_key, std::string_view name_space,
                   std::string_view value);

// How many ids of a slot are tried for one key.
inline constexpr int kMaxProbes = 64;

// The first id for `key_hash` that is not `taken`. RESOURCE_EXHAUSTED after kMaxProbes; an error of
// `taken` is handed on.
absl::StatusOr<CustomerId> FirstFreeId(
    uint64_t key_hash, const std::function<absl::StatusOr<bool>(CustomerId)>& taken);

// Whether keys of this namespace identify a person by themselves, so that their values are sealed.
bool IsPersonalNamespace(std::string_view name_space);

// INVALID_ARGUMENT unless the namespace is lower_snake_case of at most 63 characters and the value
// has 1 to 255 bytes without control characters. `field` is named in the error.
absl::Status ValidateKey(std::string_view field, std::string_view name_space,
                         std::string_view value);

// lower_snake_case, beginning with a letter, at most 63 characters: names of attributes, types of
// events, namespaces.
bool IsSnakeName(std::string_view name);

}  // namespace rondo::customer
