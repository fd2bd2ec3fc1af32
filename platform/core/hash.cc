#include "platform/core/hash.h"

#include <nmmintrin.h>
#include <sodium/crypto_shorthash.h>

#include <boost/crc.hpp>
#include <cstring>

namespace rondo {
namespace {

static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<InstanceKey>);

__attribute__((target("sse4.2"))) uint32_t Crc32cHardware(std::string_view bytes, uint32_t crc) {
  uint64_t state = crc;
  size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, 8);
    state = _mm_crc32_u64(state, word);
  }
  auto narrow = static_cast<uint32_t>(state);
  for (; i < bytes.size(); ++i) {
    narrow = _mm_crc32_u8(narrow, static_cast<unsigned char>(bytes[i]));
  }
  return narrow;
}

uint32_t Crc32cTable(std::string_view bytes, uint32_t crc) {
  boost::crc_optimal<32, 0x1EDC6F41, 0, 0, true, true> table(crc);
  table.process_bytes(bytes.data(), bytes.size());
  return table.checksum();
}

}  // namespace

uint64_t SipHash(const InstanceKey& key, std::string_view bytes) {
  unsigned char out[crypto_shorthash_BYTES];
  crypto_shorthash(out, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                   key.data());
  uint64_t hash = 0;
  std::memcpy(&hash, out, sizeof hash);
  return hash;
}

uint32_t Crc32c(std::string_view bytes, uint32_t seed) {
  static const bool kHardware = __builtin_cpu_supports("sse4.2") != 0;
  const uint32_t start = ~seed;
  return ~(kHardware ? Crc32cHardware(bytes, start) : Crc32cTable(bytes, start));
}

}  // namespace rondo
