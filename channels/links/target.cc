// CheckLinkTarget: which addresses a redirect may lead to.
#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "channels/links/token.h"
#include "platform/core/field_error.h"

namespace rondo {
namespace {

constexpr size_t kTargetBytesMax = 2'048;

std::string Part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

absl::Status CheckLinkTarget(std::string_view url) {
  if (url.empty() || url.size() > kTargetBytesMax) {
    return FieldError("target", "an address has 1 to 2,048 bytes");
  }
  // Browsers drop tabs and line ends inside addresses and read backslashes as slashes.
  const bool plain = std::all_of(url.begin(), url.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7F && byte != '\\';
  });
  if (!plain) return FieldError("target", "no spaces, control characters or backslashes");
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  const std::string text(url);
  if (curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
      CURLUE_OK) {
    return FieldError("target", "not an absolute address");
  }
  const std::string scheme = Part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return FieldError("target", "only http and https");
  // libcurl forgives `https:host` and `https:///host`; browsers would go somewhere else than it
  // says.
  const std::string_view rest = url.substr(scheme.size());
  if (!rest.starts_with("://") || rest.substr(3).starts_with('/')) {
    return FieldError("target", "an address begins with `http://` or `https://` and a host");
  }
  if (Part(parsed.get(), CURLUPART_HOST).empty()) return FieldError("target", "a host is missing");
  if (!Part(parsed.get(), CURLUPART_USER).empty() ||
      !Part(parsed.get(), CURLUPART_PASSWORD).empty() ||
      rest.substr(3, rest.substr(3).find_first_of("/?#")).find('@') != std::string_view::npos) {
    return FieldError("target", "no user name in an address");
  }
  return absl::OkStatus();
}

}  // namespace rondo
