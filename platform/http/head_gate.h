// The strict gate for request heads: what two parsers might read differently is refused.
//
// Boost.Beast 1.74 accepts inputs by which a request can be smuggled past a proxy (a repeated or
// listed Content-Length, `Transfer-Encoding: xchunked`, obs-fold, no Host or two). So the bytes of
// a head pass here before Beast reads them. Refused is all that RFC 9112 lets a server refuse, and
// on doubt too.
#pragma once

#include <cstddef>
#include <string_view>

#include "absl/status/statusor.h"

namespace rondo {

inline constexpr size_t kHttpHeadBytesMax = 16 << 10;
inline constexpr size_t kHttpHeadersMax = 100;
inline constexpr size_t kHttpTargetBytesMax = 8 << 10;

enum class HttpBodyFraming { kNone, kContentLength, kChunked };

struct HttpHead {
  HttpBodyFraming framing = HttpBodyFraming::kNone;
  size_t content_length = 0;
};

// `head` is everything up to and with the empty line. INVALID_ARGUMENT, saying what is wrong,
// unless
//  - it is `METHOD SP origin-form SP HTTP/1.0 or 1.1` (or `OPTIONS *`), the target printable ASCII
//  - lines end in CRLF and hold no other control character but tabs; no line is folded
//  - names are tokens without space before the colon; at most kHttpHeadersMax headers
//  - there is exactly one Host, not empty or with characters beyond a host's
//  - Content-Length comes at most once and is digits only; Transfer-Encoding at most once, exactly
//    `chunked`, only in HTTP/1.1; never both
absl::StatusOr<HttpHead> CheckHead(std::string_view head);

}  // namespace rondo
