// Documents are written kind by kind. Before each kind all that is not yet written is checked by
// the server without writing it. What is refused for its own sake ends the command: before the
// first write nothing is written at all. A document that is refused while something that it may
// depend on is yet to be written is no mistake so far; it is checked again after that.
#include "app/apply_command.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "app/definition_client.h"
#include "app/document_files.h"
#include "app/documents.h"
#include "app/line_diff.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

using log::v1::Definition;

// A step of the plan.
struct Change {
  Document document;
  std::optional<Definition> current;
  enum class Kind { kCreate, kChange, kUnchanged } kind = Kind::kCreate;
  // What of the same plan it waits for, so that it could not be checked; for a dry run.
  std::vector<std::string> needs;

  const std::string& name() const { return document.definition.name(); }
};

absl::StatusOr<Change> Compare(DefinitionClient& client, Document document) {
  Change change;
  change.document = std::move(document);
  absl::StatusOr<Definition> current = client.Get(change.document.definition.name());
  if (absl::IsNotFound(current.status())) return change;
  RONDO_RETURN_IF_ERROR(current.status());
  const bool same = FormatDocument(WithoutOutput(*current)) ==
                    FormatDocument(WithoutOutput(change.document.definition));
  change.kind = same ? Change::Kind::kUnchanged : Change::Kind::kChange;
  change.current = *std::move(current);
  return change;
}

std::string_view VerbOf(Change::Kind kind) {
  return kind == Change::Kind::kCreate   ? "create"
         : kind == Change::Kind::kChange ? "change"
                                         : "unchanged";
}

void ShowPlan(const std::vector<Change>& plan, std::ostream& out) {
  for (const Change& change : plan) {
    const Definition& wanted = change.document.definition;
    out << absl::StrFormat("  %-9s %s\n", VerbOf(change.kind), wanted.name());
    if (change.kind == Change::Kind::kChange) {
      out << LineDiff(FormatDocument(*change.current), FormatDocument(wanted));
    }
  }
}

absl::Status AtPlace(const Document& document, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrFormat("%s:%d: %s: %s", document.file, document.line,
                                      document.definition.name(), std::string(status.message())));
}

std::string_view CollectionOf(std::string_view name) { return name.substr(0, name.find('/') + 1); }

// Whether `text`, a document or a refusal, speaks of the definition: `templates/hello` anywhere, or
// a rule's in_segment('golden').
bool Mentions(const std::string& text, const std::string& name) {
  const auto continues_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
  };
  for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    if (end == text.size() || !continues_name(text[end])) return true;
  }
  if (!name.starts_with("segments/")) return false;
  const std::string bare = name.substr(CollectionOf(name).size());
  return text.find("'" + bare + "'") != std::string::npos ||
         text.find('"' + bare + '"') != std::string::npos;
}

// What of `pending` may be the reason that the document was refused. Rules and texts use attributes
// without naming their set.
std::vector<std::string> NeedsOf(const Change& change, const absl::Status& refusal,
                                 const std::vector<Change*>& pending) {
  const std::string text = FormatDocument(change.document.definition);
  const std::string reason(refusal.message());
  std::vector<std::string> needs;
  for (const Change* other : pending) {
    if (other == &change) continue;
    const bool attributes = CollectionOf(other->name()) == catalog::kAttributeSets &&
                            CollectionOf(change.name()) != catalog::kAttributeSets &&
                            CollectionOf(change.name()) != catalog::kCodeLists;
    if (attributes || Mentions(text, other->name()) || Mentions(reason, other->name())) {
      needs.push_back(other->name());
    }
  }
  return needs;
}

// Whether the server found fault with the document, and not with the call.
bool IsRefusal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
         absl::IsNotFound(status) || absl::IsOutOfRange(status) || absl::IsAlreadyExists(status);
}

absl::Status Put(DefinitionClient& client, const Change& change, DefinitionClient::Mode mode) {
  const std::string etag = change.current ? EtagOfDefinition(*change.current) : "";
  const absl::Status status = client.Put(change.document.definition, etag, mode).status();
  return status.ok() ? status : AtPlace(change.document, status);
}

// All refusals as one error, a line each; INVALID_ARGUMENT if one of them is.
absl::Status Joined(const std::vector<absl::Status>& refusals) {
  absl::StatusCode code = refusals.front().code();
  std::vector<std::string> lines;
  for (const absl::Status& refusal : refusals) {
    if (absl::IsInvalidArgument(refusal)) code = refusal.code();
    lines.emplace_back(refusal.message());
  }
  return absl::Status(code, absl::StrJoin(lines, "\n"));
}

// Asks the server about all of `pending` and returns what it would take, in order. The rest waits
// for others of `pending`, which its `needs` say. An error if anything is refused for its own sake,
// or if all wait for each other.
absl::StatusOr<std::vector<Change*>> Check(DefinitionClient& client,
                                           const std::vector<Change*>& pending) {
  std::vector<Change*> ready;
  std::vector<absl::Status> refused;
  std::vector<absl::Status> waiting;
  for (Change* change : pending) {
    change->needs.clear();
    const absl::Status status = Put(client, *change, DefinitionClient::Mode::kValidateOnly);
    if (status.ok()) {
      ready.push_back(change);
      continue;
    }
    if (!IsRefusal(status)) return status;
    change->needs = NeedsOf(*change, status, pending);
    (change->needs.empty() ? refused : waiting).push_back(status);
  }
  if (!refused.empty()) return Joined(refused);
  if (ready.empty() && !waiting.empty()) return Joined(waiting);
  return ready;
}

std::string NamesOf(const std::vector<Change*>& changes) {
  return absl::StrJoin(changes, ", ",
                       [](std::string* out, const Change* change) { *out += change->name(); });
}

// `error`, and what is in and what is not.
absl::Status Stopped(const absl::Status& error, const std::vector<Change*>& written,
                     const std::vector<Change*>& pending) {
  const std::string message(error.message());
  if (written.empty()) {
    return absl::Status(error.code(), absl::StrFormat("%s\nnothing was written", message));
  }
  return absl::Status(
      error.code(),
      absl::StrFormat("%s\nwritten: %s\nnot written: %s\nmend and apply again: what is in stays "
                      "unchanged",
                      message, NamesOf(written), NamesOf(pending)));
}

// Writes `pending`, which is in the order of kinds; see the file's top.
absl::Status Write(DefinitionClient& client, std::vector<Change*> pending) {
  std::vector<Change*> written;
  while (!pending.empty()) {
    const absl::StatusOr<std::vector<Change*>> ready = Check(client, pending);
    if (!ready.ok()) return Stopped(ready.status(), written, pending);
    const std::string collection(CollectionOf(ready->front()->name()));
    for (Change* change : *ready) {
      if (CollectionOf(change->name()) != collection) break;
      const absl::Status put = Put(client, *change, DefinitionClient::Mode::kWrite);
      if (!put.ok()) return Stopped(put, written, pending);
      written.push_back(change);
      std::erase(pending, change);
    }
  }
  return absl::OkStatus();
}

void PrintPlan(const Shell& shell, const std::vector<Change>& plan, bool dry_run) {
  if (shell.json()) {
    nlohmann::ordered_json changes = nlohmann::ordered_json::array();
    for (const Change& change : plan) {
      nlohmann::ordered_json json = {{"name", change.name()},
                                     {"action", std::string(VerbOf(change.kind))}};
      if (dry_run && !change.needs.empty()) json["checked_when_applied_needs"] = change.needs;
      changes.push_back(std::move(json));
    }
    shell.PrintJson({{"dry_run", dry_run}, {"changes", changes}});
    return;
  }
  for (const Change& change : plan) {
    if (!dry_run || change.needs.empty()) continue;
    std::cout << absl::StrFormat("%s is checked when applied: it needs %s of this apply\n",
                                 change.name(), absl::StrJoin(change.needs, ", "));
  }
  const auto count = [&](Change::Kind kind) {
    return std::count_if(plan.begin(), plan.end(), [&](const Change& c) { return c.kind == kind; });
  };
  std::cout << absl::StrFormat("%d created, %d changed, %d unchanged%s\n",
                               count(Change::Kind::kCreate), count(Change::Kind::kChange),
                               count(Change::Kind::kUnchanged),
                               dry_run ? " (dry run: nothing was written)" : "");
}

absl::Status Apply(Shell& shell, const std::vector<std::string>& paths, bool dry_run) {
  RONDO_ASSIGN_OR_RETURN(const std::vector<Document> documents, LoadDocuments(paths));
  DefinitionClient client(shell.caller(), shell.call());
  std::vector<Change> plan;
  for (const Document& document : documents) {
    RONDO_ASSIGN_OR_RETURN(Change change, Compare(client, document));
    plan.push_back(std::move(change));
  }
  if (!shell.json()) ShowPlan(plan, std::cerr);
  std::vector<Change*> todo;
  for (Change& change : plan) {
    if (change.kind != Change::Kind::kUnchanged) todo.push_back(&change);
  }
  if (dry_run) {
    RONDO_RETURN_IF_ERROR(Check(client, todo).status());
  } else {
    RONDO_RETURN_IF_ERROR(Write(client, todo));
  }
  PrintPlan(shell, plan, dry_run);
  return absl::OkStatus();
}

}  // namespace

void AddApplyCommand(CLI::App& root, Shell& shell) {
  CLI::App* apply =
      root.add_subcommand("apply", "Create and change definitions from YAML documents");
  apply->footer("Example:\n  rondo apply -f examples/winback --dry-run");
  auto paths = std::make_shared<std::vector<std::string>>();
  auto dry_run = std::make_shared<bool>(false);
  apply->add_option("-f,--file", *paths, "File, folder or - for standard input")
      ->required()
      ->delimiter(',');
  apply->add_flag("--dry-run", *dry_run, "Show the plan and check it, write nothing");
  shell.OnRun(apply, [&shell, paths, dry_run] { return Apply(shell, *paths, *dry_run); });
}

}  // namespace rondo
