// For tests: bytes over a socket, as a client of ours would never send them.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "platform/core/listen_address.h"

namespace rondo {

class RawClient {
 public:
  explicit RawClient(const ListenAddress& address) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
    connected_ = connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }

  // False once the peer has closed.
  bool Send(std::string_view bytes) {
    return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  // What comes until `text` has come, the peer closes, or `limit` passes.
  std::string ReadUntil(std::string_view text, absl::Duration limit = absl::Seconds(10)) {
    std::string got;
    const absl::Time deadline = absl::Now() + limit;
    while (text.empty() || got.find(text) == std::string::npos) {
      pollfd poll_for{.fd = socket_, .events = POLLIN, .revents = 0};
      const int64_t wait_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
      if (wait_ms <= 0 || poll(&poll_for, 1, static_cast<int>(wait_ms)) <= 0) break;
      char bytes[4096];
      const ssize_t count = recv(socket_, bytes, sizeof bytes, 0);
      if (count <= 0) {
        closed_ = true;
        break;
      }
      got.append(bytes, static_cast<size_t>(count));
    }
    return got;
  }

  std::string ReadToEnd(absl::Duration limit = absl::Seconds(10)) { return ReadUntil("", limit); }
  // Whether the last read ended because the peer closed.
  bool closed() const { return closed_; }

 private:
  int socket_;
  bool connected_ = false;
  bool closed_ = false;
};

}  // namespace rondo
