#include "platform/storage/memory_store.h"

#include <utility>

#include "platform/core/hash.h"
#include "platform/core/status_macros.h"

namespace rondo::storage {

struct OrderedMap::Node {
  std::string key;
  std::string value;
  uint64_t priority = 0;
  uint64_t stamp = 0;
  NodePtr left;
  NodePtr right;
};

namespace {

using Node = OrderedMap::Node;
using NodePtr = OrderedMap::NodePtr;

// FNV's upper bits move little for short keys; the finaliser of MurmurHash3 spreads them.
uint64_t PriorityOf(std::string_view key) {
  uint64_t hash = Fnv1a(key);
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdu;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53u;
  return hash ^ (hash >> 33);
}

// A node that may be changed in place: `node` itself if it is of this stamp, else a copy.
std::shared_ptr<Node> Editable(const NodePtr& node, uint64_t stamp) {
  if (node->stamp == stamp) return std::const_pointer_cast<Node>(node);
  auto copy = std::make_shared<Node>(*node);
  copy->stamp = stamp;
  return copy;
}

NodePtr PutIn(const NodePtr& tree, std::string_view key, std::string_view value, uint64_t stamp) {
  if (tree == nullptr) {
    return std::make_shared<Node>(
        Node{std::string(key), std::string(value), PriorityOf(key), stamp, nullptr, nullptr});
  }
  std::shared_ptr<Node> top = Editable(tree, stamp);
  if (key == top->key) {
    top->value = value;
    return top;
  }
  const bool left = key < top->key;
  NodePtr& side = left ? top->left : top->right;
  side = PutIn(side, key, value, stamp);
  if (side->priority <= top->priority) return top;
  // Rotate the child up; it was made or copied just now, so it is editable.
  std::shared_ptr<Node> child = Editable(side, stamp);
  if (left) {
    top->left = child->right;
    child->right = top;
  } else {
    top->right = child->left;
    child->left = top;
  }
  return child;
}

// All keys of `low` are below those of `high`.
NodePtr Join(const NodePtr& low, const NodePtr& high, uint64_t stamp) {
  if (low == nullptr) return high;
  if (high == nullptr) return low;
  if (low->priority > high->priority) {
    std::shared_ptr<Node> top = Editable(low, stamp);
    top->right = Join(top->right, high, stamp);
    return top;
  }
  std::shared_ptr<Node> top = Editable(high, stamp);
  top->left = Join(low, top->left, stamp);
  return top;
}

// `key` must be present.
NodePtr DeleteIn(const NodePtr& tree, std::string_view key, uint64_t stamp) {
  if (key == tree->key) return Join(tree->left, tree->right, stamp);
  std::shared_ptr<Node> top = Editable(tree, stamp);
  NodePtr& side = key < top->key ? top->left : top->right;
  side = DeleteIn(side, key, stamp);
  return top;
}

class TreapCursor final : public Cursor {
 public:
  TreapCursor(NodePtr root, const KeyRange& range) : root_(std::move(root)), end_(range.end) {
    for (const Node* node = root_.get(); node != nullptr;) {
      if (node->key < range.begin) {
        node = node->right.get();
      } else {
        path_.push_back(node);
        node = node->left.get();
      }
    }
    StopAtEnd();
  }

  bool Valid() const override { return !path_.empty(); }
  std::string_view key() const override { return path_.back()->key; }
  std::string_view value() const override { return path_.back()->value; }
  void Next() override {
    const Node* node = path_.back()->right.get();
    path_.pop_back();
    for (; node != nullptr; node = node->left.get()) path_.push_back(node);
    StopAtEnd();
  }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  void StopAtEnd() {
    if (!path_.empty() && !end_.empty() && path_.back()->key >= end_) path_.clear();
  }

  NodePtr root_;
  std::string end_;
  std::vector<const Node*> path_;  // The node at the cursor last, and those that come after it.
};

class FailedCursor final : public Cursor {
 public:
  explicit FailedCursor(absl::Status status) : status_(std::move(status)) {}
  bool Valid() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  void Next() override {}
  absl::Status status() const override { return status_; }

 private:
  absl::Status status_;
};

class MapReader final : public Reader {
 public:
  explicit MapReader(OrderedMap map) : map_(std::move(map)) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const override {
    const std::string* value = map_.Find(key);
    return value == nullptr ? std::nullopt : std::optional<std::string>(*value);
  }
  std::unique_ptr<Cursor> Scan(const KeyRange& range) const override { return map_.Scan(range); }

 private:
  OrderedMap map_;
};

class FailedReader final : public Reader {
 public:
  explicit FailedReader(absl::Status status) : status_(std::move(status)) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view) const override {
    return status_;
  }
  std::unique_ptr<Cursor> Scan(const KeyRange&) const override {
    return std::make_unique<FailedCursor>(status_);
  }

 private:
  absl::Status status_;
};

absl::Status Crashed() { return absl::UnavailableError("storage: the process crashed here"); }

}  // namespace

const std::string* OrderedMap::Find(std::string_view key) const {
  const Node* node = root_.get();
  while (node != nullptr && node->key != key) {
    node = key < node->key ? node->left.get() : node->right.get();
  }
  return node == nullptr ? nullptr : &node->value;
}

void OrderedMap::Put(std::string_view key, std::string_view value) {
  root_ = PutIn(root_, key, value, stamp_);
}

void OrderedMap::Delete(std::string_view key) {
  if (Find(key) != nullptr) root_ = DeleteIn(root_, key, stamp_);
}

OrderedMap OrderedMap::Copy() {
  ++stamp_;
  return *this;
}

std::unique_ptr<Cursor> OrderedMap::Scan(const KeyRange& range) const {
  return std::make_unique<TreapCursor>(root_, range);
}

void MemoryDisk::LosePower() {
  const std::lock_guard lock(mutex_);
  written_ = synced_.Copy();
}

MemoryStore::MemoryStore(std::shared_ptr<MemoryDisk> disk, MemoryStoreOptions options)
    : disk_(std::move(disk)), options_(std::move(options)) {
  const std::lock_guard lock(disk_->mutex_);
  map_ = disk_->written_.Copy();
}

absl::StatusOr<std::optional<std::string>> MemoryStore::Get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  if (crashed_) return Crashed();
  const std::string* value = map_.Find(key);
  return value == nullptr ? std::nullopt : std::optional<std::string>(*value);
}

std::unique_ptr<Cursor> MemoryStore::Scan(const KeyRange& range) const {
  const std::lock_guard lock(mutex_);
  if (crashed_) return std::make_unique<FailedCursor>(Crashed());
  return map_.Copy().Scan(range);
}

absl::Status MemoryStore::Write(const Batch& batch, Sync sync) {
  const std::lock_guard lock(mutex_);
  RONDO_RETURN_IF_ERROR(Meet(CommitPoint::kBefore));
  for (const Batch::Write& write : batch.writes()) {
    if (write.value.has_value()) {
      map_.Put(write.key, *write.value);
    } else {
      map_.Delete(write.key);
    }
  }
  if (sync == Sync::kYes || options_.write_ahead_log) Persist(sync);
  return Meet(CommitPoint::kAfter);
}

std::unique_ptr<Reader> MemoryStore::Snapshot() const {
  const std::lock_guard lock(mutex_);
  if (crashed_) return std::make_unique<FailedReader>(Crashed());
  return std::make_unique<MapReader>(map_.Copy());
}

absl::Status MemoryStore::Flush() {
  const std::lock_guard lock(mutex_);
  RONDO_RETURN_IF_ERROR(Meet(CommitPoint::kBefore));
  Persist(Sync::kYes);
  return Meet(CommitPoint::kAfter);
}

absl::Status MemoryStore::Checkpoint(const std::string& folder) const {
  return absl::UnimplementedError("a store in memory has no files to copy to " + folder +
                                  "; use CheckpointTo");
}

std::shared_ptr<MemoryDisk> MemoryStore::CheckpointTo() const {
  auto disk = std::make_shared<MemoryDisk>();
  const std::lock_guard lock(mutex_);
  disk->written_ = map_.Copy();
  disk->synced_ = map_.Copy();
  return disk;
}

void MemoryStore::Crash() {
  const std::lock_guard lock(mutex_);
  crashed_ = true;
}

absl::Status MemoryStore::Meet(CommitPoint point) {
  if (crashed_) return Crashed();
  switch (options_.fault ? options_.fault(point) : Fault::kNone) {
    case Fault::kNone:
      return absl::OkStatus();
    case Fault::kFail:
      return absl::UnavailableError("storage: injected I/O error");
    case Fault::kCrash:
      crashed_ = true;
      return Crashed();
  }
  return absl::OkStatus();
}

void MemoryStore::Persist(Sync sync) {
  const std::lock_guard lock(disk_->mutex_);
  disk_->written_ = map_.Copy();
  if (sync == Sync::kYes) disk_->synced_ = map_.Copy();
}

}  // namespace rondo::storage
