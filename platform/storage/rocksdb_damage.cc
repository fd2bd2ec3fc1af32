// Finds damaged places in RocksDB's files. Its write-ahead logs and manifests share one format
// (github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format): blocks of 32 KiB, each a sequence
// of checksummed fragments; tables are checked by RocksDB's own reader.
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_format.h"
#include "platform/core/hash.h"
#include "platform/storage/rocksdb_store.h"

namespace rondo::storage {
namespace {

constexpr size_t kBlockBytes = 32'768;
constexpr size_t kHeaderBytes = 7;  // Masked CRC-32C (4), length (2), type (1).
constexpr uint8_t kLastKnownType = 10;

uint32_t LittleEndian(std::string_view bytes, size_t at, size_t count) {
  uint32_t value = 0;
  for (size_t i = count; i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

// Stored checksums are rotated and offset, so that a checksum of checksums is not degenerate.
uint32_t Unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xa282ead8u;
  return (rotated >> 17) | (rotated << 15);
}

// Whether a whole, valid fragment begins at `at`.
bool IsFragment(std::string_view bytes, size_t at) {
  const size_t left_in_block = kBlockBytes - at % kBlockBytes;
  if (left_in_block < kHeaderBytes || bytes.size() - at < kHeaderBytes) return false;
  const uint32_t length = LittleEndian(bytes, at + 4, 2);
  const auto type = static_cast<uint8_t>(bytes[at + 6]);
  if (type == 0 || type > kLastKnownType || kHeaderBytes + length > left_in_block ||
      bytes.size() - at < kHeaderBytes + length) {
    return false;
  }
  return Crc32c(bytes.substr(at + 6, 1 + length)) == Unmask(LittleEndian(bytes, at, 4));
}

// A fragment at `at` ends beyond the file: torn by a crash, if nothing valid follows; else its
// length is damaged. What follows is at most one block.
bool IsTornTail(std::string_view bytes, size_t at) {
  for (size_t next = at + 1; next < bytes.size(); ++next) {
    if (IsFragment(bytes, next)) return false;
  }
  return true;
}

// The first damage of a file in the format of write-ahead logs.
void CheckLogFile(const std::string& file, bool report_torn_tail,
                  std::vector<FileDamage>& damages) {
  std::ifstream stream(file, std::ios::binary);
  std::stringstream buffer;
  buffer << stream.rdbuf();
  const std::string bytes = std::move(buffer).str();
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t left_in_block = kBlockBytes - at % kBlockBytes;
    if (left_in_block < kHeaderBytes) {  // A block's trailer.
      at += left_in_block;
      continue;
    }
    const auto cut = [&] {
      if (!IsTornTail(bytes, at)) {
        damages.push_back({file, static_cast<int64_t>(at), "a record's length is damaged"});
      } else if (report_torn_tail) {
        damages.push_back({file, static_cast<int64_t>(at), "the last record is torn"});
      }
    };
    if (bytes.size() - at < kHeaderBytes) return cut();
    const uint32_t length = LittleEndian(bytes, at + 4, 2);
    const auto type = static_cast<uint8_t>(bytes[at + 6]);
    if (type == 0 && length == 0) {
      // Preallocated and never written: nothing but zeroes follows.
      const bool zeroes = bytes.find_first_not_of('\0', at) == std::string::npos;
      if (!zeroes) damages.push_back({file, static_cast<int64_t>(at), "a record was zeroed"});
      return;
    }
    if (kHeaderBytes + length > left_in_block || type > kLastKnownType) {
      damages.push_back({file, static_cast<int64_t>(at), "a record's header is damaged"});
      return;
    }
    if (bytes.size() - at < kHeaderBytes + length) return cut();
    if (!IsFragment(bytes, at)) {
      damages.push_back({file, static_cast<int64_t>(at), "a record's checksum does not match"});
      return;
    }
    at += kHeaderBytes + length;
  }
}

void CheckTable(const std::string& file, std::vector<FileDamage>& damages) {
  rocksdb::SstFileReader reader{rocksdb::Options()};
  rocksdb::Status status = reader.Open(file);
  if (status.ok()) status = reader.VerifyChecksum();
  if (status.ok()) return;
  // "... block checksum mismatch: stored = 1, computed = 2, type = 1 in FILE offset 812 size 99"
  const std::string text = status.ToString();
  int64_t offset = -1;
  const size_t found = text.find("offset ");
  if (found != std::string::npos) std::istringstream(text.substr(found + 7)) >> offset;
  damages.push_back({file, offset, text});
}

void CheckCurrent(const std::string& folder, std::vector<FileDamage>& damages) {
  const std::string file = folder + "/CURRENT";
  std::ifstream stream(file);
  std::string manifest;
  std::getline(stream, manifest);
  if (!std::filesystem::exists(file)) {
    damages.push_back({file, -1, "the file is missing"});
  } else if (manifest.rfind("MANIFEST-", 0) != 0 ||
             !std::filesystem::exists(folder + "/" + manifest)) {
    damages.push_back({file, 0, "it names no manifest of this folder"});
  }
}

// In order of name.
std::vector<std::filesystem::path> FilesOf(const std::string& folder,
                                           std::vector<FileDamage>& damages) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    files.push_back(entry.path());
  }
  if (error) damages.push_back({folder, -1, error.message()});
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<FileDamage> FindRocksDbDamage(const std::string& folder, bool report_torn_tail) {
  std::vector<FileDamage> damages;
  const std::vector<std::filesystem::path> files = FilesOf(folder, damages);
  if (!damages.empty()) return damages;
  CheckCurrent(folder, damages);
  for (const auto& file : files) {
    if (file.filename().string().rfind("MANIFEST-", 0) == 0) {
      CheckLogFile(file.string(), /*report_torn_tail=*/false, damages);
    } else if (file.extension() == ".log") {
      CheckLogFile(file.string(), report_torn_tail, damages);
    } else if (file.extension() == ".sst") {
      CheckTable(file.string(), damages);
    }
  }
  return damages;
}

std::vector<FileDamage> FindWriteAheadLogDamage(const std::string& folder, bool report_torn_tail) {
  std::vector<FileDamage> damages;
  for (const auto& file : FilesOf(folder, damages)) {
    if (file.extension() == ".log") CheckLogFile(file.string(), report_torn_tail, damages);
  }
  return damages;
}

}  // namespace rondo::storage
