#include "app/document_files.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/str_format.h"
#include "app/definition_client.h"
#include "app/shell.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

namespace fs = std::filesystem;
using log::v1::Definition;

constexpr size_t kMaxFileBytes = 1 << 20;

absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& path) {
  std::error_code error;
  // What is no folder, or cannot be looked at, is opened as a file, which says why it cannot be.
  if (path == "-" || !fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    const std::string extension = at->path().extension();
    if (extension == ".yaml" || extension == ".yml") files.push_back(at->path());
  }
  if (error) return absl::InvalidArgumentError(path + ": cannot be listed: " + error.message());
  if (files.empty()) return absl::InvalidArgumentError(path + ": holds no .yaml file");
  std::sort(files.begin(), files.end());
  return files;
}

int OrderOf(const Definition& definition) {
  const auto& collections = Collections();
  const auto found = std::find_if(collections.begin(), collections.end(), [&](std::string_view c) {
    return definition.name().starts_with(std::string(c));
  });
  return static_cast<int>(found - collections.begin());
}

}  // namespace

absl::StatusOr<std::vector<Document>> LoadDocuments(const std::vector<std::string>& paths) {
  std::vector<Document> all;
  std::map<std::string, const Document*> seen;
  for (const std::string& path : paths) {
    RONDO_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesOf(path));
    for (const std::string& file : files) {
      RONDO_ASSIGN_OR_RETURN(const std::string text, ReadInput(file, kMaxFileBytes));
      RONDO_ASSIGN_OR_RETURN(std::vector<Document> documents, ParseDocuments(file, text));
      std::move(documents.begin(), documents.end(), std::back_inserter(all));
    }
  }
  for (const Document& document : all) {
    const auto [at, is_new] = seen.emplace(document.definition.name(), &document);
    if (!is_new) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s:%d: %s is defined in %s:%d already", document.file, document.line,
                          document.definition.name(), at->second->file, at->second->line));
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Document& a, const Document& b) {
    return OrderOf(a.definition) < OrderOf(b.definition);
  });
  return all;
}

}  // namespace rondo
