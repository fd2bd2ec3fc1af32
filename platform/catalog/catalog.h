// The catalogue: every definition by name, with versions, etags and who uses what.
//
// A new version is proposed in the partition of its name and, once accepted there, activated in
// every partition by an emission that carries it whole. So each partition's log can be read alone,
// and a service reads definitions with the same order as everything else.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/eventlog/projection.h"
#include "platform/eventlog/runtime.h"
#include "rondo/log/v1/definitions.pb.h"

namespace rondo::catalog {

using Definition = ::rondo::log::v1::Definition;

// Limits: of one definition's bytes, and of definitions a page.
inline constexpr size_t kMaxDefinitionBytes = eventlog::kMaxRecordBytes - 4'096;
inline constexpr int kMaxPageSize = 1'000;

// `"3"`: the etag of a version, as HTTP writes it.
std::string EtagOf(int64_t version);
// -1 for an empty etag (overwrite). INVALID_ARGUMENT for text that EtagOf never writes.
absl::StatusOr<int64_t> VersionOf(std::string_view etag);

struct PutOptions {
  int64_t expected_version = -1;  // 0: must be new; -1: whatever is there.
  std::string request_id;
  std::string author;
};

struct Page {
  std::vector<Definition> definitions;  // Current versions, by name.
  std::string next_after;               // Empty on the last page; else pass as `after`.
};

// Thread-safe. Reads are of memory; the projection named `catalog` keeps all versions in its store.
class Catalog final : public eventlog::Projection {
 public:
  Catalog();
  ~Catalog() override;
  // After Runtime::Add(catalog), before use.
  void Attach(eventlog::Runtime& runtime);

  // Proposes `definition` (name, references and body filled in) and returns it as activated, with
  // its version, once every partition has it. ALREADY_EXISTS for expected_version 0 and a taken
  // name; ABORTED for another version than expected; NOT_FOUND for a version expected of nothing;
  // FAILED_PRECONDITION, naming the missing ones, if a reference does not exist; a definition whose
  // content equals the current one makes no new version. DEADLINE_EXCEEDED if it is accepted but a
  // partition does not come to apply it: the same call again finds it.
  // References are checked where the name lives: of two writers at once, one that removes a
  // definition and one that begins to use it, both may be accepted; a reader of a reference
  // therefore still answers when it is gone.
  absl::StatusOr<Definition> Put(Definition definition, const PutOptions& options);
  // FAILED_PRECONDITION, naming the users, while other definitions refer to it. Versions stay
  // readable by number; the name can be used again.
  absl::Status Remove(std::string_view name, const PutOptions& options);

  // NOT_FOUND if absent or deleted. `version` 0 is the current one; older ones stay readable when
  // the name is deleted.
  absl::StatusOr<Definition> Get(std::string_view name, int64_t version = 0) const;
  // Current definitions whose names start with `collection` (`segments/`), by name.
  Page List(std::string_view collection, std::string_view after, int page_size) const;
  // All of them at once.
  std::vector<Definition> ListAll(std::string_view collection) const;
  // Names of current definitions that refer to `name`, sorted.
  std::vector<std::string> UsersOf(std::string_view name) const;

  // `on_change(definition)` after each activation, live and on replay, from any lane, once, in
  // order of versions; a deletion comes as a version with `deleted`. It must not call Put or
  // Remove. For views in memory such as compiled rules; state that must be deterministic reads
  // DefinitionActivated in its own Apply. Before Runtime::Start.
  void Subscribe(std::function<void(const Definition&)> on_change);

  std::string_view name() const override { return "catalog"; }
  int state_version() const override { return 1; }
  absl::Status Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) override;
  void Committed(int partition, int64_t next_offset, bool live) override;
  absl::Status Loaded(int partition, int64_t next_offset, const storage::Reader& state) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The definitions that a service's Apply needs, kept in its own state: call Apply for each record
// that holds DefinitionActivated of the collections wanted, read with Get. Table byte: `table`.
class DefinitionTable {
 public:
  explicit DefinitionTable(uint8_t table, std::vector<std::string> collections);
  // Whether `record` was an activation of interest (then it was stored).
  absl::StatusOr<bool> Apply(const eventlog::LogRecord& record,
                             eventlog::ApplyContext& context) const;
  // nullopt if absent or deleted.
  absl::StatusOr<std::optional<Definition>> Get(std::string_view name,
                                                const eventlog::ApplyContext& context) const;

 private:
  uint8_t table_;
  std::vector<std::string> collections_;
};

}  // namespace rondo::catalog
