#include "platform/rpc/status.h"

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "platform/core/field_error.h"

namespace rondo {
namespace {

TEST(StatusTest, EveryCodeSurvivesTheWayThroughGrpc) {
  for (int code = 0; code <= 16; ++code) {
    SCOPED_TRACE(code);
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    EXPECT_EQ(FromGrpcStatus(ToGrpcStatus(status, "t")), status);
  }
}

TEST(StatusTest, FieldViolationsSurviveToo) {
  FieldViolations violations;
  violations.Add("cells[0].share", "must be above 0");
  violations.Add("name", "is missing");
  const absl::Status back = FromGrpcStatus(ToGrpcStatus(violations.ToStatus(), ""));
  EXPECT_EQ(ViolationsOf(back), violations.list());
  EXPECT_EQ(back.message(), violations.ToStatus().message());
}

TEST(StatusTest, DetailsNameReasonFieldsRequestAndRetry) {
  const google::rpc::Status rpc = ToRpcStatus(absl::UnavailableError("later"), "trace");
  google::rpc::ErrorInfo info;
  google::rpc::RetryInfo retry;
  google::rpc::RequestInfo request;
  ASSERT_EQ(rpc.details_size(), 3);
  ASSERT_TRUE(rpc.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "UNAVAILABLE");
  EXPECT_EQ(info.domain(), "rondo");
  ASSERT_TRUE(rpc.details(1).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  ASSERT_TRUE(rpc.details(2).UnpackTo(&request));
  EXPECT_EQ(request.request_id(), "trace");
}

// Peers cut a call whose trailers are beyond 8 KiB, and the reason with it.
TEST(StatusTest, FitsIntoTrailersHoweverMuchIsWrong) {
  FieldViolations violations;
  for (int i = 0; i < 5000; ++i) violations.Add(absl::StrCat("rows[", i, "]"), "\xc3\xa4 is wrong");
  const grpc::Status status = ToGrpcStatus(violations.ToStatus(), "t");
  EXPECT_LT(status.error_message().size() + status.error_details().size() * 4 / 3, 8000u);
  EXPECT_GT(ViolationsOf(FromGrpcStatus(status)).size(), 10u);
}

TEST(StatusTest, MessagesAreUtf8WhateverTheInputWas) {
  EXPECT_EQ(ToRpcStatus(absl::NotFoundError("a\xff"), "").message(), "a?");
  EXPECT_EQ(ToRpcStatus(absl::NotFoundError("\xc3\xa4"), "").message(), "\xc3\xa4");
}

TEST(StatusTest, UnknownCodesOfPeersBecomeUnknown) {
  google::rpc::Status rpc;
  rpc.set_code(99);
  EXPECT_EQ(FromRpcStatus(rpc).code(), absl::StatusCode::kUnknown);
}

}  // namespace
}  // namespace rondo
