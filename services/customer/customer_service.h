// The customer service's handlers: parse, work out, append, answer.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/empty.pb.h"
#include "platform/catalog/catalog.h"
#include "platform/core/clock.h"
#include "platform/core/hash.h"
#include "platform/eventlog/runtime.h"
#include "platform/rpc/call_info.h"
#include "platform/rpc/page_token.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/customer/customer_store.h"
#include "services/customer/row_import.h"
#include "services/customer/schema.h"
#include "services/customer/sealing.h"

namespace rondo::customer {

inline constexpr int kMaxImportRows = 5'000;
inline constexpr int kMaxBatchGet = 1'000;
inline constexpr int kDefaultPageSize = 100;
inline constexpr int kMaxPageSize = 1'000;

// Thread-safe. Reads of one customer, look-ups and lists are exact: they see all that was in the
// log when called. BatchGetCustomers answers from what is applied.
class CustomerHandlers {
 public:
  struct Parts {
    eventlog::Runtime& runtime;
    catalog::Catalog& catalog;
    const Clock& clock;
    KeyStore& keys;
    const SchemaView& schema;
    InstanceKey instance_key;
  };
  explicit CustomerHandlers(Parts parts);

  absl::StatusOr<pb::Customer> GetCustomer(const CallInfo& call,
                                           const pb::GetCustomerRequest& request);
  absl::StatusOr<pb::Customer> LookupCustomer(const CallInfo& call,
                                              const pb::LookupCustomerRequest& request);
  absl::StatusOr<pb::BatchGetCustomersResponse> BatchGetCustomers(
      const CallInfo& call, const pb::BatchGetCustomersRequest& request);
  absl::StatusOr<pb::ListCustomersResponse> ListCustomers(const CallInfo& call,
                                                          const pb::ListCustomersRequest& request);
  absl::StatusOr<pb::ImportCustomersResponse> ImportCustomers(
      const CallInfo& call, const pb::ImportCustomersRequest& request);
  absl::StatusOr<pb::Customer> RecordConsent(const CallInfo& call,
                                             const pb::RecordConsentRequest& request);
  absl::StatusOr<google::protobuf::Empty> EraseCustomer(const CallInfo& call,
                                                        const pb::EraseCustomerRequest& request);
  absl::StatusOr<pb::AttributeSet> CreateAttributeSet(const CallInfo& call,
                                                      const pb::CreateAttributeSetRequest& request);
  absl::StatusOr<pb::AttributeSet> GetAttributeSet(const CallInfo& call,
                                                   const pb::GetAttributeSetRequest& request);
  absl::StatusOr<pb::ListAttributeSetsResponse> ListAttributeSets(
      const CallInfo& call, const pb::ListAttributeSetsRequest& request);
  absl::StatusOr<pb::AttributeSet> UpdateAttributeSet(const CallInfo& call,
                                                      const pb::UpdateAttributeSetRequest& request);
  absl::StatusOr<pb::CodeList> CreateCodeList(const CallInfo& call,
                                              const pb::CreateCodeListRequest& request);
  absl::StatusOr<pb::CodeList> GetCodeList(const CallInfo& call,
                                           const pb::GetCodeListRequest& request);
  absl::StatusOr<pb::ListCodeListsResponse> ListCodeLists(const CallInfo& call,
                                                          const pb::ListCodeListsRequest& request);
  absl::StatusOr<pb::CodeList> UpdateCodeList(const CallInfo& call,
                                              const pb::UpdateCodeListRequest& request);
  absl::StatusOr<google::protobuf::Empty> DeleteCodeList(const CallInfo& call,
                                                         const pb::DeleteCodeListRequest& request);

  // Destroys data keys of erased customers that a crash left between record and key. After the
  // runtime is live.
  absl::Status DestroyKeysOfErased();

 private:
  absl::StatusOr<Profile> ReadProfile(CustomerId customer) const;
  absl::StatusOr<pb::Customer> ToProto(CustomerId customer, const Profile& profile) const;
  absl::StatusOr<pb::Customer> ReadCustomer(CustomerId customer) const;
  absl::StatusOr<pb::AttributeSet> PutAttributeSet(const pb::AttributeSet& set,
                                                   const catalog::PutOptions& options);
  absl::StatusOr<pb::CodeList> PutCodeList(const pb::CodeList& list,
                                           const catalog::PutOptions& options);
  // Appends without waiting, and adds to `written` where the last records went.
  absl::Status Append(std::vector<RowImport::Records>& records,
                      std::vector<eventlog::Position>& written);
  eventlog::LogRecord Command(CustomerId customer, const std::string& request_id) const;

  Parts parts_;
  PageTokens page_tokens_;
};

}  // namespace rondo::customer
