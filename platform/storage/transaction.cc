#include "platform/storage/transaction.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/hash/hash.h"

namespace rondo::storage {
namespace {

constexpr size_t kNone = std::numeric_limits<size_t>::max();
constexpr size_t kFirstBytes = 1'024;  // Of a batch's keys and values; it grows by itself.
constexpr size_t kReadsRemembered = 64;
constexpr size_t kReadBytesMax = 4 << 10;

// Eight bytes of `key` from `at` on, as a number that orders as they do; zeros beyond the end.
uint64_t EightBytes(std::string_view key, size_t at) {
  uint64_t bytes = 0;
  if (at < key.size()) std::memcpy(&bytes, key.data() + at, std::min<size_t>(8, key.size() - at));
  static_assert(std::endian::native == std::endian::little);
  return __builtin_bswap64(bytes);
}

absl::string_view ToAbsl(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

// A write's place in the batch: most keys are told apart by their first bytes, at hand here.
struct Place {
  uint64_t first = 0;
  uint64_t second = 0;
  size_t write = 0;
};

std::vector<Batch::Write> InKeyOrder(const std::vector<Batch::Write>& writes) {
  std::vector<Place> places;
  places.reserve(writes.size());
  for (size_t i = 0; i < writes.size(); ++i) {
    places.push_back({EightBytes(writes[i].key, 0), EightBytes(writes[i].key, 8), i});
  }
  std::sort(places.begin(), places.end(), [&writes](const Place& a, const Place& b) {
    if (a.first != b.first) return a.first < b.first;
    if (a.second != b.second) return a.second < b.second;
    return writes[a.write].key < writes[b.write].key;
  });
  std::vector<Batch::Write> ordered;
  ordered.reserve(writes.size());
  for (const Place& place : places) ordered.push_back(writes[place.write]);
  return ordered;
}

}  // namespace

// Walks the writes of a transaction and its base side by side; at equal keys the write wins.
class Transaction::MergedCursor final : public Cursor {
 public:
  MergedCursor(const Transaction& writes, const KeyRange& range)
      : writes_(writes), base_(writes.base_.Scan(range)), end_(range.end) {
    writes_.Order();
    Find(writes_.ordered_.lower_bound(range.begin));
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
  void Find(absl::btree_set<std::string_view>::const_iterator place) {
    place_ = place;
    shape_ = writes_.shape_;
    write_.reset();
    if (place == writes_.ordered_.end() || (!end_.empty() && *place >= end_)) return;
    write_ = writes_.changes_[writes_.newest_.at(ToAbsl(*place))];
  }

  void NextWrite() {
    const bool is_valid = shape_ == writes_.shape_;
    Find(is_valid ? std::next(place_) : writes_.ordered_.upper_bound(write_->key));
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
  absl::btree_set<std::string_view>::const_iterator
      place_;  // Valid while shape_ is the transaction's.
  uint64_t shape_ = 0;
  std::optional<Change> write_;  // Next of the writes; nullopt after the last.
  At at_ = At::kEnd;
};

absl::StatusOr<std::optional<std::string>> Transaction::Get(std::string_view key) const {
  const absl::string_view sought = ToAbsl(key);
  const size_t hash = newest_.hash_function()(sought);
  if (!newest_.empty()) {
    const auto written = newest_.find(sought, hash);
    if (written != newest_.end()) {
      const Change& change = changes_[written->second];
      if (!change.value.has_value()) return std::nullopt;
      return std::optional<std::string>(*change.value);
    }
  }
  return Remembered(sought, hash);
}

absl::StatusOr<std::optional<std::string>> Transaction::Remembered(absl::string_view key,
                                                                   size_t hash) const {
  if (reads_.empty()) reads_.resize(kReadsRemembered);
  Read& read = reads_[hash % kReadsRemembered];
  if (read.batch == batch_ && read.key == key) return read.value;
  absl::StatusOr<std::optional<std::string>> value = base_.Get({key.data(), key.size()});
  const bool is_kept = value.ok() && (!value->has_value() || (*value)->size() <= kReadBytesMax);
  if (is_kept) {
    read.key.assign(key.data(), key.size());
    read.value = *value;
    read.batch = batch_;
  }
  return value;
}

std::unique_ptr<Cursor> Transaction::Scan(const KeyRange& range) const {
  return std::make_unique<MergedCursor>(*this, range);
}

void Transaction::Order() const {
  if (ordered_to_ == changes_.size()) return;
  for (; ordered_to_ < changes_.size(); ++ordered_to_) {
    const Change& change = changes_[ordered_to_];
    if (change.before == kNone) ordered_.insert(change.key);
  }
  ++shape_;
}

void Transaction::Put(std::string_view key, std::string_view value) { Add(key, value); }

void Transaction::Delete(std::string_view key) { Add(key, std::nullopt); }

void Transaction::Add(std::string_view key, std::optional<std::string_view> value) {
  if (bytes_ == nullptr) bytes_ = std::make_unique<Batch::Bytes>(kFirstBytes);
  if (value.has_value()) value = KeepBytes(*value, *bytes_);
  const size_t change = changes_.size();
  bool is_new = false;
  const auto known = newest_.lazy_emplace(ToAbsl(key), [&](const auto& make) {
    is_new = true;
    make(ToAbsl(KeepBytes(key, *bytes_)), change);
  });
  const std::string_view kept(known->first.data(), known->first.size());
  const size_t before = is_new ? kNone : std::exchange(known->second, change);
  if (before != kNone) changes_[before].is_newest = false;
  changes_.push_back({kept, value, before});
}

void Transaction::RollBack() {
  while (changes_.size() > mark_) {
    const Change& last = changes_.back();
    if (last.before != kNone) {
      newest_[ToAbsl(last.key)] = last.before;
      changes_[last.before].is_newest = true;
    } else {
      newest_.erase(ToAbsl(last.key));
      if (ordered_to_ == changes_.size()) {
        ordered_.erase(last.key);
        ++shape_;
      }
    }
    changes_.pop_back();
    ordered_to_ = std::min(ordered_to_, changes_.size());
  }
}

Batch Transaction::TakeBatch() {
  std::vector<Batch::Write> writes;
  writes.reserve(newest_.size());
  for (const Change& change : changes_) {
    if (change.is_newest) writes.push_back({change.key, change.value});
  }
  newest_.clear();
  changes_.clear();
  ordered_.clear();
  ordered_to_ = 0;
  mark_ = 0;
  ++shape_;
  ++batch_;
  return {std::move(bytes_), InKeyOrder(writes)};
}

}  // namespace rondo::storage
