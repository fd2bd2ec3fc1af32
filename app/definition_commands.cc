#include "app/definition_commands.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "absl/strings/str_format.h"
#include "app/definition_client.h"
#include "app/document_files.h"
#include "app/documents.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

using log::v1::Definition;

// A step of the plan.
struct Change {
  Document document;
  std::optional<Definition> current;
  enum class Kind { kCreate, kChange, kUnchanged } kind = Kind::kCreate;
};

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Lines of a longest common subsequence stay; the rest is marked - and +.
std::string Diff(const std::string& before, const std::string& after) {
  const std::vector<std::string> a = LinesOf(before);
  const std::vector<std::string> b = LinesOf(after);
  std::vector<std::vector<size_t>> common(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i][j] =
          a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string text;
  size_t i = 0;
  size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      ++i, ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      text += "    - " + a[i++] + "\n";
    } else {
      text += "    + " + b[j++] + "\n";
    }
  }
  return text;
}

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
      out << Diff(FormatDocument(*change.current), FormatDocument(wanted));
    }
  }
}

absl::Status AtPlace(const Document& document, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrFormat("%s:%d: %s: %s", document.file, document.line,
                                      document.definition.name(), std::string(status.message())));
}

// Writes the plan in order. What refers to a later definition of the same plan is tried again after
// it, as long as that gets anywhere.
absl::Status Write(DefinitionClient& client, std::vector<const Change*> todo) {
  while (!todo.empty()) {
    std::vector<const Change*> again;
    absl::Status first_error;
    for (const Change* change : todo) {
      const std::string etag = change->current ? EtagOfDefinition(*change->current) : "";
      const auto put =
          client.Put(change->document.definition, etag, DefinitionClient::Mode::kWrite);
      if (put.ok()) continue;
      const absl::Status error = AtPlace(change->document, put.status());
      if (!absl::IsFailedPrecondition(error) && !absl::IsInvalidArgument(error)) return error;
      if (first_error.ok()) first_error = error;
      again.push_back(change);
    }
    if (again.size() == todo.size()) return first_error;
    todo = std::move(again);
  }
  return absl::OkStatus();
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
  std::vector<const Change*> todo;
  for (const Change& change : plan) {
    if (change.kind != Change::Kind::kUnchanged) todo.push_back(&change);
  }
  if (!dry_run) RONDO_RETURN_IF_ERROR(Write(client, todo));
  const auto count = [&](Change::Kind kind) {
    return std::count_if(plan.begin(), plan.end(), [&](const Change& c) { return c.kind == kind; });
  };
  if (shell.json()) {
    nlohmann::ordered_json changes = nlohmann::ordered_json::array();
    for (const Change& change : plan) {
      changes.push_back({{"name", change.document.definition.name()},
                         {"action", std::string(VerbOf(change.kind))}});
    }
    shell.PrintJson({{"dry_run", dry_run}, {"changes", changes}});
  } else {
    std::cout << absl::StrFormat("%d created, %d changed, %d unchanged%s\n",
                                 count(Change::Kind::kCreate), count(Change::Kind::kChange),
                                 count(Change::Kind::kUnchanged),
                                 dry_run ? " (dry run: nothing was written)" : "");
  }
  return absl::OkStatus();
}

absl::Status Export(Shell& shell, const std::vector<std::string>& names) {
  DefinitionClient client(shell.caller(), shell.call());
  std::vector<Definition> all;
  for (const std::string& name : names) {
    RONDO_ASSIGN_OR_RETURN(Definition definition, client.Get(name));
    all.push_back(std::move(definition));
  }
  if (names.empty()) {
    for (const std::string_view collection : Collections()) {
      RONDO_ASSIGN_OR_RETURN(std::vector<Definition> some, client.List(collection));
      std::move(some.begin(), some.end(), std::back_inserter(all));
    }
  }
  for (size_t i = 0; i < all.size(); ++i) {
    std::cout << (i == 0 ? "" : "---\n") << FormatDocument(all[i]);
  }
  return absl::OkStatus();
}

absl::Status Rollback(Shell& shell, const std::string& name, int64_t to) {
  DefinitionClient client(shell.caller(), shell.call());
  RONDO_ASSIGN_OR_RETURN(const Definition current, client.Get(name));
  const int64_t version = to != 0 ? to : current.version() - 1;
  if (version < 1 || version >= current.version()) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s has versions 1 to %d; --to takes one before the current", name, current.version()));
  }
  RONDO_ASSIGN_OR_RETURN(const Definition old, client.Get(name, version));
  RONDO_ASSIGN_OR_RETURN(
      const Definition now,
      client.Put(WithoutOutput(old), EtagOfDefinition(current), DefinitionClient::Mode::kWrite));
  if (shell.json()) {
    shell.PrintJson({{"name", name}, {"version", now.version()}, {"content_of", version}});
  } else {
    std::cout << absl::StrFormat("%s is at version %d, with the content of version %d\n", name,
                                 now.version(), version);
  }
  return absl::OkStatus();
}

absl::Status List(Shell& shell, std::string_view collection) {
  DefinitionClient client(shell.caller(), shell.call());
  RONDO_ASSIGN_OR_RETURN(const std::vector<Definition> all, client.List(collection));
  Table table{{"NAME", "VERSION"}, {}};
  for (const Definition& definition : all) {
    if (shell.json()) {
      shell.PrintJsonLine({{"name", definition.name()}, {"version", definition.version()}});
    } else {
      table.rows.push_back({definition.name(), std::to_string(definition.version())});
    }
  }
  if (!shell.json()) shell.PrintTable(table);
  return absl::OkStatus();
}

absl::Status Show(Shell& shell, const std::string& name) {
  DefinitionClient client(shell.caller(), shell.call());
  RONDO_ASSIGN_OR_RETURN(const Definition definition, client.Get(name));
  if (shell.json()) {
    nlohmann::ordered_json json = ToJson(definition);
    for (auto& [key, value] : json.items()) {
      if (value.is_object()) {
        shell.PrintJson(value);
        return absl::OkStatus();
      }
    }
  }
  std::cout << FormatDocument(definition);
  return absl::OkStatus();
}

}  // namespace

std::string InCollection(std::string_view collection, const std::string& name) {
  return name.starts_with(std::string(collection)) ? name : std::string(collection) + name;
}

void AddListAndShow(CLI::App& noun, Shell& shell, std::string_view collection) {
  // `rondo segment list`: the noun's own word, and its collection's.
  const std::string word = noun.get_name();
  CLI::App* list = noun.add_subcommand("list", "Names and versions");
  list->footer(absl::StrFormat("Example:\n  rondo %s list --output json", word));
  shell.OnRun(list, [&shell, collection] { return List(shell, collection); });
  CLI::App* show = noun.add_subcommand("show", "The current version as a document");
  show->footer(absl::StrFormat("Example:\n  rondo %s show %sNAME", word, std::string(collection)));
  auto name = std::make_shared<std::string>();
  show->add_option("NAME", *name, "With or without its collection")->required();
  shell.OnRun(show,
              [&shell, collection, name] { return Show(shell, InCollection(collection, *name)); });
}

void AddDefinitionCommands(CLI::App& root, Shell& shell) {
  CLI::App* apply =
      root.add_subcommand("apply", "Create and change definitions from YAML documents");
  apply->footer("Example:\n  rondo apply -f examples/winback --dry-run");
  auto paths = std::make_shared<std::vector<std::string>>();
  auto dry_run = std::make_shared<bool>(false);
  apply->add_option("-f,--file", *paths, "File, folder or - for standard input")
      ->required()
      ->delimiter(',');
  apply->add_flag("--dry-run", *dry_run, "Show the plan, write nothing");
  shell.OnRun(apply, [&shell, paths, dry_run] { return Apply(shell, *paths, *dry_run); });

  CLI::App* exporting = root.add_subcommand("export", "Write definitions as YAML documents");
  exporting->footer("Example:\n  rondo export campaigns/spring-winback > winback.yaml");
  auto names = std::make_shared<std::vector<std::string>>();
  exporting->add_option("NAME", *names, "campaigns/NAME, segments/NAME, …; all if left out")
      ->delimiter(',');
  shell.OnRun(exporting, [&shell, names] { return Export(shell, *names); });

  CLI::App* rollback = root.add_subcommand("rollback", "Make an earlier version current again");
  rollback->footer("Example:\n  rondo rollback campaigns/spring-winback --to 3");
  auto name = std::make_shared<std::string>();
  auto to = std::make_shared<int64_t>(0);
  rollback->add_option("NAME", *name, "campaigns/NAME, segments/NAME, …")->required();
  rollback->add_option("--to", *to, "The version; the one before the current if left out");
  shell.OnRun(rollback, [&shell, name, to] { return Rollback(shell, *name, *to); });

  for (const auto& [noun, collection] :
       {std::pair{"offer", "offers/"}, std::pair{"policy", "policies/"},
        std::pair{"attributes", "attributeSets/"}}) {
    CLI::App* command = root.add_subcommand(noun, absl::StrFormat("Definitions of %s", collection));
    command->footer(absl::StrFormat("Example:\n  rondo %s list", noun));
    command->require_subcommand(1);
    AddListAndShow(*command, shell, collection);
  }
}

}  // namespace rondo
