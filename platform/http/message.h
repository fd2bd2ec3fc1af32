// Requests and responses as the server, the client and their users see them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The first header of that name, in any case; empty if there is none.
std::string_view FindHeader(const HttpHeaders& headers, std::string_view name);

struct HttpRequest {
  std::string method;  // Upper case: `GET`.
  std::string path;    // As sent, percent-encoded: `/api/v1/campaigns/a%20b`; starts with `/`.
  std::string query;   // As sent, without `?`.
  HttpHeaders headers;
  std::string body;
  std::string peer;  // `127.0.0.1:41234`.
};

// The next part of a body sent in chunks; nullopt at its end. An error cuts the connection, so that
// no receiver takes a part for the whole.
using HttpBodyStream = std::function<absl::StatusOr<std::optional<std::string>>()>;

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;  // Content-Length and Connection are the server's.
  std::string body;
  HttpBodyStream stream;  // Set: `body` is empty and this is pulled instead.
};

// A response with `Content-Type: type`.
HttpResponse MakeResponse(int status, std::string_view type, std::string body);

}  // namespace rondo
