#include "services/gateway/transcoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "platform/core/field_error.h"
#include "platform/rpc/testing/echo.pb.h"
#include "services/gateway/openapi.h"

namespace rondo {
namespace {

class TranscoderTest : public ::testing::Test {
 protected:
  absl::StatusOr<RestCall> Decode(std::string method, const std::string& target,
                                  std::string body = "") {
    const size_t question = target.find('?');
    HttpRequest http{.method = std::move(method),
                     .path = target.substr(0, question),
                     .query = question == std::string::npos ? "" : target.substr(question + 1),
                     .headers = {},
                     .body = std::move(body),
                     .peer = ""};
    return transcoder_.Decode(http);
  }

  void ExpectCall(const absl::StatusOr<RestCall>& call, const std::string& rpc,
                  const std::string& text) {
    ASSERT_TRUE(call.ok()) << call.status();
    EXPECT_EQ(call->rpc->name(), rpc);
    const std::unique_ptr<google::protobuf::Message> want(call->request->New());
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, want.get()));
    EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(*call->request, *want))
        << call->request->DebugString();
  }

  Transcoder transcoder_ = *Transcoder::Create(
      {rpc::testing::EchoRequest::descriptor()->file()->service(0)->full_name()});
};

TEST_F(TranscoderTest, ReadsBodies) {
  ExpectCall(Decode("POST", "/api/v1/echo", R"({"text": "hi", "requestId": "r"})"), "Echo",
             R"(text: "hi" request_id: "r")");
  ExpectCall(Decode("POST", "/api/v1/echo"), "Echo", "");
  ExpectCall(
      Decode("PATCH", "/api/v1/shelves/1/notes/a/b?updateMask=text,mood&update_mask=time",
             R"({"text": "t", "time": "2026-12-01T00:00:00Z", "mood": "MOOD_GLAD"})"),
      "UpdateNote",
      R"(note { name: "shelves/1/notes/a/b" text: "t" time { seconds: 1796083200 } mood: MOOD_GLAD }
                update_mask { paths: "time" })");
}

TEST_F(TranscoderTest, ReadsPathsAndQueries) {
  ExpectCall(Decode("GET", "/api/v1/echo/a%20b%2Fc?request_id=r"), "Echo",
             R"(text: "a b/c" request_id: "r")");
  ExpectCall(Decode("HEAD", "/api/v1/echo/x"), "Echo", R"(text: "x")");
  ExpectCall(Decode("GET", "/api/v1/counts/7:run?failAfter=3"), "Count", "to: 7 fail_after: 3");
  ExpectCall(
      Decode("GET",
             "/api/v1/shelves/s/notes?pageSize=5&like.text=a+b&like.mood=1&words=x&words=y"
             "&like.time=2026-12-01T00:00:00Z&ageMax=1.5s"),
      "ListNotes",
      R"(parent: "shelves/s" page_size: 5 words: "x" words: "y" age_max { seconds: 1 nanos: 500000000 }
                like { text: "a b" mood: MOOD_GLAD time { seconds: 1796083200 } })");
}

TEST_F(TranscoderTest, ThePathWinsOverTheBody) {
  ExpectCall(Decode("PATCH", "/api/v1/shelves/1/notes/a", R"({"name": "shelves/2/notes/b"})"),
             "UpdateNote", R"(note { name: "shelves/1/notes/a" })");
}

TEST_F(TranscoderTest, NamesTheFieldThatIsWrong) {
  const struct {
    const char* method;
    const char* target;
    const char* body;
    const char* field;
  } kCases[] = {
      {"GET", "/api/v1/counts/x:run", "", "to"},
      {"GET", "/api/v1/counts/99999999999:run", "", "to"},
      {"GET", "/api/v1/shelves/s/notes?like.mood=NONE", "", "like.mood"},
      {"GET", "/api/v1/shelves/s/notes?like.time=noon", "", "like.time"},
      {"GET", "/api/v1/shelves/s/notes?like=x", "", "like"},
      {"GET", "/api/v1/shelves/s/notes?like.no=x", "", "like.no"},
      {"GET", "/api/v1/shelves/s/notes?words.x=x", "", "words.x"},
      {"GET", "/api/v1/shelves/s/notes?no=x", "", "no"},
      {"GET", "/api/v1/shelves/s/notes?like.text=%ff", "", "like.text"},
      {"GET", "/api/v1/shelves/s/notes?ageMax=%ff", "", "ageMax"},
      {"GET", "/api/v1/shelves/s/notes", "{}", "body"},
      {"POST", "/api/v1/echo?text=x", "{}", "text"},
      {"POST", "/api/v1/echo", "{", "body"},
      {"POST", "/api/v1/echo", "[]", "body"},
      {"POST", "/api/v1/echo", R"({"no": 1})", "no"},
      {"PATCH", "/api/v1/shelves/1/notes/a", R"({"time": "noon"})", "note.time"},
      {"PATCH", "/api/v1/shelves/1/notes/a", R"({"no": "noon"})", "note.no"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.target + " " + c.body);
    const absl::Status status = Decode(c.method, c.target, c.body).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    ASSERT_EQ(ViolationsOf(status).size(), 1u) << status;
    EXPECT_EQ(ViolationsOf(status)[0].field, c.field) << status;
  }
}

TEST_F(TranscoderTest, SurvivesDeepAndHugeJson) {
  std::string deep = R"({"text": )" + std::string(100'000, '[');
  EXPECT_FALSE(Decode("POST", "/api/v1/echo", deep).ok());
  std::string nested;
  for (int i = 0; i < 50'000; ++i) nested += R"({"note":)";
  EXPECT_FALSE(Decode("POST", "/api/v1/echo", nested).ok());
  EXPECT_TRUE(
      Decode("POST", "/api/v1/echo", R"({"text": ")" + std::string(1'000'000, 'x') + "\"}").ok());
}

TEST_F(TranscoderTest, TellsUnknownPathsFromWrongMethods) {
  EXPECT_EQ(Decode("GET", "/api/v1/nothing").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Decode("DELETE", "/api/v1/echo").status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(transcoder_.AllowedMethods("/api/v1/shelves/1/notes/2"), "DELETE, PATCH");
}

TEST_F(TranscoderTest, ServesEveryRpcOfTheContract) {
  google::protobuf::FileDescriptorSet files;
  ASSERT_TRUE(files.ParseFromString(std::string(ContractDescriptorSet())));
  google::protobuf::DescriptorPool pool;
  int routes = 0;
  for (const google::protobuf::FileDescriptorProto& file : files.file()) {
    const google::protobuf::FileDescriptor* built = pool.BuildFile(file);
    ASSERT_NE(built, nullptr) << file.name();
    for (int s = 0; s < built->service_count(); ++s) {
      for (int m = 0; m < built->service(s)->method_count(); ++m) {
        const auto found = RoutesOf(*built->service(s)->method(m));
        ASSERT_TRUE(found.ok()) << found.status();
        EXPECT_FALSE(found->empty()) << built->service(s)->method(m)->full_name();
        for (const RestRoute& route : *found)
          EXPECT_EQ(route.path_text.rfind("/api/v1/", 0), 0u) << route.path_text;
        routes += static_cast<int>(found->size());
      }
    }
  }
  EXPECT_GE(routes, 51);
}

TEST_F(TranscoderTest, WritesErrorsAsStatusJson) {
  const HttpResponse response =
      ErrorResponse(FieldError("cells[0].share", "must be above 0"), "t1");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(nlohmann::json::parse(response.body), nlohmann::json::parse(R"({
    "code": 3, "message": "cells[0].share: must be above 0",
    "details": [
      {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "INVALID_ARGUMENT", "domain": "rondo"},
      {"@type": "type.googleapis.com/google.rpc.BadRequest",
       "fieldViolations": [{"field": "cells[0].share", "description": "must be above 0"}]},
      {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "t1"}]})"));
  EXPECT_EQ(
      FindHeader(ErrorResponse(absl::UnavailableError("disk full"), "").headers, "Retry-After"),
      "1");
  EXPECT_EQ(ErrorResponse(absl::UnavailableError("disk full"), "").status, 503);
}

}  // namespace
}  // namespace rondo
