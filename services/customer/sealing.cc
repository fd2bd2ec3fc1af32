#include "services/customer/sealing.h"

#include <sodium.h>

#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::customer {
namespace {

constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(std::tuple_size_v<DataKey> == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(sizeof(DataKey) == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);

// What is authenticated beside the text.
std::string Binding(CustomerId customer, std::string_view field) {
  return storage::KeyBuilder().U64(customer.value()).Raw(field).view();
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string StoreKey(CustomerId customer) {
  return storage::KeyBuilder().U64(customer.value()).Build();
}

absl::StatusOr<DataKey> Decode(std::string_view stored) {
  DataKey key;
  if (stored.size() != key.size()) return absl::DataLossError("key store: a key has a wrong size");
  std::memcpy(key.data(), stored.data(), key.size());
  return key;
}

}  // namespace

RandomBytes SystemRandomBytes() {
  return [](unsigned char* out, size_t size) { randombytes_buf(out, size); };
}

std::string Seal(const DataKey& key, CustomerId customer, std::string_view field,
                 std::string_view text, const RandomBytes& random) {
  std::string sealed(kNonceBytes + text.size() + kTagBytes, '\0');
  auto* out = reinterpret_cast<unsigned char*>(sealed.data());
  random(out, kNonceBytes);
  const std::string binding = Binding(customer, field);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out + kNonceBytes, nullptr, Bytes(text), text.size(),
                                             Bytes(binding), binding.size(), nullptr, out,
                                             key.data());
  return sealed;
}

absl::StatusOr<std::string> Unseal(const DataKey& key, CustomerId customer, std::string_view field,
                                   std::string_view sealed) {
  if (sealed.size() < kNonceBytes + kTagBytes) {
    return absl::DataLossError("a sealed value is too short");
  }
  std::string text(sealed.size() - kNonceBytes - kTagBytes, '\0');
  const std::string binding = Binding(customer, field);
  const int refused = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<unsigned char*>(text.data()), nullptr, nullptr, Bytes(sealed) + kNonceBytes,
      sealed.size() - kNonceBytes, Bytes(binding), binding.size(), Bytes(sealed), key.data());
  if (refused != 0) return absl::DataLossError("a sealed value does not open with its key");
  return text;
}

KeyStore::KeyStore(std::unique_ptr<storage::Store> store, RandomBytes random)
    : store_(std::move(store)), random_(std::move(random)) {}

absl::StatusOr<std::optional<DataKey>> KeyStore::Get(CustomerId customer) const {
  RONDO_ASSIGN_OR_RETURN(const std::optional<std::string> stored, store_->Get(StoreKey(customer)));
  if (!stored.has_value()) return std::nullopt;
  return Decode(*stored);
}

absl::StatusOr<std::vector<DataKey>> KeyStore::GetOrCreate(
    const std::vector<CustomerId>& customers) {
  const std::lock_guard lock(mutex_);
  std::vector<DataKey> keys(customers.size());
  std::vector<size_t> missing;
  for (size_t i = 0; i < customers.size(); ++i) {
    RONDO_ASSIGN_OR_RETURN(const std::optional<DataKey> key, Get(customers[i]));
    if (key.has_value()) {
      keys[i] = *key;
    } else {
      missing.push_back(i);
    }
  }
  if (missing.empty()) return keys;
  // All at once: each asking is a call into the kernel.
  std::vector<DataKey> made(missing.size());
  random_(made.front().data(), made.size() * sizeof(DataKey));
  storage::Batch batch;
  for (size_t i = 0; i < missing.size(); ++i) {
    keys[missing[i]] = made[i];
    batch.Put(StoreKey(customers[missing[i]]),
              std::string_view(reinterpret_cast<const char*>(made[i].data()), made[i].size()));
  }
  RONDO_RETURN_IF_ERROR(store_->Write(batch, storage::Sync::kYes));
  return keys;
}

absl::Status KeyStore::Destroy(CustomerId customer) {
  storage::Batch batch;
  batch.Delete(StoreKey(customer));
  return store_->Write(batch, storage::Sync::kYes);
}

}  // namespace rondo::customer
