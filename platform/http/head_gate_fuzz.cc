// What the gate passes, Boost.Beast must read to the end of the head and frame in the same way.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "boost/asio/buffer.hpp"
#include "boost/beast/http.hpp"
#include "platform/http/head_gate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view head(reinterpret_cast<const char*>(data), size);
  const auto gated = rondo::CheckHead(head);
  if (!gated.ok()) return 0;
  namespace http = boost::beast::http;
  http::request_parser<http::string_body> parser;
  parser.header_limit(rondo::kHttpHeadBytesMax + 1);
  parser.body_limit(boost::none);
  boost::beast::error_code error;
  const size_t used = parser.put(boost::asio::buffer(head.data(), head.size()), error);
  // Beast may be stricter still: the server answers 400 then.
  if (error) return 0;
  if (used != head.size() || !parser.is_header_done()) std::abort();
  if (parser.chunked() != (gated->framing == rondo::HttpBodyFraming::kChunked)) std::abort();
  const auto length = parser.content_length();
  const bool has_length = gated->framing == rondo::HttpBodyFraming::kContentLength;
  if (has_length != length.has_value()) std::abort();
  if (has_length && *length != gated->content_length) std::abort();
  return 0;
}
