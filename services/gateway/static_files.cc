#include "services/gateway/static_files.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "platform/core/hash.h"

namespace rondo {
namespace {

namespace fs = std::filesystem;

constexpr char kDashboardPolicy[] =
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src "
    "'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

std::string TypeOf(const std::string& extension) {
  static const std::map<std::string, std::string>& kTypes = *new std::map<std::string, std::string>{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".txt", "text/plain; charset=utf-8"},
  };
  const auto found = kTypes.find(extension);
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

}  // namespace

StaticFiles::File StaticFiles::MakeFile(const std::string& path, std::string bytes) {
  File file;
  file.type = TypeOf(fs::path(path).extension().string());
  file.etag = absl::StrFormat("\"%016x\"", Fnv1a(bytes));
  file.bytes = std::move(bytes);
  return file;
}

absl::StatusOr<StaticFiles> StaticFiles::Load(const std::string& folder) {
  StaticFiles all;
  size_t bytes_in_all = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    std::error_code file_error;
    if (at->is_symlink(file_error) || !at->is_regular_file(file_error)) continue;
    std::ifstream in(at->path(), std::ios::binary);
    std::ostringstream bytes;
    bytes << in.rdbuf();
    if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", at->path().string()));
    bytes_in_all += bytes.str().size();
    if (bytes_in_all > kBytesMax || all.files_.size() == kFilesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder, " holds more than dashboards do; name their folder"));
    }
    const std::string path = "/" + fs::relative(at->path(), folder, file_error).generic_string();
    all.files_.emplace(path, MakeFile(path, bytes.str()));
  }
  if (error)
    return absl::NotFoundError(absl::StrCat("cannot read ", folder, ": ", error.message()));
  if (!all.files_.contains("/index.html")) {
    return absl::NotFoundError(
        absl::StrCat(folder, " has no index.html; ./x build makes the dashboards"));
  }
  return all;
}

StaticFiles StaticFiles::None() {
  StaticFiles none;
  none.files_.emplace("/index.html",
                      MakeFile("/index.html",
                               "<!doctype html>\n<title>rondo</title>\n<h1>rondo</h1>\n<p>This "
                               "server has no dashboards: "
                               "they were not built. The API is described in "
                               "<a href=\"/openapi.json\">openapi.json</a>.</p>\n"));
  return none;
}

HttpResponse StaticFiles::Handle(const HttpRequest& http) const {
  if (http.method != "GET" && http.method != "HEAD") {
    HttpResponse response =
        MakeResponse(405, "text/plain; charset=utf-8", "This address takes GET.\n");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  auto found = files_.find(http.path);
  if (found == files_.end()) {
    // Pages are made in the browser: `/campaigns/spring` is one, `/assets/none.js` is not.
    const bool is_page =
        http.path.find('.') == std::string::npos && http.path.find('%') == std::string::npos;
    if (!is_page) return MakeResponse(404, "text/plain; charset=utf-8", "Not found.\n");
    found = files_.find("/index.html");
  }
  const File& file = found->second;
  const bool is_known = FindHeader(http.headers, "if-none-match") == file.etag;
  HttpResponse response = MakeResponse(is_known ? 304 : 200, file.type, is_known ? "" : file.bytes);
  response.headers.emplace_back("ETag", file.etag);
  // Vite puts a hash of the content into the names of assets.
  const bool is_hashed = absl::StartsWith(found->first, "/assets/");
  response.headers.emplace_back("Cache-Control",
                                is_hashed ? "public, max-age=31536000, immutable" : "no-cache");
  response.headers.emplace_back("Content-Security-Policy", kDashboardPolicy);
  return response;
}

}  // namespace rondo
