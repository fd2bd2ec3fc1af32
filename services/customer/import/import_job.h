// An import from a file to a server: reads ahead while the server works, keeps memory bounded,
// writes refused rows to a file, and can go on where it stopped.
//
// It runs in the process of the command line; `send` is the server's ImportCustomers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "platform/core/executor.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/customer/csv/byte_source.h"
#include "services/customer/csv/csv_reader.h"
#include "services/customer/import/mapping.h"
#include "services/customer/import/row_builder.h"

namespace rondo::customer {

// rows = imported + unchanged + rejected. Rows that the mapping's `where` leaves out are unchanged.
struct ImportSummary {
  int64_t rows = 0;
  int64_t imported = 0;
  int64_t unchanged = 0;
  int64_t rejected = 0;
  friend bool operator==(const ImportSummary&, const ImportSummary&) = default;
};

struct ImportOptions {
  // Names this import: with the file's first row and the row's number it is the identity of rows
  // that bring no message id of their own. So a file that is imported again, or that has grown,
  // adds only what is new, and another file of the same name is another import. See ImportName.
  std::string name;
  bool dry_run = false;
  bool synced = true;
  // Refused rows as CSV `line,column,field,value,reason`; empty for none.
  std::string rejects_path;
  // Where progress is kept after each batch; empty for none. Removed at the end.
  std::string progress_path;
  // Goes on after the rows that `progress_path` says are in. NOT_FOUND if it does not exist,
  // FAILED_PRECONDITION if it is of another import or of another `mapping_hash`.
  bool resume = false;
  uint64_t mapping_hash = 0;  // Of the mapping's text.
  // Called with each refused row, in order, if set.
  std::function<void(const Rejection&)> on_rejected;
  InputLimits input;
  CsvLimits csv;
};

// The mapping's name and the input's file name without the endings of its format: `shop/2009-12`.
std::string ImportName(const Mapping& mapping, const std::string& input_path);

using SendBatch = std::function<absl::StatusOr<rondo::customer::v1::ImportCustomersResponse>(
    const rondo::customer::v1::ImportCustomersRequest&)>;
using ImportProgress = std::function<void(const ImportSummary&)>;

// A batch has at most so many rows, and so many bytes.
inline constexpr int kImportBatchRows = 5'000;
inline constexpr int64_t kImportBatchBytes = 2 << 20;

// Imports all of `source`. `mapping` is bound to the file's header here. `executor` reads the next
// batch while one is sent; `progress` is called after each. INVALID_ARGUMENT for a file without
// header or the mapping's columns; INTERNAL if a file cannot be written; an error of `send` ends
// the import, and what was answered before is in (`resume` goes on from there).
absl::StatusOr<ImportSummary> RunImport(const ImportOptions& options, Mapping mapping,
                                        ByteSource& source, Executor& executor,
                                        const SendBatch& send, const ImportProgress& progress);

}  // namespace rondo::customer
