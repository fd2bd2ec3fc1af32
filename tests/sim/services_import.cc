// Files of people and of purchases, through the mapping, the reader and the calls of an import.
#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "rondo/customer/v1/customer_service.pb.h"
#include "services/customer/csv/byte_source.h"
#include "services/customer/import/batch_reader.h"
#include "services/customer/import/mapping.h"
#include "tests/sim/services_deployment.h"

namespace rondo::sim {
namespace {

constexpr char kPeopleMapping[] = R"(
name: people
keys: ["crm:{id}"]
effective_time: {column: since, type: timestamp}
attributes:
  email: {column: email}
  phone: {column: phone}
  first_name: {column: name}
  time_zone: {column: zone}
consents:
  - {channel: email, purpose: marketing, business_unit: sim, granted: {column: mail}, time: {column: since}}
  - {channel: sms, purpose: marketing, business_unit: sim, granted: {column: text}, time: {column: since}}
)";

constexpr char kPurchasesMapping[] = R"(
name: purchases
keys: ["crm:{id}"]
events:
  - type: purchase
    time: {column: at}
    message_id: "{message}"
    fields:
      amount: {column: amount, type: double}
)";

// Small ones, so that a crash finds an import between two.
constexpr int kBatchRows = 6;
constexpr int64_t kBatchBytes = 1 << 20;

std::string Stamp(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<int64_t> ServicesDeployment::ImportFile(const std::string& mapping_text,
                                                       const std::string& name,
                                                       const std::string& csv) {
  RONDO_ASSIGN_OR_RETURN(customer::Mapping mapping, customer::ParseMapping(mapping_text));
  const auto source = customer::SourceOf(csv);
  customer::BatchReader reader(std::move(mapping), *source, {});
  RONDO_RETURN_IF_ERROR(reader.Open());
  int64_t changed = 0;
  for (bool is_last = false; !is_last;) {
    RONDO_ASSIGN_OR_RETURN(customer::ImportBatch batch, reader.Next(kBatchRows, kBatchBytes));
    is_last = batch.is_last;
    if (!batch.rejections.empty()) {
      return absl::InvalidArgumentError(batch.rejections.front().reason);
    }
    if (batch.request.rows().empty()) continue;
    batch.request.set_import_id(name);
    batch.request.set_synced(true);
    RONDO_ASSIGN_OR_RETURN(const auto taken,
                           Ask<customer::v1::ImportCustomersResponse>(batch.request));
    if (taken.rejected_size() > 0) {
      return absl::InvalidArgumentError(taken.rejected(0).field() + ": " +
                                        taken.rejected(0).reason());
    }
    changed += taken.imported();
  }
  return changed;
}

absl::StatusOr<int64_t> ServicesDeployment::ImportPeople(const std::vector<kit::Person>& people) {
  std::string csv = "id,email,phone,name,zone,mail,text,since\n";
  const auto flag = [this](bool granted) { return granted || options_.invent_consent; };
  for (const kit::Person& person : people) {
    if (options_.lose_a_row && &person == &people.back()) break;
    absl::StrAppendFormat(
        &csv, "%d,%s,%s,%s,%s,%s,%s,%s\n", person.number, person.email, person.phone,
        person.given_name, options_.one_time_zone ? "" : person.time_zone,
        flag(person.consents) ? "true" : "false", flag(person.consents_to_sms) ? "true" : "false",
        Stamp(absl::FromUnixSeconds(kKnownSinceSeconds)));
  }
  return ImportFile(kPeopleMapping, "people/sim", csv);
}

absl::Status ServicesDeployment::ImportPurchase(const kit::Person& person,
                                                const Happening& purchase) {
  const std::string csv = absl::StrFormat("id,at,message,amount\n%d,%s,%s,%.2f\n", person.number,
                                          Stamp(purchase.time), purchase.message_id,
                                          static_cast<double>(purchase.amount_minor_units) / 100.0);
  return ImportFile(kPurchasesMapping, "purchases/" + purchase.message_id, csv).status();
}

}  // namespace rondo::sim
