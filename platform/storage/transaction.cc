#include "platform/storage/transaction.h"

#include <limits>
#include <utility>

#include "absl/hash/hash.h"

namespace rondo::storage {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();
constexpr size_t kFirstBytes = 1'024;  // Of a batch's keys and values; it grows by itself.
constexpr size_t kReadsRemembered = 64;
constexpr size_t kReadBytesMax = 4 << 10;

}  // namespace

// Walks the writes of a transaction and its base side by side; at equal keys the write wins.
class Transaction::MergedCursor final : public Cursor {
 public:
  MergedCursor(const Transaction& writes, const KeyRange& range)
      : writes_(writes), base_(writes.base_.Scan(range)), end_(range.end) {
    Find(writes_.newest_.lower_bound(range.begin));
    Settle();
  }

  bool Valid() const override { return at_ != At::kEnd; }
  std::string_view key() const override { return at_ == At::kBase ? base_->key() : write_->key; }
  std::string_view value() const override {
    return at_ == At::kBase ? base_->value() : *write_->value;
  }
  void Next() override {
    if (at_ == At::kBase) {
      base_->Next();
    } else {
      NextWrite();
    }
    Settle();
  }
  absl::Status status() const override { return base_->status(); }

 private:
  enum class At { kBase, kWrite, kEnd };

  // Goes to the write at `place`.
  void Find(Newest::const_iterator place) {
    place_ = place;
    shape_ = writes_.shape_;
    write_.reset();
    if (place == writes_.newest_.end() || (!end_.empty() && place->first >= end_)) return;
    write_ = writes_.changes_[place->second];
  }

  void NextWrite() {
    const bool is_valid = shape_ == writes_.shape_;
    Find(is_valid ? std::next(place_) : writes_.newest_.upper_bound(write_->key));
  }

  // Moves to the next key that exists.
  void Settle() {
    at_ = At::kEnd;
    // A damaged base ends the walk: the writes alone would look like a shorter state.
    if (!base_->status().ok()) return;
    while (write_.has_value()) {
      if (base_->Valid() && base_->key() < write_->key) {
        at_ = At::kBase;
        return;
      }
      if (base_->Valid() && base_->key() == write_->key) {
        base_->Next();
        if (!base_->status().ok()) return;
      }
      if (write_->value.has_value()) {
        at_ = At::kWrite;
        return;
      }
      NextWrite();
    }
    if (base_->Valid()) at_ = At::kBase;
  }

  const Transaction& writes_;
  std::unique_ptr<Cursor> base_;
  const std::string end_;
  Newest::const_iterator place_;  // Valid while shape_ is the transaction's.
  uint64_t shape_ = 0;
  std::optional<Change> write_;  // Next of the writes; nullopt after the last.
  At at_ = At::kEnd;
};

absl::StatusOr<std::optional<std::string>> Transaction::Get(std::string_view key) const {
  if (!newest_.empty()) {
    const auto written = newest_.find(key);
    if (written != newest_.end()) {
      const Change& change = changes_[written->second];
      if (!change.value.has_value()) return std::nullopt;
      return std::optional<std::string>(*change.value);
    }
  }
  return Remembered(key);
}

absl::StatusOr<std::optional<std::string>> Transaction::Remembered(std::string_view key) const {
  if (reads_.empty()) reads_.resize(kReadsRemembered);
  Read& read = reads_[absl::HashOf(absl::string_view(key.data(), key.size())) % kReadsRemembered];
  if (read.batch == batch_ && read.key == key) return read.value;
  absl::StatusOr<std::optional<std::string>> value = base_.Get(key);
  const bool is_kept = value.ok() && (!value->has_value() || (*value)->size() <= kReadBytesMax);
  if (is_kept) {
    read.key = key;
    read.value = *value;
    read.batch = batch_;
  }
  return value;
}

std::unique_ptr<Cursor> Transaction::Scan(const KeyRange& range) const {
  return std::make_unique<MergedCursor>(*this, range);
}

void Transaction::Put(std::string_view key, std::string_view value) { Add(key, value); }

void Transaction::Delete(std::string_view key) { Add(key, std::nullopt); }

void Transaction::Add(std::string_view key, std::optional<std::string_view> value) {
  if (bytes_ == nullptr) bytes_ = std::make_unique<Batch::Bytes>(kFirstBytes);
  if (value.has_value()) value = KeepBytes(*value, *bytes_);
  const size_t change = changes_.size();
  const auto known = newest_.lower_bound(key);
  if (known != newest_.end() && known->first == key) {
    changes_.push_back({known->first, value, std::exchange(known->second, change)});
    return;
  }
  const std::string_view kept = KeepBytes(key, *bytes_);
  changes_.push_back({kept, value, kNone});
  newest_.emplace_hint(known, kept, change);
  ++shape_;
}

void Transaction::RollBack() {
  while (changes_.size() > mark_) {
    const Change& last = changes_.back();
    if (last.before == kNone) {
      newest_.erase(last.key);
      ++shape_;
    } else {
      newest_[last.key] = last.before;
    }
    changes_.pop_back();
  }
}

Batch Transaction::TakeBatch() {
  std::vector<Batch::Write> writes;
  writes.reserve(newest_.size());
  for (const auto& [key, change] : newest_) writes.push_back({key, changes_[change].value});
  newest_.clear();
  changes_.clear();
  mark_ = 0;
  ++shape_;
  ++batch_;
  return {std::move(bytes_), std::move(writes)};
}

}  // namespace rondo::storage
