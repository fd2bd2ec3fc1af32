#include "platform/http/head_gate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace rondo {
namespace {

std::string Get(std::string_view headers) {
  return absl::StrCat("GET / HTTP/1.1\r\nHost: a.test\r\n", std::string(headers), "\r\n");
}

TEST(HeadGateTest, PassesPlainRequests) {
  const auto none = CheckHead(Get(""));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->framing, HttpBodyFraming::kNone);

  const auto sized = CheckHead(Get("content-length: 42\r\n"));
  ASSERT_TRUE(sized.ok()) << sized.status();
  EXPECT_EQ(sized->framing, HttpBodyFraming::kContentLength);
  EXPECT_EQ(sized->content_length, 42u);

  const auto chunked = CheckHead(Get("Transfer-Encoding: chunked\r\n"));
  ASSERT_TRUE(chunked.ok()) << chunked.status();
  EXPECT_EQ(chunked->framing, HttpBodyFraming::kChunked);

  EXPECT_TRUE(CheckHead("OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n").ok());
  EXPECT_TRUE(
      CheckHead("GET /a%20b?c=d HTTP/1.0\r\nHost: x\r\nUser-Agent: J\xfcrgen/1\r\n\r\n").ok());
}

// reliability.md, 2.3: each passes Boost.Beast's own parser, or another's in front of it.
TEST(HeadGateTest, RefusesEachKnownSmugglingInput) {
  const struct {
    const char* name;
    std::string head;
  } kCases[] = {
      {"CL and TE", Get("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n")},
      {"TE and CL", Get("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n")},
      {"differing CLs", Get("Content-Length: 4\r\nContent-Length: 5\r\n")},
      {"equal CLs", Get("Content-Length: 4\r\nContent-Length: 4\r\n")},
      {"listed CL", Get("Content-Length: 4, 4\r\n")},
      {"signed CL", Get("Content-Length: +4\r\n")},
      {"empty CL", Get("Content-Length:\r\n")},
      {"huge CL", Get("Content-Length: 18446744073709551620\r\n")},
      {"hexadecimal CL", Get("Content-Length: 0x4\r\n")},
      {"xchunked", Get("Transfer-Encoding: xchunked\r\n")},
      {"xchunked and CL", Get("Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n")},
      {"chunked, identity", Get("Transfer-Encoding: chunked, identity\r\n")},
      {"gzip, chunked", Get("Transfer-Encoding: gzip, chunked\r\n")},
      {"TE in capitals", Get("Transfer-Encoding: CHUNKED\r\n")},
      {"two TEs", Get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")},
      {"TE in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {"blank before colon", Get("Transfer-Encoding : chunked\r\n")},
      {"obs-fold", Get("X-A: b\r\n c\r\n")},
      {"obs-fold of TE", Get("Transfer-Encoding:\r\n chunked\r\n")},
      {"no Host", "GET / HTTP/1.1\r\n\r\n"},
      {"two Hosts", Get("Host: b.test\r\n")},
      {"empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n"},
      {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
      {"bare LF", "GET / HTTP/1.1\nHost: a\n\r\n\r\n"},
      {"bare CR", Get("X-A: b\rX-B: c\r\n")},
      {"NUL", Get(std::string("X-A: b\0c\r\n", 10))},
      {"UTF-8 target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"absolute target", "GET http://b.test/ HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"target with a blank", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"target with a backslash", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"target with a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"authority target", "CONNECT b.test:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"HTTP/2 in words", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
      {"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {"no version", "GET /\r\nHost: a\r\n\r\n"},
      {"leading empty line", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {"only an empty line", "\r\n\r\n"},
      {"nameless header", Get(": b\r\n")},
      {"header without colon", Get("X-A\r\n")},
      {"name beyond tokens", Get("X\xc3\xa4: b\r\n")},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(CheckHead(c.head).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(HeadGateTest, HoldsItsLimits) {
  std::string many;
  for (size_t i = 1; i < kHttpHeadersMax; ++i) many += absl::StrCat("X-", i, ": y\r\n");
  EXPECT_TRUE(CheckHead(Get(many)).ok());
  EXPECT_FALSE(CheckHead(Get(many + "X-More: y\r\n")).ok());

  const auto with_target = [](size_t bytes) {
    return absl::StrCat("GET /", std::string(bytes - 1, 'a'), " HTTP/1.1\r\nHost: a\r\n\r\n");
  };
  EXPECT_TRUE(CheckHead(with_target(kHttpTargetBytesMax)).ok());
  EXPECT_FALSE(CheckHead(with_target(kHttpTargetBytesMax + 1)).ok());
  EXPECT_FALSE(CheckHead(Get("X-A: " + std::string(kHttpHeadBytesMax, 'a') + "\r\n")).ok());
}

}  // namespace
}  // namespace rondo
