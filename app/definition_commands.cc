#include "app/definition_commands.h"

#include <algorithm>

#include "absl/strings/str_format.h"
#include "app/apply_command.h"
#include "app/definition_client.h"
#include "app/documents.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

using log::v1::Definition;

// What stands in the definition, as JSON.
nlohmann::ordered_json BodyOf(const Definition& definition) {
  nlohmann::ordered_json json = ToJson(definition);
  for (auto& [key, value] : json.items()) {
    if (value.is_object()) return value;
  }
  return json;
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
    if (shell.json()) {
      shell.PrintJsonLine(BodyOf(all[i]));
      continue;
    }
    std::cout << (i == 0 ? "" : "---\n") << FormatDocument(all[i]);
  }
  return absl::OkStatus();
}

absl::Status Rollback(Shell& shell, const std::string& name, int64_t to) {
  DefinitionClient client(shell.caller(), shell.call());
  RONDO_ASSIGN_OR_RETURN(const Definition current, client.Get(name));
  const int64_t version = to != 0 ? to : current.version() - 1;
  if (current.version() == 1) {
    return absl::FailedPreconditionError(name + " has version 1 alone: there is none before it");
  }
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

absl::Status List(Shell& shell, std::string_view collection, bool json) {
  DefinitionClient client(shell.caller(), shell.call());
  RONDO_ASSIGN_OR_RETURN(const std::vector<Definition> all, client.List(collection));
  Table table{{"NAME", "VERSION"}, {}};
  for (const Definition& definition : all) {
    if (json) {
      shell.PrintJsonLine({{"name", definition.name()}, {"version", definition.version()}});
    } else {
      table.rows.push_back({definition.name(), std::to_string(definition.version())});
    }
  }
  if (!json) shell.PrintTable(table);
  return absl::OkStatus();
}

absl::Status Show(Shell& shell, const std::string& name, bool json) {
  DefinitionClient client(shell.caller(), shell.call());
  RONDO_ASSIGN_OR_RETURN(const Definition definition, client.Get(name));
  if (json) {
    shell.PrintJson(BodyOf(definition));
  } else {
    std::cout << FormatDocument(definition);
  }
  return absl::OkStatus();
}

}  // namespace

std::string InCollection(std::string_view collection, const std::string& name) {
  return name.starts_with(std::string(collection)) ? name : std::string(collection) + name;
}

void AddListAndShow(CLI::App& noun, Shell& shell, std::string_view collection) {
  // The commands of templates answer in JSON unless told otherwise, as those of rules do.
  const bool json_by_default = collection == catalog::kTemplates;
  // `rondo segment list`: the noun's own word, and its collection's.
  const std::string word = noun.get_name();
  CLI::App* list = noun.add_subcommand("list", "Names and versions");
  list->footer(absl::StrFormat("Example:\n  rondo %s list --output json", word));
  shell.OnRun(list, [&shell, collection, json_by_default] {
    return List(shell, collection, shell.json(json_by_default));
  });
  CLI::App* show = noun.add_subcommand("show", "The current version as a document");
  show->footer(absl::StrFormat("Example:\n  rondo %s show %sNAME", word, std::string(collection)));
  auto name = std::make_shared<std::string>();
  show->add_option("NAME", *name, "With or without its collection")->required();
  shell.OnRun(show, [&shell, collection, json_by_default, name] {
    return Show(shell, InCollection(collection, *name), shell.json(json_by_default));
  });
}

void AddDefinitionCommands(CLI::App& root, Shell& shell) {
  AddApplyCommand(root, shell);
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
        std::pair{"attributes", "attributeSets/"}, std::pair{"codes", "codeLists/"}}) {
    CLI::App* command = root.add_subcommand(noun, absl::StrFormat("Definitions of %s", collection));
    command->footer(absl::StrFormat("Example:\n  rondo %s list", noun));
    command->require_subcommand(1);
    AddListAndShow(*command, shell, collection);
  }
}

}  // namespace rondo
