// Delivery's handlers: translate and validate, nothing else.
#pragma once

#include "absl/status/statusor.h"
#include "platform/catalog/catalog.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/method_table.h"
#include "platform/rpc/page_token.h"
#include "rondo/delivery/v1/delivery_service.pb.h"
#include "services/delivery/composer.h"
#include "services/delivery/dispatcher.h"

namespace rondo::delivery {

// Thread-safe.
class DeliveryHandlers {
 public:
  DeliveryHandlers(eventlog::Runtime& runtime, catalog::Catalog& catalog, Composer& composer,
                   const Dispatcher& dispatcher, const InstanceKey& instance_key)
      : runtime_(runtime),
        catalog_(catalog),
        composer_(composer),
        dispatcher_(dispatcher),
        page_tokens_(instance_key) {}

  void Serve(MethodTable& table);

  absl::StatusOr<pb::DeliveryStatus> GetDeliveryStatus(const CallInfo& call,
                                                       const pb::GetDeliveryStatusRequest& request);
  absl::StatusOr<pb::ListInDoubtResponse> ListInDoubt(const CallInfo& call,
                                                      const pb::ListInDoubtRequest& request);
  absl::StatusOr<pb::SettleInDoubtResponse> SettleInDoubt(const CallInfo& call,
                                                          const pb::SettleInDoubtRequest& request);
  absl::StatusOr<pb::ListWaitingOffersResponse> ListWaitingOffers(
      const CallInfo& call, const pb::ListWaitingOffersRequest& request);
  absl::StatusOr<pb::Template> CreateTemplate(const CallInfo& call,
                                              const pb::CreateTemplateRequest& request);
  absl::StatusOr<pb::Template> GetTemplate(const CallInfo& call,
                                           const pb::GetTemplateRequest& request);
  absl::StatusOr<pb::ListTemplatesResponse> ListTemplates(const CallInfo& call,
                                                          const pb::ListTemplatesRequest& request);
  absl::StatusOr<pb::Template> UpdateTemplate(const CallInfo& call,
                                              const pb::UpdateTemplateRequest& request);

 private:
  absl::StatusOr<pb::Template> Put(const CallInfo& call, pb::Template given, bool validate_only,
                                   int64_t expected_version);

  eventlog::Runtime& runtime_;
  catalog::Catalog& catalog_;
  Composer& composer_;
  const Dispatcher& dispatcher_;
  PageTokens page_tokens_;
};

}  // namespace rondo::delivery
