#include "app/simulate_command.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_format.h"

namespace rondo {
namespace {

namespace fs = std::filesystem;

// Returns only if it fails.
absl::Status HandOver(const std::vector<std::string>& arguments) {
  std::error_code error;
  const fs::path program =
      fs::read_symlink("/proc/self/exe", error).parent_path() / "rondo-simulate";
  if (!fs::exists(program, error)) {
    return absl::NotFoundError(absl::StrFormat(
        "simulate: %s is not there; `./x build` builds it beside rondo", program.string()));
  }
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());
  return absl::UnavailableError(absl::StrFormat("simulate: %s cannot be started: %s",
                                                program.string(), std::strerror(errno)));
}

}  // namespace

void AddSimulateCommand(CLI::App& root, Shell& shell) {
  CLI::App* command = root.add_subcommand(
      "simulate", "Whole deployments on simulated time with crashes, by seed: --seed N --worlds N");
  // Everything behind the word is the other program's, `--help` too.
  command->set_help_flag();
  command->fallthrough(false);
  command->prefix_command();
  shell.OnRun(command, [command, &shell] {
    std::vector<std::string> arguments;
    if (shell.json()) arguments = {"--output", "json"};
    for (const std::string& word : command->remaining()) arguments.push_back(word);
    return HandOver(arguments);
  });
}

}  // namespace rondo
