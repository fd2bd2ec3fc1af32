// rondo.log.v1.LogService: what the runtime can say of itself.
#pragma once

#include "absl/status/statusor.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/method_table.h"
#include "rondo/log/v1/log_service.pb.h"

namespace rondo {

// Thread-safe.
class LogHandlers {
 public:
  explicit LogHandlers(eventlog::Runtime& runtime) : runtime_(runtime) {}
  void Serve(MethodTable& table);

  absl::StatusOr<log::v1::ListParkedResponse> ListParked(const CallInfo& call,
                                                         const log::v1::ListParkedRequest& request);
  absl::StatusOr<log::v1::SettleParkedResponse> SettleParked(
      const CallInfo& call, const log::v1::SettleParkedRequest& request);
  absl::StatusOr<log::v1::ListLagsResponse> ListLags(const CallInfo& call,
                                                     const log::v1::ListLagsRequest& request);

 private:
  eventlog::Runtime& runtime_;
};

}  // namespace rondo
