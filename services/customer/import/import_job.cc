#include "services/customer/import/import_job.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "services/customer/import/batch_reader.h"

namespace rondo::customer {
namespace {

namespace pb = ::rondo::customer::v1;
namespace fs = std::filesystem;

constexpr size_t kRejectedValueBytesMax = 256;

// A field of RFC 4180. A first character that a spreadsheet would take for a formula is disarmed.
std::string CsvField(std::string text) {
  if (!text.empty() && std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) {
    text.insert(0, 1, '\'');
  }
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

// Refused rows, as a CSV file. What a crash cut off is written again on resumption.
class Rejects {
 public:
  static absl::StatusOr<std::unique_ptr<Rejects>> Open(const ImportOptions& options,
                                                       std::optional<int64_t> keep_bytes) {
    const std::string& path = options.rejects_path;
    auto rejects = std::unique_ptr<Rejects>(new Rejects());
    rejects->on_rejected_ = options.on_rejected;
    if (path.empty()) return rejects;
    std::error_code error;
    if (keep_bytes.has_value() && fs::exists(path, error)) {
      fs::resize_file(path, static_cast<uintmax_t>(*keep_bytes), error);
      rejects->file_.open(path, std::ios::app | std::ios::binary);
    } else {
      rejects->file_.open(path, std::ios::trunc | std::ios::binary);
      rejects->file_ << "line,column,field,value,reason\n";
    }
    if (error || !rejects->file_.good()) {
      return absl::InternalError(path + ": cannot be written");
    }
    return rejects;
  }

  void Add(const Rejection& rejection, const std::vector<std::string>& header) {
    if (on_rejected_) on_rejected_(rejection);
    if (!file_.is_open()) return;
    const bool has_column =
        rejection.column >= 0 && static_cast<size_t>(rejection.column) < header.size();
    file_ << rejection.line << ','
          << CsvField(has_column ? header[static_cast<size_t>(rejection.column)] : "") << ','
          << CsvField(rejection.field) << ','
          << CsvField(rejection.value.substr(0, kRejectedValueBytesMax)) << ','
          << CsvField(rejection.reason) << '\n';
  }

  // Bytes written so far, all handed to the system.
  absl::StatusOr<int64_t> Flush() {
    if (!file_.is_open()) return 0;
    file_.flush();
    if (!file_.good()) return absl::InternalError("the file of rejects cannot be written");
    return static_cast<int64_t>(file_.tellp());
  }

 private:
  Rejects() = default;
  std::ofstream file_;
  std::function<void(const Rejection&)> on_rejected_;
};

struct Progress {
  std::string name;
  std::string mapping;
  int64_t last_row = 0;
  int64_t rejects_bytes = 0;
  ImportSummary summary;
};

absl::Status Save(const std::string& path, const Progress& progress) {
  if (path.empty()) return absl::OkStatus();
  const nlohmann::json json = {{"import", progress.name},
                               {"mapping", progress.mapping},
                               {"last_row", progress.last_row},
                               {"rejects_bytes", progress.rejects_bytes},
                               {"rows", progress.summary.rows},
                               {"imported", progress.summary.imported},
                               {"unchanged", progress.summary.unchanged},
                               {"rejected", progress.summary.rejected}};
  const std::string next = path + ".next";
  {
    std::ofstream file(next, std::ios::trunc);
    file << json.dump() << '\n';
    if (!file.flush().good()) return absl::InternalError(next + ": cannot be written");
  }
  std::error_code error;
  fs::rename(next, path, error);
  if (error) return absl::InternalError(path + ": " + error.message());
  return absl::OkStatus();
}

absl::StatusOr<Progress> Load(const std::string& path, const std::string& name,
                              const std::string& mapping) {
  std::ifstream file(path);
  if (!file.good()) {
    return absl::NotFoundError(
        absl::StrCat(path, ": no import stopped here; import without resuming"));
  }
  const nlohmann::json json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  const auto number = [&](const char* key) {
    return json.contains(key) && json[key].is_number_integer() ? json[key].get<int64_t>()
                                                               : int64_t{-1};
  };
  Progress progress;
  progress.name = json.is_object() ? json.value("import", "") : "";
  progress.mapping = json.is_object() ? json.value("mapping", "") : "";
  progress.last_row = number("last_row");
  progress.rejects_bytes = number("rejects_bytes");
  progress.summary = {number("rows"), number("imported"), number("unchanged"), number("rejected")};
  if (progress.name != name || progress.last_row < 0 || progress.rejects_bytes < 0 ||
      progress.summary.rows < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is of another import; import without resuming"));
  }
  if (progress.mapping != mapping) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": the import that stopped here had another mapping; take that one, or import "
                     "without resuming"));
  }
  return progress;
}

// What the server refused, told as what this side refuses.
Rejection FromServer(const pb::RejectedRow& rejected, const ImportBatch& batch,
                     const Mapping& mapping) {
  Rejection rejection;
  for (const NamedRule& attribute : mapping.attributes) {
    if (attribute.name == rejected.field()) rejection.column = attribute.rule.text.only_column();
  }
  rejection.field = rejected.field();
  rejection.reason = rejected.reason();
  const auto& rows = batch.request.rows();
  const auto at =
      std::lower_bound(rows.begin(), rows.end(), rejected.row(),
                       [](const pb::ImportRow& row, int64_t number) { return row.row() < number; });
  if (at == rows.end() || at->row() != rejected.row()) return rejection;
  rejection.line = batch.lines[static_cast<size_t>(at - rows.begin())];
  for (const auto& field : at->attributes()) {
    if (field.name() == rejected.field() && field.value().has_string_value()) {
      rejection.value = field.value().string_value();
    }
  }
  return rejection;
}

// Reads one batch ahead on the executor.
class ReadAhead {
 public:
  ReadAhead(BatchReader& reader, Executor& executor) : reader_(reader), executor_(executor) {}
  // A task that still reads is waited for: it uses the reader.
  ~ReadAhead() { Wait(); }

  void Start() {
    ready_.store(false);
    executor_.Post([this] {
      next_ = reader_.Next(kImportBatchRows, kImportBatchBytes);
      ready_.store(true);
      executor_.NotifyAll();
    });
  }
  absl::StatusOr<ImportBatch> Take() {
    Wait();
    return std::move(next_);
  }

 private:
  void Wait() {
    executor_.Await([this] { return ready_.load(); }, absl::InfiniteFuture());
  }

  BatchReader& reader_;
  Executor& executor_;
  absl::StatusOr<ImportBatch> next_ = absl::UnknownError("not read yet");
  std::atomic<bool> ready_ = true;
};

absl::Status SendOne(const ImportOptions& options, const SendBatch& send, const BatchReader& reader,
                     ImportBatch& batch, Rejects& rejects, ImportSummary& summary) {
  const std::vector<std::string>& header = reader.header();
  for (const Rejection& rejection : batch.rejections) rejects.Add(rejection, header);
  summary.rejected += static_cast<int64_t>(batch.rejections.size());
  summary.unchanged += batch.left_out;
  summary.rows +=
      batch.request.rows_size() + static_cast<int64_t>(batch.rejections.size()) + batch.left_out;
  if (batch.request.rows().empty()) return absl::OkStatus();
  batch.request.set_import_id(absl::StrFormat("%s/%016x", options.name, reader.first_row_hash()));
  batch.request.set_validate_only(options.dry_run);
  batch.request.set_synced(options.synced);
  RONDO_ASSIGN_OR_RETURN(const pb::ImportCustomersResponse response, send(batch.request));
  for (const pb::RejectedRow& rejected : response.rejected()) {
    rejects.Add(FromServer(rejected, batch, reader.mapping()), header);
  }
  summary.imported += response.imported();
  summary.unchanged += response.unchanged();
  summary.rejected += response.rejected_size();
  return absl::OkStatus();
}

// Past cycles close once all of them is in.
absl::Status EndHistory(const ImportOptions& options, const SendBatch& send,
                        const Mapping& mapping) {
  if (mapping.campaigns.empty() || options.dry_run) return absl::OkStatus();
  pb::ImportCustomersRequest request;
  *request.mutable_campaigns() = {mapping.campaigns.begin(), mapping.campaigns.end()};
  request.set_import_id(options.name);
  request.set_synced(options.synced);
  request.set_history_complete(true);
  return send(request).status();
}

}  // namespace

std::string ImportName(const Mapping& mapping, const std::string& input_path) {
  fs::path file = fs::path(input_path).filename();
  constexpr std::string_view kEndings[] = {".gz", ".zst", ".csv", ".tsv", ".txt"};
  for (const std::string_view ending : kEndings) {
    if (file.extension() == ending) file.replace_extension();
  }
  return mapping.name + "/" + file.string();
}

absl::StatusOr<ImportSummary> RunImport(const ImportOptions& options, Mapping mapping,
                                        ByteSource& source, Executor& executor,
                                        const SendBatch& send, const ImportProgress& progress) {
  BatchReader reader(std::move(mapping), source, options.csv);
  RONDO_RETURN_IF_ERROR(reader.Open());
  Progress state;
  state.name = options.name;
  state.mapping = absl::StrFormat("%016x", options.mapping_hash);
  std::optional<int64_t> keep_rejects;
  if (options.resume) {
    RONDO_ASSIGN_OR_RETURN(state, Load(options.progress_path, options.name, state.mapping));
    RONDO_RETURN_IF_ERROR(reader.SkipRows(state.last_row));
    keep_rejects = state.rejects_bytes;
  }
  RONDO_ASSIGN_OR_RETURN(const std::unique_ptr<Rejects> rejects,
                         Rejects::Open(options, keep_rejects));
  ReadAhead ahead(reader, executor);
  ahead.Start();
  while (true) {
    RONDO_ASSIGN_OR_RETURN(ImportBatch batch, ahead.Take());
    if (!batch.is_last) ahead.Start();
    RONDO_RETURN_IF_ERROR(SendOne(options, send, reader, batch, *rejects, state.summary));
    state.last_row = batch.last_row;
    RONDO_ASSIGN_OR_RETURN(state.rejects_bytes, rejects->Flush());
    if (!options.dry_run) RONDO_RETURN_IF_ERROR(Save(options.progress_path, state));
    progress(state.summary);
    if (batch.is_last) break;
  }
  RONDO_RETURN_IF_ERROR(EndHistory(options, send, reader.mapping()));
  if (!options.progress_path.empty()) std::remove(options.progress_path.c_str());
  return state.summary;
}

}  // namespace rondo::customer
