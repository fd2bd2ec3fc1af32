#include "app/data_folder.h"

#include <fcntl.h>
#include <sodium/randombytes.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

namespace fs = std::filesystem;

absl::Status CannotBeWritten(const fs::path& path, int error) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s cannot be written: %s", path.string(), std::strerror(error)));
}

// Makes the names in the folder survive loss of power.
absl::Status SyncFolder(const fs::path& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return CannotBeWritten(path, errno);
  const bool synced = fsync(folder) == 0;
  const int error = errno;
  close(folder);
  return synced ? absl::OkStatus() : CannotBeWritten(path, error);
}

// Writes `bytes` beside `path`, makes them survive loss of power, and puts them in its place.
absl::Status WriteWhole(const fs::path& path, std::string_view bytes, mode_t mode) {
  const fs::path part = path.string() + ".part";
  const int file = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  const bool written =
      file >= 0 && write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) &&
      fsync(file) == 0;
  const int write_error = errno;
  if (file >= 0) close(file);
  if (!written) return CannotBeWritten(path, write_error);
  if (rename(part.c_str(), path.c_str()) != 0) return CannotBeWritten(path, errno);
  return SyncFolder(path.parent_path());
}

// Whether there is such a file; an error if that cannot be told.
absl::StatusOr<bool> Exists(const fs::path& path) {
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (!error) return exists;
  return absl::InvalidArgumentError(
      absl::StrFormat("%s cannot be looked at: %s", path.string(), error.message()));
}

std::string ReadWhole(const fs::path& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(bytes).str();
}

}  // namespace

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(const std::string& path) {
  std::error_code error;
  // Keys and what is known of people lie in it: nobody else on the machine reads a folder of ours.
  if (fs::create_directories(path, error)) fs::permissions(path, fs::perms::owner_all, error);
  const std::string reason = error.message();
  if (!fs::is_directory(path, error)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("data folder %s cannot be made: %s", path, reason));
  }
  std::unique_ptr<DataFolder> folder(new DataFolder(fs::absolute(path, error)));
  if (error) return CannotBeWritten(path, error.value());
  RONDO_RETURN_IF_ERROR(folder->Lock());
  RONDO_RETURN_IF_ERROR(folder->CheckFormat());
  RONDO_RETURN_IF_ERROR(folder->LoadInstanceKey());
  fs::create_directories(folder->root_ / "state", error);
  folder->RemoveAddresses();
  return folder;
}

DataFolder::~DataFolder() {
  if (lock_ < 0) return;  // Not ours.
  RemoveAddresses();
  close(lock_);
}

absl::Status DataFolder::Lock() {
  lock_ = open((root_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0) {
    return absl::InvalidArgumentError(absl::StrFormat("data folder %s cannot be written: %s",
                                                      root_.string(), std::strerror(errno)));
  }
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    close(std::exchange(lock_, -1));
    return absl::FailedPreconditionError(absl::StrFormat(
        "another rondo uses the data folder %s; stop it, or name another folder with --data",
        root_.string()));
  }
  return absl::OkStatus();
}

absl::Status DataFolder::CheckFormat() const {
  const fs::path path = root_ / "format";
  RONDO_ASSIGN_OR_RETURN(const bool exists, Exists(path));
  if (!exists) return WriteWhole(path, std::to_string(kDataFormat) + "\n", 0644);
  const std::string text = ReadWhole(path);
  int format = 0;
  std::from_chars(text.data(), text.data() + text.size(), format);
  if (format == kDataFormat) return absl::OkStatus();
  if (format > kDataFormat) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "data folder %s has format %d, of a newer rondo; this one reads up to %d: use the newer "
        "program, or another folder",
        root_.string(), format, kDataFormat));
  }
  return absl::DataLossError(
      absl::StrFormat("%s: expected a format number, such as %d; restore it from a backup",
                      path.string(), kDataFormat));
}

absl::Status DataFolder::LoadInstanceKey() {
  const fs::path path = root_ / "instance.key";
  RONDO_ASSIGN_OR_RETURN(const bool exists, Exists(path));
  if (!exists) {
    RONDO_ASSIGN_OR_RETURN(const bool has_log, Exists(log()));
    RONDO_ASSIGN_OR_RETURN(const bool has_topic, Exists(kafka()));
    if (has_log || has_topic) {
      return absl::DataLossError(path.string() +
                                 " is missing, and ids depend on it: restore it from a backup");
    }
    instance_key_is_new_ = true;
    randombytes_buf(instance_key_.data(), instance_key_.size());
    return WriteWhole(
        path,
        std::string_view(reinterpret_cast<const char*>(instance_key_.data()), instance_key_.size()),
        0600);
  }
  const std::string bytes = ReadWhole(path);
  if (bytes.size() != instance_key_.size()) {
    return absl::DataLossError(absl::StrFormat("%s: expected %d bytes; restore it from a backup",
                                               path.string(), instance_key_.size()));
  }
  std::memcpy(instance_key_.data(), bytes.data(), bytes.size());
  return absl::OkStatus();
}

void DataFolder::ForgetNewInstanceKey() const {
  std::error_code ignored;
  if (instance_key_is_new_) fs::remove(root_ / "instance.key", ignored);
}

bool DataFolder::has_state() const {
  std::error_code absent;
  const fs::path states = root_ / "state";
  return fs::exists(states, absent) && !fs::is_empty(states, absent);
}

absl::Status DataFolder::WriteAddresses(std::string_view http, std::string_view grpc) const {
  const nlohmann::ordered_json json = {{"http", http}, {"grpc", grpc}};
  return WriteWhole(root_ / "addresses.json", json.dump() + "\n", 0644);
}

void DataFolder::RemoveAddresses() const {
  std::error_code ignored;
  fs::remove(root_ / "addresses.json", ignored);
}

}  // namespace rondo
