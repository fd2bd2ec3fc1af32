// The data folder of `rondo serve`:
//
//   format           the layout's version; a newer one is refused
//   lock             held by the process that uses the folder
//   instance.key     16 secret bytes, made once, mode 0600; ids of customers depend on them
//   log/             the embedded log, or
//   kafka/           what was acknowledged in a topic of Kafka, if the log is there
//   state/SERVICE/   what a service knows: can be deleted, is rebuilt from the log
//   keys/            keys of sealed values: no projection, cannot be rebuilt
//   addresses.json   {"http":…,"grpc":…} once the doors are open
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/core/hash.h"

namespace rondo {

inline constexpr int kDataFormat = 1;

class DataFolder {
 public:
  // Creates the folder if it is not there. FAILED_PRECONDITION, saying what to do, if another
  // process uses it or its format is newer; INVALID_ARGUMENT if the path is not a folder or cannot
  // be written.
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(const std::string& path);
  ~DataFolder();

  const InstanceKey& instance_key() const { return instance_key_; }
  // The key was made by this Open: no id depends on it yet.
  bool instance_key_is_new() const { return instance_key_is_new_; }
  // Removes such a key: for a start that was refused.
  void ForgetNewInstanceKey() const;

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path log() const { return root_ / "log"; }
  std::filesystem::path kafka() const { return root_ / "kafka"; }
  std::filesystem::path keys() const { return root_ / "keys"; }
  std::filesystem::path state(std::string_view service) const {
    return root_ / "state" / std::string(service);
  }
  // Whether any service has state here.
  bool has_state() const;

  // Appears whole or not at all.
  absl::Status WriteAddresses(std::string_view http, std::string_view grpc) const;
  void RemoveAddresses() const;

 private:
  explicit DataFolder(std::filesystem::path root) : root_(std::move(root)) {}
  absl::Status Lock();
  absl::Status CheckFormat() const;
  absl::Status LoadInstanceKey();

  std::filesystem::path root_;
  InstanceKey instance_key_{};
  bool instance_key_is_new_ = false;
  int lock_ = -1;
};

}  // namespace rondo
