#include "platform/storage/store.h"

#include <algorithm>

#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "platform/storage/key.h"

namespace rondo::storage {
namespace {

// Walks the writes of a transaction and its base side by side; at equal keys the write wins.
template <typename WriteIterator>
class MergedCursor final : public Cursor {
 public:
  MergedCursor(std::unique_ptr<Cursor> base, WriteIterator write, WriteIterator write_end,
               std::string end)
      : base_(std::move(base)),
        write_(std::move(write)),
        write_end_(std::move(write_end)),
        end_(std::move(end)) {
    Settle();
  }

  bool Valid() const override { return at_ != At::kEnd; }
  std::string_view key() const override {
    return at_ == At::kBase ? base_->key() : std::string_view(write_->first);
  }
  std::string_view value() const override {
    return at_ == At::kBase ? base_->value() : std::string_view(*write_->second);
  }
  void Next() override {
    if (at_ == At::kBase) {
      base_->Next();
    } else {
      ++write_;
    }
    Settle();
  }
  absl::Status status() const override { return base_->status(); }

 private:
  enum class At { kBase, kWrite, kEnd };

  bool WriteValid() const { return write_ != write_end_ && (end_.empty() || write_->first < end_); }

  // Moves to the next key that exists.
  void Settle() {
    at_ = At::kEnd;
    // A damaged base ends the walk: the writes alone would look like a shorter state.
    if (!base_->status().ok()) return;
    while (WriteValid()) {
      if (base_->Valid() && base_->key() < write_->first) {
        at_ = At::kBase;
        return;
      }
      if (base_->Valid() && base_->key() == write_->first) {
        base_->Next();
        if (!base_->status().ok()) return;
      }
      if (write_->second.has_value()) {
        at_ = At::kWrite;
        return;
      }
      ++write_;
    }
    if (base_->Valid()) at_ = At::kBase;
  }

  std::unique_ptr<Cursor> base_;
  WriteIterator write_;
  WriteIterator write_end_;
  std::string end_;
  At at_ = At::kEnd;
};

}  // namespace

KeyRange PrefixRange(std::string_view prefix) {
  KeyRange range{std::string(prefix), std::string(prefix)};
  // The first key beyond: drop trailing FF bytes, add one to the last of the others.
  while (!range.end.empty() && static_cast<unsigned char>(range.end.back()) == 0xff) {
    range.end.pop_back();
  }
  if (!range.end.empty()) ++range.end.back();
  return range;
}

absl::StatusOr<std::optional<std::string>> Transaction::Get(std::string_view key) const {
  const auto written = writes_.find(key);
  if (written != writes_.end()) return written->second;
  return base_.Get(key);
}

std::unique_ptr<Cursor> Transaction::Scan(const KeyRange& range) const {
  using Iterator = Writes::const_iterator;
  return std::make_unique<MergedCursor<Iterator>>(
      base_.Scan(range), writes_.lower_bound(range.begin), writes_.end(), range.end);
}

void Transaction::Put(std::string_view key, std::string_view value) {
  Record(key);
  writes_.insert_or_assign(std::string(key), std::string(value));
}

void Transaction::Delete(std::string_view key) {
  Record(key);
  writes_.insert_or_assign(std::string(key), std::nullopt);
}

void Transaction::Record(std::string_view key) {
  const auto written = writes_.find(key);
  if (written == writes_.end()) {
    undo_.push_back({std::string(key), std::nullopt});
  } else {
    undo_.push_back({std::string(key), written->second});
  }
}

void Transaction::Mark() { undo_.clear(); }

void Transaction::RollBack() {
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
    if (undo->before.has_value()) {
      writes_.insert_or_assign(undo->key, *std::move(undo->before));
    } else {
      writes_.erase(undo->key);
    }
  }
  undo_.clear();
}

Batch Transaction::ToBatch() const {
  Batch batch;
  for (const auto& [key, value] : writes_) {
    if (value.has_value()) {
      batch.Put(key, *value);
    } else {
      batch.Delete(key);
    }
  }
  return batch;
}

absl::StatusOr<uint64_t> HashOf(const Reader& reader, const KeyRange& range) {
  constexpr InstanceKey kUnkeyed = {};
  uint64_t hash = 0;
  const auto cursor = reader.Scan(range);
  for (; cursor->Valid(); cursor->Next()) {
    KeyBuilder entry;
    entry.U64(hash).U64(cursor->key().size()).Raw(cursor->key()).Raw(cursor->value());
    hash = SipHash(kUnkeyed, entry.view());
  }
  RONDO_RETURN_IF_ERROR(cursor->status());
  return hash;
}

}  // namespace rondo::storage
