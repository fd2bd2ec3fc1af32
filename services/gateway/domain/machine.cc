#include "services/gateway/domain/machine.h"

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace rondo {
namespace {

// Lower-case parts of user agents: robots' own words for themselves, tools' libraries, security
// scanners of mails, and those that fetch previews.
constexpr std::string_view kRobotWords[] = {
    "bot",         "crawl",      "spider",         "slurp",      "preview",
    "scan",        "headless",   "curl/",          "wget/",      "python",
    "java/",       "okhttp",     "go-http-client", "libwww",     "httpclient",
    "apache-http", "axios",      "node-fetch",     "phantomjs",  "facebookexternalhit",
    "whatsapp",    "mimecast",   "barracuda",      "proofpoint", "fireeye",
    "symantec",    "sophos",     "forcepoint",     "cloudmark",  "trendmicro",
    "zscaler",     "bitdefender"};

bool Contains(const std::string& text, std::string_view word) {
  return text.find(word) != std::string::npos;
}

std::string Lower(std::string_view text) {
  return absl::AsciiStrToLower(absl::string_view(text.data(), text.size()));
}

}  // namespace

std::string_view ToString(MachineReason reason) {
  switch (reason) {
    case MachineReason::kNone:
      return "";
    case MachineReason::kHead:
      return "head";
    case MachineReason::kPrefetch:
      return "prefetch";
    case MachineReason::kRobot:
      return "robot";
    case MachineReason::kBurst:
      return "burst";
  }
  return "";
}

MachineReason JudgeVisitor(const Visitor& visitor) {
  if (visitor.method == "HEAD") return MachineReason::kHead;
  if (Contains(Lower(visitor.purpose), "prefetch") || Contains(Lower(visitor.purpose), "preview") ||
      Contains(Lower(visitor.sec_purpose), "prefetch") || Lower(visitor.x_moz) == "prefetch") {
    return MachineReason::kPrefetch;
  }
  // Apple's Mail Privacy Protection fetches every image as nothing but this, read or not.
  if (visitor.user_agent.empty() || visitor.user_agent == "Mozilla/5.0")
    return MachineReason::kRobot;
  const std::string agent = Lower(visitor.user_agent);
  for (const std::string_view word : kRobotWords) {
    if (Contains(agent, word)) return MachineReason::kRobot;
  }
  return MachineReason::kNone;
}

bool IsImageProxy(std::string_view user_agent) {
  const std::string agent = Lower(user_agent);
  return user_agent == "Mozilla/5.0" || Contains(agent, "googleimageproxy") ||
         Contains(agent, "yahoomailproxy");
}

bool ClickBursts::Note(const std::string& contact, uint32_t link_number, absl::Time now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [known, is_new] = last_.try_emplace(contact, Last{now, link_number, false});
  if (is_new) {
    order_.push_back(contact);
    if (order_.size() > kContactsMax) {
      last_.erase(order_.front());
      order_.pop_front();
    }
    return false;
  }
  Last& last = known->second;
  const bool is_soon = now - last.time < kBurstWindow;
  const bool is_burst = is_soon && (last.is_burst || last.link_number != link_number);
  last = {now, link_number, is_burst};
  return is_burst;
}

}  // namespace rondo
