// rondo-simulate: what `rondo simulate` hands over to. A program of its own, since it is built from
// the simulator, which is test code, and no product code depends on that.
// Exit status: 0 all worlds are as they must be, 1 one is not, 2 usage, 130 interrupted.

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/sim/services_loop.h"
#include "tests/sim/simulate.h"

namespace rondo::sim {
namespace {

struct Flags {
  SimulateOptions simulate;
  std::string trace;
  std::string output = "table";
};

void AddOptions(CLI::App& app, Flags& flags) {
  app.footer(
      "Example:\n"
      "  rondo simulate --worlds 100\n"
      "  rondo simulate --seed 92 --trace trace.txt\n"
      "The same seed gives the same trace, byte for byte. Exit status: 0 all is as it must be, 1 a "
      "world is not.");
  app.add_option("--seed", flags.simulate.seed, "Seed of the first world; the others follow it")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--worlds", flags.simulate.worlds, "How many to run")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--threads", flags.simulate.threads, "Worlds at the same time; 0 is one a core")
      ->check(CLI::Range(0, 1'024))
      ->capture_default_str();
  app.add_option("--trace", flags.trace, "Write all that happened to FILE; - is standard output");
  app.add_option("--output", flags.output, "How results are written")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

void Print(const Flags& flags, const SimulateSummary& summary) {
  if (flags.output == "json") {
    nlohmann::ordered_json json = {{"seed", flags.simulate.seed},
                                   {"worlds", flags.simulate.worlds},
                                   {"failed", summary.failed},
                                   {"first_failed_seed", nullptr},
                                   {"first_violation", nullptr},
                                   {"crashes", summary.crashes},
                                   {"messages_received", summary.received},
                                   {"records", summary.records}};
    if (summary.failed > 0) {
      json["first_failed_seed"] = summary.first_failed_seed;
      json["first_violation"] = summary.first_violation;
    }
    std::cout << json.dump() << "\n";
    return;
  }
  std::cout << absl::StrFormat(
      "WORLDS  FAILED  CRASHES  MESSAGES  RECORDS\n%-6d  %-6d  %-7d  %-8d  %d\n",
      flags.simulate.worlds, summary.failed, summary.crashes, summary.received, summary.records);
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Run whole deployments of rondo in one thread on simulated time, with crashes, failing "
      "channels and events out of order, and check what must always be true",
      "rondo simulate");
  Flags flags;
  AddOptions(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::ofstream file;
  if (!flags.trace.empty() && flags.trace != "-") {
    file.open(flags.trace, std::ios::binary | std::ios::trunc);
    if (!file) {
      std::cerr << "rondo: --trace: " << flags.trace << " cannot be written\n";
      return 1;
    }
  }
  if (!flags.trace.empty()) flags.simulate.trace = flags.trace == "-" ? &std::cout : &file;
  const SimulateSummary summary = Simulate(
      flags.simulate, [](const CampaignPlan&) { return ServicesLoop(); },
      [](uint64_t seed) { return absl::StrFormat("rondo simulate --seed %d", seed); }, std::cerr);
  Print(flags, summary);
  if (file.is_open() && !file.flush()) {
    std::cerr << "rondo: --trace: " << flags.trace << " could not be written to its end\n";
    return 1;
  }
  return summary.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace rondo::sim

int main(int argc, char** argv) {
  signal(SIGINT, [](int) { _exit(130); });
  return rondo::sim::Main(argc, argv);
}
