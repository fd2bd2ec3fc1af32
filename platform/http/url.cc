#include "platform/http/url.h"

#include <curl/curl.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "platform/core/status_macros.h"

namespace rondo {
namespace {

struct CurlFree {
  void operator()(char* text) const { curl_free(text); }
};
using CurlText = std::unique_ptr<char, CurlFree>;

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// Empty if the URL has no such part.
std::string PartOf(CURLU* url, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  return std::string(CurlText(text).get());
}

}  // namespace

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  for (const char c : text) {
    if (c <= 0x20 || c == 0x7f || c == '\\') {
      return absl::InvalidArgumentError("a URL holds no space, control character or backslash");
    }
  }
  const std::unique_ptr<CURLU, UrlFree> url(curl_url());
  RONDO_CHECK(url != nullptr);
  // libcurl would read `https:/host` and `https:///host` as `https://host`.
  const bool has_authority =
      absl::StartsWithIgnoreCase(absl::string_view(text.data(), text.size()), "http://") ||
      absl::StartsWithIgnoreCase(absl::string_view(text.data(), text.size()), "https://");
  if (!has_authority || text.substr(text.find("//") + 2, 1) == "/" ||
      curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_DISALLOW_USER) !=
          CURLUE_OK) {
    return absl::InvalidArgumentError(
        "write an absolute URL with the scheme http or https, without user or password");
  }
  Url parts;
  parts.scheme = PartOf(url.get(), CURLUPART_SCHEME);
  parts.host = PartOf(url.get(), CURLUPART_HOST);
  parts.path = PartOf(url.get(), CURLUPART_PATH);
  parts.query = PartOf(url.get(), CURLUPART_QUERY);
  uint32_t port = 0;
  if (parts.host.empty() ||
      !absl::SimpleAtoi(PartOf(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT), &port) ||
      port == 0 || port > 65535) {
    return absl::InvalidArgumentError(
        "a URL needs a host, and a port from 1 to 65535 if it names one");
  }
  parts.port = static_cast<uint16_t>(port);
  return parts;
}

absl::StatusOr<std::string> PercentDecode(std::string_view text) {
  for (size_t i = text.find('%'); i != std::string_view::npos; i = text.find('%', i + 1)) {
    const bool is_escape = i + 2 < text.size() &&
                           absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
                           absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]));
    if (!is_escape || text.substr(i, 3) == "%00") {
      return absl::InvalidArgumentError("malformed percent-encoding");
    }
  }
  if (text.empty()) return std::string();
  int length = 0;
  const CurlText decoded(
      curl_easy_unescape(nullptr, text.data(), static_cast<int>(text.size()), &length));
  RONDO_CHECK(decoded != nullptr);
  return std::string(decoded.get(), static_cast<size_t>(length));
}

std::string PercentEncode(std::string_view text) {
  if (text.empty()) return {};  // libcurl would take length 0 for "up to NUL".
  const CurlText encoded(curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())));
  RONDO_CHECK(encoded != nullptr);
  return std::string(encoded.get());
}

absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ParseQuery(
    std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (absl::string_view part :
       absl::StrSplit(absl::string_view(query.data(), query.size()), '&', absl::SkipEmpty())) {
    if (parameters.size() == kQueryParametersMax) {
      return absl::InvalidArgumentError("too many query parameters");
    }
    const std::pair<std::string, std::string> raw =
        absl::StrSplit(absl::StrReplaceAll(part, {{"+", " "}}), absl::MaxSplits('=', 1));
    RONDO_ASSIGN_OR_RETURN(std::string name, PercentDecode(raw.first));
    RONDO_ASSIGN_OR_RETURN(std::string value, PercentDecode(raw.second));
    parameters.emplace_back(std::move(name), std::move(value));
  }
  return parameters;
}

}  // namespace rondo
