// Real peers and our own binary as child processes of a test: started on free ports, awaited until
// ready, killed with their children when the test ends. For tests only.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rondo::test {

// A TCP port of 127.0.0.1 that nobody listens on now, from the range below the kernel's ephemeral
// ports, and not given out before by this process.
int FreePort();

// A new empty folder below the system's temporary folder, removed with all in it by the destructor.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string File(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

struct ProcessOptions {
  std::vector<std::string> argv = {};                   // argv[0] is looked up in PATH.
  std::map<std::string, std::string> environment = {};  // Added to ours.
  std::string working_directory = {};                   // Empty: ours.
  std::string output_file = {};  // Where both outputs go; empty: a file that Output() reads.
};

// Thread-compatible. The child leads a process group of its own and dies with us
// (PR_SET_PDEATHSIG); the destructor kills the group and reaps the child.
class Process {
 public:
  static absl::StatusOr<Process> Start(ProcessOptions options);
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  bool Running();
  // What the child has written so far, both outputs together.
  std::string Output() const;

  // Waits until `ready()`; FAILED_PRECONDITION, with the child's last output, if it ends before;
  // DEADLINE_EXCEEDED after `timeout`.
  absl::Status AwaitReady(const std::function<bool()>& ready,
                          absl::Duration timeout = absl::Seconds(30));
  // Ready when 127.0.0.1:port accepts connections.
  absl::Status AwaitPort(int port, absl::Duration timeout = absl::Seconds(30));

  // Sends a signal to the child, or to its whole group.
  // SIGSTOP has taken effect when this returns.
  void Signal(int signal);
  void KillGroup();
  // The exit status (128 + signal if killed); DEADLINE_EXCEEDED if it still runs after `timeout`.
  absl::StatusOr<int> Wait(absl::Duration timeout = absl::Seconds(30));

 private:
  Process(pid_t pid, std::string output_file, bool owns_file)
      : pid_(pid), output_file_(std::move(output_file)), owns_file_(owns_file) {}
  void Stop();

  pid_t pid_ = -1;
  std::optional<int> status_;
  std::string output_file_;
  bool owns_file_ = false;
};

// Asks `done` every few milliseconds until it is true (then true) or `timeout` has passed (false).
bool Eventually(const std::function<bool()>& done, absl::Duration timeout = absl::Seconds(30));

// The folder of the public test data: $RONDO_TEST_DATA, else ../shared/data from the repository's
// root (tests run there). Nothing if absent; with CI=true the caller fails instead of skipping.
std::optional<std::string> TestData(std::string_view folder);

// `GTEST_SKIP() << …` where data is absent, a failure where CI=true.
#define RONDO_REQUIRE_TEST_DATA(variable, folder)                                \
  const auto variable##_or = ::rondo::test::TestData(folder);                    \
  if (!variable##_or.has_value()) {                                              \
    const char* ci = std::getenv("CI");                                          \
    if (ci != nullptr && std::string_view(ci) == "true")                         \
      FAIL() << "test data is absent: " << (folder);                             \
    GTEST_SKIP() << "TEST DATA ABSENT: " << (folder) << "; set RONDO_TEST_DATA"; \
  }                                                                              \
  const std::string& variable = *variable##_or

}  // namespace rondo::test
