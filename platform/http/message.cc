#include "platform/http/message.h"

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace rondo {

std::string_view FindHeader(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, absl::string_view(name.data(), name.size()))) return value;
  }
  return {};
}

HttpResponse MakeResponse(int status, std::string_view type, std::string body) {
  HttpResponse response;
  response.status = status;
  response.headers.emplace_back("Content-Type", std::string(type));
  response.body = std::move(body);
  return response;
}

}  // namespace rondo
