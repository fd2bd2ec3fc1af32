#include "platform/catalog/catalog.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "absl/strings/str_format.h"
#include "platform/catalog/catalog_state.h"
#include "platform/core/field_error.h"
#include "platform/core/status_macros.h"

namespace rondo::catalog {
namespace {
// How long Put waits for all partitions to have what was accepted.
constexpr absl::Duration kActivationTimeout = absl::Seconds(30);
}  // namespace

std::string EtagOf(int64_t version) { return absl::StrFormat("\"%d\"", version); }

absl::StatusOr<int64_t> VersionOf(std::string_view etag) {
  if (etag.empty()) return -1;
  int64_t version = 0;
  const char* end = etag.data() + etag.size();
  if (etag.size() >= 3 && etag.front() == '"' && etag.back() == '"') {
    const auto [stopped, error] = std::from_chars(etag.data() + 1, end - 1, version);
    if (error == std::errc() && stopped == end - 1 && version > 0 && EtagOf(version) == etag) {
      return version;
    }
  }
  return FieldError("etag", "is not one that was read here: read the resource again");
}

struct Catalog::Impl {
  struct Entry {
    std::map<int64_t, Definition> versions;
    std::map<int, int64_t> by_partition;  // The newest that each partition has.
    const Definition* current() const {
      const Definition& newest = versions.rbegin()->second;
      return newest.deleted() ? nullptr : &newest;
    }
  };

  void Publish(int partition, const Definition& definition);
  bool EverywhereAt(const std::string& name, int64_t version) const;
  absl::StatusOr<int64_t> AcceptedVersion(const Definition& wanted) const;
  absl::StatusOr<Definition> Submit(Definition definition, const PutOptions& options);

  eventlog::Runtime* runtime = nullptr;
  std::vector<std::function<void(const Definition&)>> subscribers;

  // By partition; each used by its lane alone (entries are made before lanes run).
  std::map<int, std::vector<Definition>> staged;

  std::mutex publish_mutex;  // Orders versions and their notices; taken before view_mutex.
  mutable std::mutex view_mutex;
  std::map<std::string, Entry, std::less<>> entries;
  std::map<std::string, std::set<std::string>, std::less<>> users;
};

Catalog::Catalog() : impl_(std::make_unique<Impl>()) {}
Catalog::~Catalog() = default;
void Catalog::Attach(eventlog::Runtime& runtime) { impl_->runtime = &runtime; }

void Catalog::Subscribe(std::function<void(const Definition&)> on_change) {
  impl_->subscribers.push_back(std::move(on_change));
}

// ---- Projection

absl::Status Catalog::Apply(const eventlog::LogRecord& record, eventlog::ApplyContext& context) {
  if (record.has_definition_proposed()) return Propose(record, context);
  if (!record.has_definition_activated()) return absl::OkStatus();
  const Definition& definition = record.definition_activated().definition();
  RONDO_RETURN_IF_ERROR(Activate(definition, context));
  impl_->staged[context.partition()].push_back(definition);
  return absl::OkStatus();
}

void Catalog::Committed(int partition, int64_t, bool) {
  std::vector<Definition> activated;
  activated.swap(impl_->staged[partition]);
  for (const Definition& definition : activated) impl_->Publish(partition, definition);
}

absl::Status Catalog::Loaded(int partition, int64_t, const storage::Reader& state) {
  impl_->staged[partition].clear();
  const auto cursor = state.Scan(AllVersions());
  for (; cursor->Valid(); cursor->Next()) {
    RONDO_ASSIGN_OR_RETURN(const Definition definition, Decode(cursor->value()));
    impl_->Publish(partition, definition);
  }
  return cursor->status();
}

void Catalog::Impl::Publish(int partition, const Definition& definition) {
  const std::lock_guard publishing(publish_mutex);
  {
    const std::lock_guard lock(view_mutex);
    Entry& entry = entries[definition.name()];
    int64_t& newest = entry.by_partition[partition];
    newest = std::max(newest, definition.version());
    if (!entry.versions.empty()) {
      const Definition& known = entry.versions.rbegin()->second;
      if (known.version() >= definition.version()) return;  // Another partition came first.
      for (const std::string& reference : known.references()) {
        users[reference].erase(definition.name());
      }
    }
    entry.versions[definition.version()] = definition;
    if (!definition.deleted()) {
      for (const std::string& reference : definition.references()) {
        users[reference].insert(definition.name());
      }
    }
  }
  for (const auto& on_change : subscribers) on_change(definition);
}

// ---- Commands

bool Catalog::Impl::EverywhereAt(const std::string& name, int64_t version) const {
  const std::lock_guard lock(view_mutex);
  const auto found = entries.find(name);
  if (found == entries.end()) return false;
  const std::map<int, int64_t>& reached = found->second.by_partition;
  return static_cast<int>(reached.size()) == runtime->partition_count() &&
         std::all_of(reached.begin(), reached.end(),
                     [&](const auto& partition) { return partition.second >= version; });
}

// The version that says what `wanted` says: usually the newest accepted one; an older one if
// another writer came after, or if a request was repeated.
absl::StatusOr<int64_t> Catalog::Impl::AcceptedVersion(const Definition& wanted) const {
  const int home = eventlog::PartitionOfName(wanted.name(), runtime->partition_count());
  RONDO_ASSIGN_OR_RETURN(const auto state, runtime->ReadState("catalog", home));
  RONDO_ASSIGN_OR_RETURN(const auto stored, state->Get(AcceptedKey(wanted.name())));
  if (stored.has_value()) {
    RONDO_ASSIGN_OR_RETURN(const Definition newest, Decode(*stored));
    if (SameContent(newest, wanted)) return newest.version();
  }
  const std::lock_guard lock(view_mutex);
  const auto found = entries.find(wanted.name());
  if (found != entries.end()) {
    const auto& versions = found->second.versions;
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      if (SameContent(version->second, wanted)) return version->first;
    }
  }
  return absl::AbortedError(wanted.name() + " was changed again meanwhile: read it again");
}

absl::StatusOr<Definition> Catalog::Impl::Submit(Definition definition, const PutOptions& options) {
  RONDO_CHECK(runtime != nullptr);
  definition.clear_version();
  definition.clear_activate_time_micros();
  definition.set_author(options.author);
  std::sort(definition.mutable_references()->begin(), definition.mutable_references()->end());
  const std::string name = definition.name();
  eventlog::LogRecord record;
  record.set_source("catalog");
  record.set_request_id(options.request_id);
  record.mutable_definition_proposed()->set_expected_version(options.expected_version);
  *record.mutable_definition_proposed()->mutable_definition() = definition;
  const int home = eventlog::PartitionOfName(name, runtime->partition_count());
  RONDO_RETURN_IF_ERROR(
      runtime->Submit("catalog", home, std::move(record), eventlog::Durability::kSynced).status());
  RONDO_ASSIGN_OR_RETURN(const int64_t version, AcceptedVersion(definition));
  if (!runtime->executor().Await([&] { return EverywhereAt(name, version); },
                                 runtime->clock().Now() + kActivationTimeout)) {
    return absl::DeadlineExceededError(name + " is accepted but not yet current everywhere");
  }
  const std::lock_guard lock(view_mutex);
  return entries.find(name)->second.versions.at(version);
}

absl::StatusOr<Definition> Catalog::Put(Definition definition, const PutOptions& options) {
  if (definition.name().empty()) return FieldError("name", "is empty: name the definition");
  if (definition.ByteSizeLong() > kMaxDefinitionBytes) {
    return FieldError("name", absl::StrFormat("%s has more than %d bytes: split it",
                                              definition.name(), kMaxDefinitionBytes));
  }
  definition.set_deleted(false);
  return impl_->Submit(std::move(definition), options);
}

absl::Status Catalog::Remove(std::string_view name, const PutOptions& options) {
  Definition deletion;
  deletion.set_name(std::string(name));
  deletion.set_deleted(true);
  return impl_->Submit(std::move(deletion), options).status();
}

// ---- Reading

absl::StatusOr<Definition> Catalog::Get(std::string_view name, int64_t version) const {
  const std::lock_guard lock(impl_->view_mutex);
  const auto found = impl_->entries.find(name);
  if (found != impl_->entries.end()) {
    if (version == 0) {
      if (const Definition* current = found->second.current()) return *current;
    } else {
      const auto wanted = found->second.versions.find(version);
      if (wanted != found->second.versions.end() && !wanted->second.deleted()) {
        return wanted->second;
      }
    }
  }
  return absl::NotFoundError(std::string(name) + " does not exist" +
                             (version == 0 ? "" : absl::StrFormat(" in version %d", version)));
}

Page Catalog::List(std::string_view collection, std::string_view after, int page_size) const {
  const auto limit = static_cast<size_t>(std::clamp(page_size, 1, kMaxPageSize));
  Page page;
  const std::lock_guard lock(impl_->view_mutex);
  auto at = impl_->entries.lower_bound(std::max(collection, after));
  for (; at != impl_->entries.end() && at->first.starts_with(collection); ++at) {
    if (at->first == after || at->second.current() == nullptr) continue;
    if (page.definitions.size() == limit) {
      page.next_after = page.definitions.back().name();
      return page;
    }
    page.definitions.push_back(*at->second.current());
  }
  return page;
}

std::vector<Definition> Catalog::ListAll(std::string_view collection) const {
  std::vector<Definition> all;
  std::string after;
  do {
    Page page = List(collection, after, kMaxPageSize);
    std::move(page.definitions.begin(), page.definitions.end(), std::back_inserter(all));
    after = page.next_after;
  } while (!after.empty());
  return all;
}

std::vector<std::string> Catalog::UsersOf(std::string_view name) const {
  const std::lock_guard lock(impl_->view_mutex);
  const auto found = impl_->users.find(name);
  if (found == impl_->users.end()) return {};
  return {found->second.begin(), found->second.end()};
}

}  // namespace rondo::catalog
