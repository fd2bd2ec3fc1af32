#include "app/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rondo {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

// Calls `visit(command, words)` for each command below `app`; `words` are those that call it.
template <typename Visit>
void ForEachCommand(CLI::App& app, const std::string& words, const Visit& visit) {
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    const std::string own = words + " " + command->get_name();
    visit(*command, own);
    ForEachCommand(*command, own, visit);
  }
}

TEST(CommandsTest, EveryCommandSaysWhatItDoesWithAnExampleOfItself) {
  CLI::App root("rondo");
  Shell shell(root);
  AddCommands(root, shell);
  int commands = 0;
  ForEachCommand(root, "rondo", [&](CLI::App& command, const std::string& words) {
    SCOPED_TRACE(words);
    ++commands;
    EXPECT_FALSE(command.get_description().empty());
    if (words == "rondo simulate") return;  // Another program's help.
    EXPECT_THAT(command.get_footer(), AnyOf(HasSubstr("Example:\n"), HasSubstr("Examples:\n")));
    EXPECT_THAT(command.get_footer(), HasSubstr(words));
  });
  EXPECT_GT(commands, 40);
}

TEST(CommandsTest, OptionsOfSeveralValuesTakeRepetitionAndCommas) {
  CLI::App root("rondo");
  Shell shell(root);
  AddCommands(root, shell);
  int several = 0;
  ForEachCommand(root, "rondo", [&](CLI::App& command, const std::string& words) {
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_expected_max() <= 1) continue;
      ++several;
      EXPECT_EQ(option->get_delimiter(), ',') << words << " " << option->get_name();
    }
  });
  EXPECT_GE(several, 4);
}

}  // namespace
}  // namespace rondo
