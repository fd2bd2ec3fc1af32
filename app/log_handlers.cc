#include "app/log_handlers.h"

#include <algorithm>

#include "platform/core/id.h"
#include "platform/core/status_macros.h"

namespace rondo {

void LogHandlers::Serve(MethodTable& table) {
  table.Serve("rondo.log.v1.LogService", *this, &LogHandlers::ListParked,
              &LogHandlers::SettleParked, &LogHandlers::ListLags);
}

absl::StatusOr<log::v1::ListParkedResponse> LogHandlers::ListParked(
    const CallInfo&, const log::v1::ListParkedRequest&) {
  log::v1::ListParkedResponse response;
  for (const eventlog::Parked& parked : runtime_.ListParked()) {
    log::v1::ParkedCustomer& row = *response.add_parked();
    if (parked.customer.is_set()) row.set_customer(ToResourceName(parked.customer));
    row.set_service(parked.service);
    row.set_partition(parked.position.partition);
    row.set_offset(parked.position.offset);
    row.set_reason(parked.reason);
  }
  return response;
}

absl::StatusOr<log::v1::SettleParkedResponse> LogHandlers::SettleParked(
    const CallInfo&, const log::v1::SettleParkedRequest& request) {
  RONDO_ASSIGN_OR_RETURN(const CustomerId customer, ParseCustomerName(request.customer()));
  const std::vector<eventlog::Parked> parked = runtime_.ListParked();
  const auto found = std::find_if(parked.begin(), parked.end(), [&](const eventlog::Parked& one) {
    return one.customer == customer && one.service == request.service();
  });
  if (found == parked.end()) {
    return absl::NotFoundError("no record of this customer is parked by " + request.service());
  }
  eventlog::LogRecord record;
  record.set_party(customer.value());
  record.set_source("api");
  record.mutable_parked_settled()->set_service(request.service());
  record.mutable_parked_settled()->set_dropped(request.drop());
  RONDO_RETURN_IF_ERROR(runtime_
                            .Submit(request.service(), found->position.partition, std::move(record),
                                    eventlog::Durability::kSynced)
                            .status());
  return log::v1::SettleParkedResponse();
}

absl::StatusOr<log::v1::ListLagsResponse> LogHandlers::ListLags(const CallInfo&,
                                                                const log::v1::ListLagsRequest&) {
  log::v1::ListLagsResponse response;
  for (const eventlog::Lag& lag : runtime_.Lags()) {
    log::v1::ServiceLag& row = *response.add_lags();
    row.set_service(lag.service);
    row.set_partition(lag.partition);
    row.set_applied(lag.applied);
    row.set_end(lag.end);
  }
  return response;
}

}  // namespace rondo
