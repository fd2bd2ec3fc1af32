#include "tests/crash/log_ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/str_format.h"
#include "platform/core/rng.h"
#include "platform/core/status_macros.h"

namespace rondo::test {

eventlog::LogRecord RecordOf(uint64_t seed, int payload_bytes) {
  Rng rng(seed);
  eventlog::LogRecord record;
  record.set_party(rng.Next());
  std::string payload(static_cast<size_t>(payload_bytes), '\0');
  for (char& c : payload) c = static_cast<char>(rng.Next());
  record.set_cause(payload);
  return record;
}

void Note(const std::string& file, const Acknowledged& entry) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  RONDO_CHECK(write(descriptor, &entry, sizeof(entry)) == sizeof(entry));
  close(descriptor);
}

std::vector<Acknowledged> ReadLedger(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::vector<Acknowledged> ledger;
  Acknowledged entry;
  while (stream.read(reinterpret_cast<char*>(&entry), sizeof(entry))) ledger.push_back(entry);
  return ledger;
}

absl::Status CheckLedger(const eventlog::EventLog& log, const std::vector<Acknowledged>& ledger) {
  std::map<std::pair<int, int64_t>, const Acknowledged*> expected;
  for (const Acknowledged& entry : ledger) expected[{entry.partition, entry.offset}] = &entry;
  if (expected.size() != ledger.size()) return absl::DataLossError("an offset was given out twice");
  size_t found = 0;
  for (int partition = 0; partition < log.partition_count(); ++partition) {
    for (int64_t offset = 0;;) {
      RONDO_ASSIGN_OR_RETURN(const eventlog::RecordBlock block, log.Read(partition, offset));
      if (block.records.empty()) break;
      for (const eventlog::LogRecord* record : block.records) {
        const auto entry = expected.find({partition, offset++});
        if (entry == expected.end()) continue;
        const eventlog::LogRecord wanted =
            RecordOf(entry->second->seed, entry->second->payload_bytes);
        if (record->party() != wanted.party() || record->cause() != wanted.cause()) {
          return absl::DataLossError(
              absl::StrFormat("another record at %d/%d", partition, offset - 1));
        }
        ++found;
      }
    }
  }
  if (found == ledger.size()) return absl::OkStatus();
  return absl::DataLossError(absl::StrFormat("%d of %d acknowledged records are gone",
                                             ledger.size() - found, ledger.size()));
}

}  // namespace rondo::test
