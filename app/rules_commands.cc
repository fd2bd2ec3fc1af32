#include "app/rules_commands.h"

#include <memory>
#include <string>

#include "platform/core/status_macros.h"
#include "rules/eval_command.h"
#include "rules/program.h"

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

}  // namespace

void AddRulesCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("rules", "The rule language: CEL; needs no server");
  noun->require_subcommand(1);
  CLI::App* eval = noun->add_subcommand("eval", "Evaluate one expression, or a batch");
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
      return absl::InvalidArgumentError("--expr says what to evaluate; --batch reads many");
    }
    options->check = !*no_check;
    return Eval(shell, *options, *variables);
  });
  CLI::App* format = noun->add_subcommand("fmt", "Write an expression in its canonical form");
  format->footer("Example:\n  rondo rules fmt --expr \"a&&( b||c )\"");
  auto text = std::make_shared<std::string>();
  format->add_option("--expr", *text, "The expression")->required();
  shell.OnRun(format, [text]() -> absl::Status {
    RONDO_ASSIGN_OR_RETURN(const std::string formatted, rules::Format(*text));
    std::cout << formatted << "\n";
    return absl::OkStatus();
  });
}

}  // namespace rondo
