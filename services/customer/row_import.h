// One batch of an import, worked out against the state as it is: which rows are refused, which say
// nothing new, and which records the others become.
//
// Nothing is written but missing data keys. A row stands or falls alone. Rows of one batch see the
// rows before them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "platform/core/hash.h"
#include "platform/eventlog/runtime.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/customer/customer_store.h"
#include "services/customer/schema.h"
#include "services/customer/sealing.h"

namespace rondo::customer {

inline constexpr size_t kRowsAtOnce = 1'000;

// Not thread-safe: one for each batch.
class RowImport {
 public:
  // All outlive it. `now` is the effective time of rows that say none.
  struct Parts {
    const eventlog::Runtime& runtime;
    KeyStore& keys;
    const Schema& schema;
    const InstanceKey& instance_key;
    absl::Time now;
  };
  explicit RowImport(Parts parts);

  using Records = std::vector<eventlog::LogRecord>;
  // Takes what is to be appended next, by partition; what it leaves behind is dropped.
  using Take = std::function<absl::Status(std::vector<Records>& records)>;

  // Works `request` out and gives what it says to `take`, kRowsAtOnce rows at once, so that they
  // can be applied while the next ones are worked out. An error of storage, or of `take`, ends the
  // batch: what was taken stays, and the same call again says the rest.
  absl::Status Plan(const pb::ImportCustomersRequest& request, const Take& take);

  const pb::ImportCustomersResponse& response() const { return response_; }

 private:
  // A row that passed validation, with the customer that it is about.
  struct Row {
    const pb::ImportRow* row;
    CustomerId customer;
    int64_t effective_micros;
    bool says_when;  // The row itself gave its effective time.
  };

  absl::Status Validate(const pb::ImportRow& row) const;
  absl::Status ValidateFacts(const pb::ImportRow& row) const;
  absl::StatusOr<CustomerId> Resolve(const pb::ExternalKey& key);
  absl::StatusOr<Profile*> ProfileOf(CustomerId customer);
  absl::StatusOr<CustomerQueries*> QueriesOf(int partition);
  absl::Status LoadDataKeys(const std::vector<Row>& rows, bool may_create);
  bool HasPersonalData(const pb::ImportRow& row) const;

  // Each appends what `row` newly says.
  absl::Status PlanPastCycles(const pb::ImportCustomersRequest& request);
  absl::Status PlanRow(const Row& row, const std::string& import_id);
  absl::Status AddKeys(const Row& row, Profile& profile, rondo::log::v1::ProfileChanged& change);
  absl::Status AddAttributes(const Row& row, Profile& profile,
                             rondo::log::v1::ProfileChanged& change);
  void AddConsents(const Row& row, Profile& profile, rondo::log::v1::ProfileChanged& change) const;
  void AddEvents(const Row& row, const std::string& import_id, Records& out) const;
  void AddContacts(const Row& row, Records& out) const;
  absl::StatusOr<bool> IsNewFact(CustomerId customer, const eventlog::LogRecord& record);
  absl::StatusOr<rondo::type::v1::Value> SealValue(CustomerId customer, std::string_view field,
                                                   const rondo::type::v1::Value& value);
  void Reject(const pb::ImportRow& row, const absl::Status& why);
  absl::Status GiveTo(const Take& take);

  Parts parts_;
  std::vector<std::unique_ptr<storage::Reader>> readers_;  // By partition, opened when needed.
  std::vector<std::unique_ptr<CustomerQueries>> queries_;  // Over readers_.
  absl::flat_hash_map<uint64_t, CustomerId> owners_;       // Keys seen or created here.
  absl::flat_hash_map<CustomerId, Profile> profiles_;      // With what rows before said.
  absl::flat_hash_map<CustomerId, DataKey> data_keys_;
  absl::flat_hash_set<std::pair<uint64_t, uint64_t>> new_facts_;  // (customer, fact).
  std::map<std::string, const pb::PastCampaign*, std::less<>> past_;
  std::vector<Records> records_;
  pb::ImportCustomersResponse response_;
};

}  // namespace rondo::customer
