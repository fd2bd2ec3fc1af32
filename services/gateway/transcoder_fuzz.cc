// REST requests of any shape: a target on the first line, then a body. What decodes must have JSON
// that decodes to the same request.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "platform/rpc/testing/echo.pb.h"
#include "services/gateway/transcoder.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using google::protobuf::util::MessageDifferencer;
  static const rondo::Transcoder& transcoder = *new rondo::Transcoder(*rondo::Transcoder::Create(
      {rondo::rpc::testing::EchoRequest::descriptor()->file()->service(0)->full_name()}));
  std::string text(reinterpret_cast<const char*>(data), size);
  const size_t line_end = text.find('\n');
  const std::string target = text.substr(0, line_end);
  const size_t question = target.find('?');
  rondo::HttpRequest http;
  http.path = target.substr(0, question);
  if (question != std::string::npos) http.query = target.substr(question + 1);
  if (line_end != std::string::npos) http.body = text.substr(line_end + 1);
  for (const char* method : {"GET", "POST", "PATCH", "DELETE"}) {
    http.method = method;
    const auto call = transcoder.Decode(http);
    if (!call.ok()) continue;
    // A mask's JSON is no identity: it turns a_b into aB and back, whatever stood there.
    if (call->rpc->name() == "UpdateNote") continue;
    const auto json = rondo::ToJson(*call->request);
    if (!json.ok()) continue;
    const std::unique_ptr<google::protobuf::Message> again(call->request->New());
    if (!google::protobuf::util::JsonStringToMessage(*json, again.get()).ok()) std::abort();
    if (!MessageDifferencer::Equals(*again, *call->request)) std::abort();
  }
  return 0;
}
