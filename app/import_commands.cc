#include "app/import_commands.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "app/definition_client.h"
#include "platform/core/executor.h"
#include "platform/core/field_error.h"
#include "platform/core/hash.h"
#include "platform/core/status_macros.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/customer/import/import_job.h"
#include "services/customer/import/mapping.h"

namespace rondo {
namespace {

constexpr size_t kMaxMappingBytes = 1 << 20;
constexpr absl::Duration kBatchTimeout = absl::Minutes(5);
constexpr int kReasonsShown = 5;
constexpr std::string_view kGoOn = "what the server has answered is in; go on with --resume";

// The progress file of the import that runs, for the handler of SIGINT.
std::atomic<const char*> progress_of_running = nullptr;

void EndImportOnInterrupt(int) {
  const char* const path = progress_of_running.load();
  if (path != nullptr && access(path, F_OK) == 0) {
    constexpr std::string_view kBefore = "\nrondo: interrupted: ";
    for (const std::string_view text : {kBefore, kGoOn, std::string_view("\n")}) {
      if (write(STDERR_FILENO, text.data(), text.size()) < 0) break;
    }
  }
  _exit(static_cast<int>(ExitCode::kInterrupted));
}

struct ImportFlags {
  std::string file;
  std::string mapping;
  std::string rejects;
  bool resume = false;
  bool dry_run = false;
};

// A bar with what is done, drawn over itself on a terminal; nothing elsewhere.
class ProgressLine {
 public:
  // `taken` counts the bytes read of the file; of standard input nobody knows how many there are.
  ProgressLine(const std::string& file, const std::atomic<int64_t>& taken)
      : on_terminal_(isatty(STDERR_FILENO) != 0), start_(absl::Now()), taken_(taken) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    if (!error) bytes_ = static_cast<int64_t>(size);
  }
  ~ProgressLine() {
    if (drawn_) std::cerr << "\n";
  }
  void Draw(const customer::ImportSummary& so_far) {
    if (!on_terminal_) return;
    const double seconds = std::max(absl::ToDoubleSeconds(absl::Now() - start_), 1e-3);
    std::cerr << "\r" << Bar()
              << absl::StrFormat("%d rows, %.0f a second, %d refused   ", so_far.rows,
                                 static_cast<double>(so_far.rows) / seconds, so_far.rejected)
              << std::flush;
    drawn_ = true;
  }

 private:
  static constexpr size_t kBarWidth = 24;

  // `[######..................]  25%  `; empty where the end is not known.
  std::string Bar() const {
    if (bytes_ <= 0) return "";
    const double done =
        std::min(1.0, static_cast<double>(taken_.load()) / static_cast<double>(bytes_));
    const auto full = static_cast<size_t>(done * kBarWidth);
    return absl::StrFormat("[%s%s] %3.0f%%  ", std::string(full, '#'),
                           std::string(kBarWidth - full, '.'), done * 100);
  }

  const bool on_terminal_;
  const absl::Time start_;
  const std::atomic<int64_t>& taken_;
  int64_t bytes_ = 0;
  bool drawn_ = false;
};

// Whether both name one file, there or not.
bool SameFile(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty() || a == "-" || b == "-") return false;
  std::error_code error;
  if (std::filesystem::equivalent(a, b, error)) return true;
  const auto canonical = [&error](const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(path, error), error);
  };
  return canonical(a) == canonical(b) && !error;
}

// What is written must not be what is read.
absl::Status CheckFiles(Shell& shell, const ImportFlags& flags, const std::string& progress) {
  const std::pair<std::string, std::string> apart[] = {
      {flags.rejects, flags.file},
      {flags.rejects, flags.mapping},
      {flags.rejects, progress},
      {progress, flags.mapping},
  };
  for (const auto& [written, other] : apart) {
    if (!SameFile(written, other)) continue;
    return shell.UsageError(absl::StrFormat(
        "%s would be written over: name another file for --rejects, or for the mapping", other));
  }
  if (flags.resume && progress.empty()) {
    return shell.UsageError("--resume goes on with a file's import: not of -, not with --dry-run");
  }
  return absl::OkStatus();
}

absl::StatusOr<customer::Mapping> ReadMapping(const ImportFlags& flags, const std::string& text) {
  absl::StatusOr<customer::Mapping> mapping = customer::ParseMapping(text);
  if (mapping.ok()) return mapping;
  return absl::Status(mapping.status().code(),
                      flags.mapping + ": " + std::string(mapping.status().message()));
}

// The mapping must make what the noun says.
absl::Status CheckKind(const std::string& kind, const customer::Mapping& mapping) {
  if (kind == "events" && mapping.events.empty()) {
    return absl::InvalidArgumentError("the mapping makes no events: say them under `events`");
  }
  if (kind == "campaign-history" && mapping.contacts.empty()) {
    return absl::InvalidArgumentError("the mapping makes no contacts: say them under `contacts`");
  }
  return absl::OkStatus();
}

// INVALID_ARGUMENT naming each attribute, and each field of a defined type of event, that the
// mapping fills and no attribute set defines: each of its rows would be refused.
absl::Status CheckNames(Shell& shell, const std::string& file, const customer::Mapping& mapping) {
  std::set<std::string> attributes;
  std::map<std::string, std::set<std::string>> events;
  DefinitionClient client(shell.caller(), shell.call());
  RONDO_ASSIGN_OR_RETURN(const auto sets, client.List("attributeSets/"));
  for (const log::v1::Definition& definition : sets) {
    for (const auto& attribute : definition.attribute_set().attributes()) {
      attributes.insert(attribute.name());
    }
    for (const auto& type : definition.attribute_set().event_types()) {
      for (const auto& field : type.fields()) events[type.name()].insert(field.name());
    }
  }
  FieldViolations violations;
  for (const customer::NamedRule& attribute : mapping.attributes) {
    if (attributes.contains(attribute.name)) continue;
    violations.Add(file + ": attributes." + attribute.name,
                   "no attribute set defines this attribute");
  }
  for (const customer::EventRule& event : mapping.events) {
    const auto type = events.find(event.type);
    if (type == events.end()) continue;
    for (const customer::NamedRule& field : event.fields) {
      if (type->second.contains(field.name)) continue;
      violations.Add(absl::StrFormat("%s: events.%s.%s", file, event.type, field.name),
                     "the event's type defines no such field");
    }
  }
  return violations.ToStatus();
}

void PrintSummary(const Shell& shell, const ImportFlags& flags,
                  const customer::ImportSummary& summary, const std::vector<std::string>& reasons) {
  if (shell.json()) {
    shell.PrintJson({{"rows", summary.rows},
                     {"imported", summary.imported},
                     {"unchanged", summary.unchanged},
                     {"rejected", summary.rejected}});
  } else {
    std::cout << absl::StrFormat("%d row%s: %d imported, %d unchanged, %d refused%s\n",
                                 summary.rows, summary.rows == 1 ? "" : "s", summary.imported,
                                 summary.unchanged, summary.rejected,
                                 flags.dry_run ? " (dry run: nothing was written)" : "");
  }
  for (const std::string& reason : reasons) std::cerr << "  refused: " << reason << "\n";
  if (summary.rejected > 0 && flags.rejects.empty()) {
    std::cerr << "rondo: --rejects FILE keeps the refused rows with the reasons\n";
  }
}

// Keeps a second import of the same file out, which would write over the progress of the first.
class ImportLock {
 public:
  static absl::StatusOr<ImportLock> Take(const std::string& file) {
    ImportLock lock(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    // Whoever reads the file next says why it cannot be opened.
    if (lock.file_ < 0 || flock(lock.file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
      return lock;
    }
    return absl::FailedPreconditionError(file + ": another import of this file is under way");
  }
  ImportLock(ImportLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  ImportLock& operator=(ImportLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~ImportLock() {
    if (file_ >= 0) close(file_);
  }

 private:
  explicit ImportLock(int file) : file_(file) {}
  int file_;
};

absl::Status Import(Shell& shell, const std::string& kind, const ImportFlags& flags) {
  customer::ImportOptions options;
  if (flags.file != "-" && !flags.dry_run) options.progress_path = flags.file + ".progress";
  RONDO_RETURN_IF_ERROR(CheckFiles(shell, flags, options.progress_path));
  RONDO_ASSIGN_OR_RETURN(const std::string text, ReadInput(flags.mapping, kMaxMappingBytes));
  RONDO_ASSIGN_OR_RETURN(customer::Mapping mapping, ReadMapping(flags, text));
  RONDO_RETURN_IF_ERROR(CheckKind(kind, mapping));
  RONDO_RETURN_IF_ERROR(CheckNames(shell, flags.mapping, mapping));
  options.mapping_hash = Fnv1a(text);
  options.name = customer::ImportName(mapping, flags.file);
  options.dry_run = flags.dry_run;
  options.rejects_path = flags.rejects;
  options.resume = flags.resume;
  std::optional<ImportLock> lock;
  if (!options.progress_path.empty()) {
    RONDO_ASSIGN_OR_RETURN(lock, ImportLock::Take(flags.file));
  }
  std::vector<std::string> reasons;
  options.on_rejected = [&reasons](const customer::Rejection& row) {
    if (reasons.size() == kReasonsShown) return;
    reasons.push_back(absl::StrFormat("line %d: %s: %s", row.line, row.field, row.reason));
  };
  std::atomic<int64_t> taken = 0;
  RONDO_ASSIGN_OR_RETURN(const std::unique_ptr<customer::ByteSource> source,
                         customer::OpenInput(flags.file, options.input, &taken));
  const auto send = [&](const customer::v1::ImportCustomersRequest& request) {
    return Call<customer::v1::ImportCustomersResponse>(shell.caller(), shell.call(kBatchTimeout),
                                                       request);
  };
  const SystemClock clock;
  ThreadPoolExecutor executor(/*threads=*/1, clock);
  absl::StatusOr<customer::ImportSummary> imported = customer::ImportSummary();
  if (!options.progress_path.empty()) progress_of_running = options.progress_path.c_str();
  signal(SIGINT, EndImportOnInterrupt);
  {
    ProgressLine line(flags.file, taken);
    imported = customer::RunImport(options, std::move(mapping), *source, executor, send,
                                   [&](const customer::ImportSummary& now) { line.Draw(now); });
  }
  progress_of_running = nullptr;
  std::error_code error;
  if (!imported.ok() && !absl::IsFailedPrecondition(imported.status()) &&
      std::filesystem::exists(options.progress_path, error)) {
    std::cerr << "rondo: " << kGoOn << "\n";
  }
  RONDO_RETURN_IF_ERROR(imported.status());
  PrintSummary(shell, flags, *imported, reasons);
  if (imported->rows > 0 && imported->rejected == imported->rows) {
    return absl::InvalidArgumentError("every row was refused");
  }
  return absl::OkStatus();
}

}  // namespace

void AddImportCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("import", "Take in customers, events and past campaigns");
  noun->footer("Example:\n  rondo import customers people.csv.gz --mapping people.yaml");
  noun->require_subcommand(1);
  for (const auto& [kind, description] :
       {std::pair{"customers", "Profiles, keys and consents"},
        std::pair{"events", "What customers did: purchases, visits"},
        std::pair{"campaign-history", "Past campaigns: who was contacted, who responded"}}) {
    CLI::App* command = noun->add_subcommand(kind, description);
    command->footer(absl::StrFormat(
        "Example:\n  rondo import %s file.csv.gz --mapping map.yaml --rejects refused.csv", kind));
    auto flags = std::make_shared<ImportFlags>();
    command->add_option("FILE", flags->file, "CSV, also gzip or zstd; - for standard input")
        ->required();
    command->add_option("--mapping", flags->mapping, "What columns mean: docs/guide/import.md")
        ->required();
    command->add_option("--rejects", flags->rejects,
                        "Write refused rows there: line,column,field,value,reason");
    command->add_flag("--resume", flags->resume, "Go on where an import of FILE was interrupted");
    command->add_flag("--dry-run", flags->dry_run, "Check every row, write nothing");
    shell.OnRun(command,
                [&shell, kind = std::string(kind), flags] { return Import(shell, kind, *flags); });
  }
}

}  // namespace rondo
