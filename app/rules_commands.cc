#include "app/rules_commands.h"

#include <memory>
#include <string>

#include "absl/strings/str_split.h"
#include "app/document_files.h"
#include "platform/core/status_macros.h"
#include "rules/eval_command.h"
#include "rules/program.h"
#include "rules/schema/schema.h"

namespace rondo {
namespace {

constexpr size_t kMaxVariablesBytes = 64 << 20;

absl::Status Eval(Shell& shell, rules::EvalOptions options, const std::string& variables) {
  if (!variables.empty()) {
    RONDO_ASSIGN_OR_RETURN(options.variables_json, ReadInput(variables, kMaxVariablesBytes));
  }
  options.now = absl::Now();
  const rules::EvalOutput output = rules::Eval(options);
  std::cout << output.standard_output;
  if (!output.standard_output.ends_with('\n')) std::cout << "\n";
  std::cerr << output.standard_error;
  shell.EndWith(static_cast<ExitCode>(output.exit_code));
  return absl::OkStatus();
}

// What segments may name, given definitions from files: what a server would know that had these.
absl::StatusOr<rules::Environment> EnvironmentOf(const std::vector<std::string>& paths) {
  constexpr std::string_view kSegments = "segments/";
  RONDO_ASSIGN_OR_RETURN(const std::vector<Document> documents, LoadDocuments(paths));
  std::vector<log::v1::Definition> sets;
  std::vector<log::v1::Definition> code_lists;
  rules::Environment environment;
  for (const Document& document : documents) {
    const log::v1::Definition& definition = document.definition;
    if (definition.has_attribute_set()) sets.push_back(definition);
    if (definition.has_code_list()) code_lists.push_back(definition);
    if (definition.has_segment()) {
      environment.AddSegment(definition.name().substr(kSegments.size()));
    }
  }
  const rules::Schema schema(sets, code_lists);
  schema.DeclareAttributes(environment);
  schema.DeclareEvents(environment);
  rules::Schema::DeclareSignals(environment);
  return environment;
}

absl::Status Explain(Shell& shell, const std::string& expression,
                     const std::vector<std::string>& definitions) {
  RONDO_ASSIGN_OR_RETURN(const rules::Environment environment, EnvironmentOf(definitions));
  RONDO_ASSIGN_OR_RETURN(const rules::Program program,
                         rules::Compile(expression, environment, rules::Type::Dyn()));
  const std::string plan = program.Explain();
  if (!shell.json(/*by_default=*/true)) {
    std::cout << plan;
    return absl::OkStatus();
  }
  const rules::References& reads = program.references();
  shell.PrintJson(
      {{"expression", program.Formatted()},
       {"type", rules::ToString(program.result_type())},
       {"plan", std::vector<std::string>(absl::StrSplit(plan, '\n', absl::SkipEmpty()))},
       {"reads",
        {{"attributes", reads.attributes},
         {"signals", reads.signals},
         {"event_types", reads.event_types},
         {"event_fields", reads.event_fields},
         {"segments", reads.segments},
         {"now", reads.reads_now}}}});
  return absl::OkStatus();
}

absl::Status Format(Shell& shell, const std::string& expression) {
  RONDO_ASSIGN_OR_RETURN(const std::string formatted, rules::Format(expression));
  if (shell.json(/*by_default=*/true)) {
    shell.PrintJson({{"expression", formatted}});
  } else {
    std::cout << formatted << "\n";
  }
  return absl::OkStatus();
}

void AddEval(CLI::App& noun, Shell& shell) {
  CLI::App* eval = noun.add_subcommand("eval", "Evaluate one expression, or a batch");
  eval->footer(
      "Examples:\n  rondo rules eval --expr \"1 + 2 * 3\"\n"
      "  echo '{\"x\": 4}' | rondo rules eval --expr \"x > 3\" --vars - --plain");
  auto options = std::make_shared<rules::EvalOptions>();
  auto variables = std::make_shared<std::string>();
  auto batch = std::make_shared<bool>(false);
  auto no_check = std::make_shared<bool>(false);
  eval->add_option("--expr", options->expression, "The expression");
  eval->add_option("--vars", *variables, "JSON: names to typed values; - for standard input");
  eval->add_flag("--plain", options->plain, "--vars holds plain JSON");
  eval->add_option("--container", options->container, "Where names are looked up first");
  eval->add_flag("--no-check", *no_check, "Evaluate without checking types");
  eval->add_flag("--check-only", options->check_only, "Print the type instead of the value");
  eval->add_flag("--batch", *batch, "One JSON object a line on standard input, one answer a line");
  shell.OnRun(eval, [=, &shell]() -> absl::Status {
    if (*batch) {
      rules::EvalBatch(std::cin, std::cout, absl::Now());
      return absl::OkStatus();
    }
    if (options->expression.empty()) {
      return shell.UsageError("--expr says what to evaluate; --batch reads many");
    }
    options->check = !*no_check;
    return Eval(shell, *options, *variables);
  });
}

}  // namespace

void AddRulesCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("rules", "The rule language: CEL; needs no server");
  noun->footer("Example:\n  rondo rules eval --expr \"1 + 2 * 3\"");
  noun->require_subcommand(1);
  AddEval(*noun, shell);

  CLI::App* format = noun->add_subcommand("fmt", "Write an expression in its canonical form");
  format->footer("Example:\n  rondo rules fmt --expr \"a&&( b||c )\" --output table");
  auto text = std::make_shared<std::string>();
  format->add_option("--expr", *text, "The expression")->required();
  shell.OnRun(format, [&shell, text] { return Format(shell, *text); });

  CLI::App* explain = noun->add_subcommand(
      "explain", "How a rule selects: what runs on columns, what goes by rows, what it reads");
  explain->footer(
      "Example:\n  rondo rules explain --expr \"customer.tier == 'gold'\" -f examples/winback\n"
      "Names that the engine does not know by itself come from attribute sets: name them with -f.");
  auto rule = std::make_shared<std::string>();
  auto definitions = std::make_shared<std::vector<std::string>>();
  explain->add_option("--expr", *rule, "The rule")->required();
  explain
      ->add_option("-f,--file", *definitions, "Definitions: file, folder or - for standard input")
      ->delimiter(',');
  shell.OnRun(explain, [&shell, rule, definitions] { return Explain(shell, *rule, *definitions); });
}

}  // namespace rondo
