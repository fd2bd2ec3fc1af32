// Whether an open or a click was made by a machine: a scanner of mails, a prefetch, a proxy, a
// robot.
//
// The event is kept in any case, with the verdict and its reason; figures count people unless asked
// otherwise. The rules have a version, so that a figure can say by which it was made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace rondo {

inline constexpr int kMachineRulesVersion = 1;

enum class MachineReason { kNone, kHead, kPrefetch, kRobot, kBurst };
// "", "head", "prefetch", "robot", "burst".
std::string_view ToString(MachineReason reason);

// What a hit shows of who made it; empty where nothing was sent.
struct Visitor {
  std::string_view method;  // `GET`, `HEAD`.
  std::string_view user_agent;
  std::string_view purpose;      // `Purpose` or `X-Purpose`.
  std::string_view sec_purpose;  // `Sec-Purpose`.
  std::string_view x_moz;        // `X-Moz`.
};

// By what the hit alone shows: never kBurst. No user agent is a robot.
MachineReason JudgeVisitor(const Visitor& visitor);

// Whether an image was fetched by a mailbox provider's proxy, which hides who looked and when: such
// an open says little.
bool IsImageProxy(std::string_view user_agent);

// Two different links of one contact within kBurstWindow were followed by a machine: a person reads
// one page first. The first click of a burst has gone by then. Thread-safe; remembers the last
// kContactsMax contacts.
class ClickBursts {
 public:
  static constexpr absl::Duration kBurstWindow = absl::Seconds(2);
  static constexpr size_t kContactsMax = 65'536;

  // Notes a click on link `link_number` of `contact` and returns whether it is part of a burst.
  bool Note(const std::string& contact, uint32_t link_number, absl::Time now);

 private:
  struct Last {
    absl::Time time;
    uint32_t link_number = 0;
    bool is_burst = false;
  };
  std::mutex mutex_;
  std::map<std::string, Last> last_;
  std::deque<std::string> order_;  // Of first notes, oldest first.
};

}  // namespace rondo
