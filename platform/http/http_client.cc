#include "platform/http/http_client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "boost/asio/ip/address.hpp"
#include "boost/asio/ip/network_v4.hpp"
#include "boost/asio/ip/network_v6.hpp"
#include "platform/core/status_macros.h"
#include "platform/http/url.h"

namespace rondo {
namespace {

namespace ip = boost::asio::ip;

constexpr size_t kIdleHandlesMax = 16;
constexpr size_t kResponseHeaderBytesMax = 64 << 10;

// IANA's special-purpose registries (RFC 6890 and later), multicast and reserved space.
constexpr const char* kGuardedV4[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4"};
// Only 2000::/3 is global unicast; within it these are not, or hide an IPv4 address.
constexpr const char* kGuardedV6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};

bool Contains(const char* network, const ip::address_v4& address) {
  const ip::network_v4 net = ip::make_network_v4(network);
  return (address.to_uint() & net.netmask().to_uint()) == net.network().to_uint();
}

bool Contains(const char* network, const ip::address_v6& address) {
  const ip::network_v6 net = ip::make_network_v6(network);
  return ip::network_v6(address, net.prefix_length()).canonical().address() == net.network();
}

bool IsGuarded(const ip::address& address) {
  if (address.is_v4()) {
    return std::any_of(std::begin(kGuardedV4), std::end(kGuardedV4),
                       [&](const char* network) { return Contains(network, address.to_v4()); });
  }
  const ip::address_v6 v6 = address.to_v6();
  if (v6.is_v4_mapped()) return IsGuarded(ip::make_address_v4(ip::v4_mapped, v6));
  if (!Contains("2000::/3", v6)) return true;
  return std::any_of(std::begin(kGuardedV6), std::end(kGuardedV6),
                     [&](const char* network) { return Contains(network, v6); });
}

// What curl's callbacks write to.
struct Exchange {
  const HttpClientOptions& options;
  HttpResponse response = {};
  size_t header_bytes = 0;
  bool was_guarded = false;
  bool was_too_long = false;
};

curl_socket_t OpenSocket(void* data, curlsocktype, curl_sockaddr* target) {
  Exchange& exchange = *static_cast<Exchange*>(data);
  char text[INET6_ADDRSTRLEN] = {};
  uint16_t port = 0;
  if (target->family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&target->addr);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    port = ntohs(v4->sin_port);
  } else if (target->family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&target->addr);
    inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
    port = ntohs(v6->sin6_port);
  }
  const std::vector<std::string>& allowed = exchange.options.allowed_private_addresses;
  const bool is_allowed =
      std::find(allowed.begin(), allowed.end(), text) != allowed.end() ||
      std::find(allowed.begin(), allowed.end(), absl::StrCat(text, ":", port)) != allowed.end();
  if (!is_allowed && IsGuardedAddress(text)) {
    exchange.was_guarded = true;
    return CURL_SOCKET_BAD;
  }
  return socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

size_t OnBody(char* bytes, size_t, size_t count, void* data) {
  Exchange& exchange = *static_cast<Exchange*>(data);
  if (exchange.response.body.size() + count > exchange.options.response_bytes_max) {
    exchange.was_too_long = true;
    return 0;
  }
  exchange.response.body.append(bytes, count);
  return count;
}

size_t OnHeader(char* bytes, size_t, size_t count, void* data) {
  Exchange& exchange = *static_cast<Exchange*>(data);
  exchange.header_bytes += count;
  if (exchange.header_bytes > kResponseHeaderBytesMax) {
    exchange.was_too_long = true;
    return 0;
  }
  const absl::string_view line(bytes, count);
  // A status line: what came before was an interim answer (1xx).
  if (absl::StartsWith(line, "HTTP/")) exchange.response.headers.clear();
  const size_t colon = line.find(':');
  if (colon != absl::string_view::npos) {
    exchange.response.headers.emplace_back(
        std::string(line.substr(0, colon)),
        std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  }
  return count;
}

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListFree>;

void Append(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  RONDO_CHECK(longer != nullptr);
  (void)list.release();
  list.reset(longer);
}

absl::StatusOr<HeaderList> MakeHeaders(const HttpCall& call) {
  HeaderList list;
  for (const auto& [name, value] : call.headers) {
    const auto is_control = [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    };
    if (name.empty() || name.find_first_of(": \t") != std::string::npos ||
        std::any_of(name.begin(), name.end(), is_control) ||
        std::any_of(value.begin(), value.end(), is_control)) {
      return absl::InvalidArgumentError("a header holds a control character, or its name a blank");
    }
    Append(list, value.empty() ? name + ";" : absl::StrCat(name, ": ", value));
  }
  // What libcurl would add by itself.
  if (FindHeader(call.headers, "content-type").empty()) Append(list, "Content-Type:");
  if (FindHeader(call.headers, "expect").empty()) Append(list, "Expect:");
  return list;
}

absl::Status ToStatus(CURL* curl, CURLcode code, const Exchange& exchange) {
  if (exchange.was_guarded) {
    return absl::PermissionDeniedError(
        "the URL leads into a private network; allow its address in the configuration if it "
        "should");
  }
  if (exchange.was_too_long) return absl::ResourceExhaustedError("the peer's answer is too long");
  curl_off_t began_micros = 0;
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &began_micros);
  const std::string reason = curl_easy_strerror(code);
  if (began_micros == 0) return absl::UnavailableError(reason);
  if (code == CURLE_OPERATION_TIMEDOUT) return absl::DeadlineExceededError(reason);
  return absl::UnknownError(reason);
}

long ToMillis(absl::Duration d) {
  return static_cast<long>(std::max<int64_t>(1, absl::ToInt64Milliseconds(d)));
}

void SetRequest(CURL* curl, const HttpCall& call) {
  curl_easy_setopt(curl, CURLOPT_URL, call.url.c_str());
  const bool is_head = call.method == "HEAD";
  const bool is_safe = is_head || call.method == "GET";
  if (is_head) {
    curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  } else if (call.method != "GET" || !call.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.c_str());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  }
  // On a kept connection that dies libcurl sends again by itself: never twice what acts.
  if (!is_safe) curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
}

void SetLimits(CURL* curl, const HttpClientOptions& options) {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, ToMillis(options.connect_timeout));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ToMillis(options.timeout));
}

}  // namespace

bool IsGuardedAddress(std::string_view text) {
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  return error || IsGuarded(address);
}

// Idle easy handles, each with its kept connections.
class HttpClient::Handles {
 public:
  Handles() {
    static const CURLcode kInitialised = curl_global_init(CURL_GLOBAL_DEFAULT);
    RONDO_CHECK(kInitialised == CURLE_OK);
  }
  ~Handles() {
    for (CURL* curl : idle_) curl_easy_cleanup(curl);
  }

  CURL* Take() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!idle_.empty()) {
        CURL* curl = idle_.back();
        idle_.pop_back();
        curl_easy_reset(curl);
        return curl;
      }
    }
    CURL* curl = curl_easy_init();
    RONDO_CHECK(curl != nullptr);
    return curl;
  }

  void Return(CURL* curl) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (idle_.size() < kIdleHandlesMax) {
        idle_.push_back(curl);
        return;
      }
    }
    curl_easy_cleanup(curl);
  }

 private:
  std::mutex mutex_;
  std::vector<CURL*> idle_;
};

HttpClient::HttpClient(HttpClientOptions options)
    : options_(std::move(options)), handles_(std::make_unique<Handles>()) {}
HttpClient::~HttpClient() = default;

absl::StatusOr<HttpResponse> HttpClient::Send(const HttpCall& call) {
  RONDO_RETURN_IF_ERROR(ParseUrl(call.url).status());
  if (call.method.empty() || !std::all_of(call.method.begin(), call.method.end(),
                                          [](char c) { return c >= 'A' && c <= 'Z'; })) {
    return absl::InvalidArgumentError("a method is upper-case letters");
  }
  RONDO_ASSIGN_OR_RETURN(const HeaderList headers, MakeHeaders(call));
  Exchange exchange{.options = options_};
  CURL* curl = handles_->Take();
  SetLimits(curl, options_);
  SetRequest(curl, call);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, OnBody);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, OnHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);

  const CURLcode code = curl_easy_perform(curl);
  absl::Status status;
  if (code == CURLE_OK) {
    long http_status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    exchange.response.status = static_cast<int>(http_status);
  } else {
    status = ToStatus(curl, code, exchange);
  }
  handles_->Return(curl);
  if (!status.ok()) return status;
  return std::move(exchange.response);
}

}  // namespace rondo
