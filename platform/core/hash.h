// The hashes of the house, each for one purpose. None is for secrets but SipHash (keyed).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rondo {

// The instance's secret key: made once, backed up, never changed. Ids of customers depend on it.
using InstanceKey = std::array<unsigned char, 16>;

// SipHash-2-4 (Aumasson & Bernstein 2012): external keys to ids, addresses to suppression hashes,
// cell assignment.
uint64_t SipHash(const InstanceKey& key, std::string_view bytes);

// CRC-32C (Castagnoli): detects damage to stored bytes. `seed` chains several pieces.
uint32_t Crc32c(std::string_view bytes, uint32_t seed = 0);

// FNV-1a, 64 bits: a stable unkeyed hash for partitioning names that nobody can gain from
// colliding.
constexpr uint64_t Fnv1a(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace rondo
