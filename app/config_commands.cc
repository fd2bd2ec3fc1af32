#include "app/config_commands.h"

#include <memory>
#include <string>

#include "app/config.h"
#include "platform/core/status_macros.h"

namespace rondo {

void AddConfigCommands(CLI::App& root, Shell& shell) {
  CLI::App* noun = root.add_subcommand("config", "The configuration of `rondo serve`");
  noun->footer("Example:\n  rondo config explain > rondo.yaml");
  noun->require_subcommand(1);
  CLI::App* explain = noun->add_subcommand("explain", "Every key, its default and what it means");
  explain->footer("Example:\n  rondo config explain > rondo.yaml");
  shell.OnRun(explain, [&shell]() -> absl::Status {
    if (!shell.json()) {
      std::cout << ExplainConfig();
      return absl::OkStatus();
    }
    for (const ConfigKey& key : ConfigKeys()) {
      shell.PrintJsonLine({{"key", key.name},
                           {"type", key.type},
                           {"default", ConfigValue(Config(), key.name)},
                           {"description", key.description}});
    }
    return absl::OkStatus();
  });
  CLI::App* check = noun->add_subcommand("check", "Whether a file is right");
  check->footer("Example:\n  rondo config check rondo.yaml");
  auto file = std::make_shared<std::string>();
  check->add_option("FILE", *file)->required();
  shell.OnRun(check, [&shell, file]() -> absl::Status {
    RONDO_ASSIGN_OR_RETURN(const std::string text, ReadInput(*file, 1 << 20));
    RONDO_RETURN_IF_ERROR(ParseConfig(*file, text).status());
    if (shell.json()) {
      shell.PrintJson({{"file", *file}, {"ok", true}});
    } else {
      std::cout << *file << " is right\n";
    }
    return absl::OkStatus();
  });
}

}  // namespace rondo
