// The handlers behind EchoService (echo.proto), as tests of both doors serve them.
#pragma once

#include <atomic>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/core/executor.h"
#include "platform/core/field_error.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/testing/echo.pb.h"

namespace rondo {

class EchoHandlers {
 public:
  explicit EchoHandlers(Executor& executor) : executor_(executor) {}

  absl::StatusOr<rpc::testing::EchoResponse> Echo(const CallInfo& call,
                                                  const rpc::testing::EchoRequest& request) {
    ++echoes;
    if (request.text() == "block") {
      executor_.Await([this] { return released.load(); }, call.deadline);
    } else if (request.text() == "field") {
      FieldViolations violations;
      violations.Add("cells[0].share", "must be above 0");
      violations.Add("name", "is missing");
      return violations.ToStatus();
    } else if (absl::StartsWith(request.text(), "error:")) {
      int code = 0;
      if (!absl::SimpleAtoi(request.text().substr(6), &code)) code = 2;
      return absl::Status(static_cast<absl::StatusCode>(code), "as asked");
    }
    rpc::testing::EchoResponse response;
    response.set_text(request.text());
    response.set_request_id(call.request_id);
    response.set_trace_id(call.trace_id);
    response.set_principal(call.principal.name);
    return response;
  }

  absl::StatusOr<Stream<rpc::testing::CountResponse>> Count(
      const CallInfo&, const rpc::testing::CountRequest& request) {
    if (request.to() < 0) return FieldError("to", "must not be negative");
    return Stream<rpc::testing::CountResponse>(
        [n = 0, &request]() mutable -> absl::StatusOr<std::optional<rpc::testing::CountResponse>> {
          if (n == request.to()) return std::nullopt;
          if (request.fail_after() > 0 && n == request.fail_after()) {
            return absl::DataLossError("the next number is lost");
          }
          rpc::testing::CountResponse response;
          response.set_number(++n);
          return response;
        });
  }

  absl::StatusOr<rpc::testing::ListNotesResponse> ListNotes(
      const CallInfo&, const rpc::testing::ListNotesRequest& request) {
    rpc::testing::ListNotesResponse response;
    *response.mutable_request() = request;
    return response;
  }

  absl::StatusOr<rpc::testing::Note> UpdateNote(const CallInfo&,
                                                const rpc::testing::UpdateNoteRequest& request) {
    rpc::testing::Note note = request.note();
    note.set_text(absl::StrCat(note.text(), "|", request.update_mask().paths_size()));
    return note;
  }

  void Serve(MethodTable& table) {
    table.Serve("rondo.rpc.testing.EchoService", *this, &EchoHandlers::Echo, &EchoHandlers::Count,
                &EchoHandlers::ListNotes, &EchoHandlers::UpdateNote);
  }

  std::atomic<int> echoes = 0;
  std::atomic<bool> released = false;

 private:
  Executor& executor_;
};

}  // namespace rondo
