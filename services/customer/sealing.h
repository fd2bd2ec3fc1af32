// PII fields are sealed with a key of their customer: destroy the key, and every copy of the
// fields, in logs, states and backups, is noise.
//
// XChaCha20-Poly1305 (libsodium, draft-irtf-cfrg-xchacha-03) with a random 24-byte nonce before the
// text. The customer's id and the field's name are authenticated with it, so that a sealed value
// cannot be moved to another customer or field.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "platform/core/id.h"
#include "platform/storage/store.h"

namespace rondo::customer {

using DataKey = std::array<unsigned char, 32>;

// Fills `size` bytes at `out` with chance that nobody can guess: libsodium's in production, seeded
// in simulations.
using RandomBytes = std::function<void(unsigned char* out, size_t size)>;
RandomBytes SystemRandomBytes();

std::string Seal(const DataKey& key, CustomerId customer, std::string_view field,
                 std::string_view text, const RandomBytes& random);

// DATA_LOSS if `sealed` was not made by Seal with the same key, customer and field.
absl::StatusOr<std::string> Unseal(const DataKey& key, CustomerId customer, std::string_view field,
                                   std::string_view sealed);

// The customers' keys: a store of its own that no log can rebuild and whose backups are short.
// Thread-safe.
class KeyStore {
 public:
  KeyStore(std::unique_ptr<storage::Store> store, RandomBytes random);

  // nullopt if the customer never had a key, or it was destroyed.
  absl::StatusOr<std::optional<DataKey>> Get(CustomerId customer) const;

  // The keys of `customers` (each named once), in their order, made where there is none; all
  // survive loss of power on return. Two callers that create the same customer's key at once get
  // the same one.
  absl::StatusOr<std::vector<DataKey>> GetOrCreate(const std::vector<CustomerId>& customers);

  // The key is gone when this returns OK; so it is if there was none.
  absl::Status Destroy(CustomerId customer);

  const RandomBytes& random() const { return random_; }

 private:
  std::unique_ptr<storage::Store> store_;
  RandomBytes random_;
  std::mutex mutex_;  // Held while keys are made.
};

}  // namespace rondo::customer
