// The one client for all HTTP that leaves the house, on libcurl: http and https only, no redirects,
// no proxy, limits on time and size, and no way into private networks that the operator did not
// name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/http/message.h"

namespace rondo {

struct HttpClientOptions {
  absl::Duration connect_timeout = absl::Seconds(5);
  absl::Duration timeout = absl::Seconds(30);  // For the whole exchange.
  size_t response_bytes_max = 4 << 20;
  // Addresses within private, loopback or link-local ranges that may be reached all the same: `IP`
  // or `IP:PORT`. Compared with the address connected to, so that no name can lead elsewhere.
  std::vector<std::string> allowed_private_addresses = {};
};

struct HttpCall {
  std::string method = "GET";
  std::string url = {};
  HttpHeaders headers = {};
  std::string body = {};
};

// Thread-safe; connections are kept and reused.
class HttpClient {
 public:
  explicit HttpClient(HttpClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Sends and waits. Any answer of the peer is a response, whatever its status. INVALID_ARGUMENT
  // for a URL or header that must not be sent; PERMISSION_DENIED for a guarded address;
  // DEADLINE_EXCEEDED; RESOURCE_EXHAUSTED if the answer is too long; UNAVAILABLE if the request was
  // certainly not sent; UNKNOWN if it may have been.
  absl::StatusOr<HttpResponse> Send(const HttpCall& call);

 private:
  class Handles;
  HttpClientOptions options_;
  std::unique_ptr<Handles> handles_;
};

// Whether `ip` (numeric) lies in a range that the public Internet does not route: loopback,
// private, link-local, shared, reserved, multicast; IPv4 within IPv6 counts as itself.
bool IsGuardedAddress(std::string_view ip);

}  // namespace rondo
