// The dashboards' files, read once at start and served from memory by table look-up: a path that is
// no entry reaches no disk.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "platform/http/message.h"

namespace rondo {

// Immutable; thread-safe.
class StaticFiles {
 public:
  static constexpr size_t kFilesMax = 2000;
  static constexpr size_t kBytesMax = 64 << 20;

  // The regular files below `folder`; links are left out. NOT_FOUND without an index.html;
  // INVALID_ARGUMENT beyond the limits.
  static absl::StatusOr<StaticFiles> Load(const std::string& folder);
  // One page that says that the dashboards were not built.
  static StaticFiles None();

  // Answers any path: a file, index.html for what looks like a page of the application, or 404.
  HttpResponse Handle(const HttpRequest& http) const;

 private:
  struct File {
    std::string type;
    std::string etag;
    std::string bytes;
  };
  static File MakeFile(const std::string& path, std::string bytes);
  std::map<std::string, File> files_;  // By path: `/assets/index-1a2b.js`.
};

}  // namespace rondo
