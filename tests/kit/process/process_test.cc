#include "tests/kit/process/process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

namespace rondo::test {
namespace {

TEST(ProcessTest, GivesTheOutputAndTheStatusOfItsChild) {
  auto process = Process::Start(
      {.argv = {"sh", "-c", "echo $GREETING; exit 3"}, .environment = {{"GREETING", "hello"}}});
  ASSERT_TRUE(process.ok()) << process.status();
  EXPECT_EQ(process->Wait().value(), 3);
  EXPECT_EQ(process->Output(), "hello\n");
}

TEST(ProcessTest, IsReadyWhenItsPortAccepts) {
  const int port = FreePort();
  auto server = Process::Start(
      {.argv = {"python3", "-m", "http.server", "--bind", "127.0.0.1", std::to_string(port)}});
  ASSERT_TRUE(server.ok());
  EXPECT_TRUE(server->AwaitPort(port).ok());
  server->Signal(SIGKILL);
  EXPECT_EQ(server->Wait().value(), 128 + SIGKILL);
}

TEST(ProcessTest, SaysWhatTheChildSaidIfItEndsBeforeItIsReady) {
  auto process = Process::Start({.argv = {"sh", "-c", "echo no such option; exit 2"}});
  const absl::Status ready = process->AwaitPort(FreePort());
  EXPECT_EQ(ready.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(ready.message().find("no such option"), absl::string_view::npos);
}

TEST(ProcessTest, TakesGrandchildrenAlong) {
  pid_t grandchild = 0;
  {
    auto process = Process::Start({.argv = {"sh", "-c", "sleep 600 & echo $!; wait"}});
    ASSERT_TRUE(Eventually([&] { return process->Output().ends_with("\n"); }));
    grandchild = static_cast<pid_t>(std::stol(process->Output()));
    EXPECT_EQ(kill(grandchild, 0), 0);
  }
  // The grandchild may stay a zombie of whoever adopted it; it runs no more.
  EXPECT_TRUE(Eventually([&] {
    auto state = Process::Start({.argv = {"ps", "-o", "state=", "-p", std::to_string(grandchild)}});
    if (!state.ok() || !state->Wait().ok()) return false;
    return state->Output().empty() || state->Output().starts_with("Z");
  }));
}

TEST(FreePortTest, NeverGivesOnePortTwice) { EXPECT_NE(FreePort(), FreePort()); }

TEST(TempDirTest, LeavesNothingBehind) {
  std::string path;
  {
    const TempDir dir;
    path = dir.path();
    EXPECT_TRUE(std::filesystem::is_directory(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace rondo::test
