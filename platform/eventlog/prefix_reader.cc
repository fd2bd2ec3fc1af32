#include "platform/eventlog/prefix_reader.h"

#include "platform/storage/key.h"

namespace rondo::eventlog {
namespace {

class PrefixCursor final : public storage::Cursor {
 public:
  PrefixCursor(std::unique_ptr<storage::Cursor> base, size_t prefix_bytes, absl::Status* error)
      : base_(std::move(base)), prefix_bytes_(prefix_bytes), error_(error) {
    Note();
  }
  bool Valid() const override { return base_->Valid(); }
  std::string_view key() const override { return base_->key().substr(prefix_bytes_); }
  std::string_view value() const override { return base_->value(); }
  void Next() override {
    base_->Next();
    Note();
  }
  absl::Status status() const override { return base_->status(); }

 private:
  void Note() {
    if (error_ != nullptr && !base_->Valid()) error_->Update(base_->status());
  }
  std::unique_ptr<storage::Cursor> base_;
  size_t prefix_bytes_;
  absl::Status* error_;
};

}  // namespace

storage::KeyRange Prefixed(const std::string& prefix, const storage::KeyRange& range) {
  return {prefix + range.begin,
          range.end.empty() ? storage::PrefixRange(prefix).end : prefix + range.end};
}

std::unique_ptr<storage::Cursor> WithoutPrefix(std::unique_ptr<storage::Cursor> base,
                                               size_t prefix_bytes, absl::Status* error) {
  return std::make_unique<PrefixCursor>(std::move(base), prefix_bytes, error);
}

absl::StatusOr<std::optional<std::string>> PrefixReader::Get(std::string_view key) const {
  return base_.Get(prefix_ + std::string(key));
}

std::unique_ptr<storage::Cursor> PrefixReader::Scan(const storage::KeyRange& range) const {
  return WithoutPrefix(base_.Scan(Prefixed(prefix_, range)), prefix_.size(), nullptr);
}

}  // namespace rondo::eventlog
