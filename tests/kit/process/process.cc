#include "tests/kit/process/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/time/clock.h"
#include "platform/core/status_macros.h"

namespace rondo::test {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(5);
constexpr int kFirstPort = 20'000;
constexpr int kPortCount = 12'000;  // Below 32,768, where Linux's ephemeral ports begin.

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool CanBind(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return bound;
}

bool Accepts(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// Runs in the child, between fork and exec: nothing here may allocate.
[[noreturn]] void Exec(char* const* argv, char* const* envp, const char* directory, int output,
                       pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (*directory != '\0' && chdir(directory) != 0) _exit(127);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(output, 1);
  dup2(output, 2);
  environ = const_cast<char**>(envp);  // Its PATH, not ours, finds the program.
  execvp(argv[0], argv);
  _exit(127);
}

}  // namespace

int FreePort() {
  static std::mutex mutex;
  static std::set<int> given;
  static unsigned next = static_cast<unsigned>(getpid()) * 97u;
  const std::lock_guard lock(mutex);
  for (int tries = 0; tries < kPortCount; ++tries) {
    const int port = kFirstPort + static_cast<int>(next++ % kPortCount);
    if (CanBind(port) && given.insert(port).second) return port;
  }
  RONDO_CHECK(false && "no free port");
  return 0;
}

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "rondo-test-XXXXXX").string();
  RONDO_CHECK(mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::StatusOr<Process> Process::Start(ProcessOptions options) {
  if (options.argv.empty()) return absl::InvalidArgumentError("argv: name a program");
  const bool owns_file = options.output_file.empty();
  if (owns_file) {
    std::string pattern = (std::filesystem::temp_directory_path() / "rondo-out-XXXXXX").string();
    const int made = mkstemp(pattern.data());
    if (made < 0) return absl::InternalError("output_file: cannot be made");
    close(made);
    options.output_file = pattern;
  }
  const int output =
      open(options.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) return absl::InternalError("output_file: cannot be opened");

  std::vector<char*> argv;
  for (std::string& argument : options.argv) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view line(*entry);
    if (!options.environment.contains(std::string(line.substr(0, line.find('='))))) {
      variables.emplace_back(line);
    }
  }
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);

  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Exec(argv.data(), envp.data(), options.working_directory.c_str(), output, parent);
  close(output);
  if (pid < 0) return absl::InternalError("fork failed");
  setpgid(pid, pid);  // Whoever is first: then KillGroup never meets a group that is not there yet.
  return Process(pid, std::move(options.output_file), owns_file);
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      status_(other.status_),
      output_file_(std::exchange(other.output_file_, {})),
      owns_file_(std::exchange(other.owns_file_, false)) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  Stop();
  pid_ = std::exchange(other.pid_, -1);
  status_ = other.status_;
  output_file_ = std::exchange(other.output_file_, {});
  owns_file_ = std::exchange(other.owns_file_, false);
  return *this;
}

Process::~Process() { Stop(); }

void Process::Stop() {
  if (pid_ > 0) {
    KillGroup();
    if (!status_.has_value()) waitpid(pid_, nullptr, 0);
  }
  if (owns_file_) unlink(output_file_.c_str());
}

bool Process::Running() {
  if (pid_ <= 0 || status_.has_value()) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

std::string Process::Output() const { return ReadFile(output_file_); }

absl::Status Process::AwaitReady(const std::function<bool()>& ready, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (absl::Now() < deadline) {
    if (ready()) return absl::OkStatus();
    if (!Running()) {
      return absl::FailedPreconditionError(
          absl::StrFormat("ended with status %d before it was ready:\n%s", *status_, Output()));
    }
    absl::SleepFor(kPollInterval);
  }
  return absl::DeadlineExceededError("not ready in time:\n" + Output());
}

absl::Status Process::AwaitPort(int port, absl::Duration timeout) {
  return AwaitReady([port] { return Accepts(port); }, timeout);
}

void Process::Signal(int signal) {
  if (!Running()) return;
  kill(pid_, signal);
  // A stop takes effect thread by thread: wait until the last of them stands.
  int status = 0;
  if (signal == SIGSTOP) waitpid(pid_, &status, WUNTRACED);
}

void Process::KillGroup() {
  if (pid_ > 0) kill(-pid_, SIGKILL);
}

absl::StatusOr<int> Process::Wait(absl::Duration timeout) {
  if (!Eventually([this] { return !Running(); }, timeout)) {
    return absl::DeadlineExceededError("still running:\n" + Output());
  }
  return *status_;
}

bool Eventually(const std::function<bool()>& done, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (!done()) {
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(kPollInterval);
  }
  return true;
}

std::optional<std::string> TestData(std::string_view folder) {
  const char* root = std::getenv("RONDO_TEST_DATA");
  std::string path(root != nullptr ? root : "../shared/data");
  path += "/" + std::string(folder);
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace rondo::test
