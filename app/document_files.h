// Definitions from files and folders, as `apply` and `rules explain` are given them.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "app/documents.h"

namespace rondo {

// All documents of `paths`: files (gzip and zstd too), folders of .yaml and .yml files, `-` for
// standard input; in an order in which nothing refers to what comes later, but segments to
// segments. INVALID_ARGUMENT naming file and line for mistakes and for names defined twice.
absl::StatusOr<std::vector<Document>> LoadDocuments(const std::vector<std::string>& paths);

}  // namespace rondo
