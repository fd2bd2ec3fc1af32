// The one fixture of the customer service's tests: its module on a runtime in memory, a catalogue,
// and short ways to write rows and ask for customers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "platform/catalog/catalog.h"
#include "platform/rpc/caller.h"
#include "platform/storage/memory_store.h"
#include "services/customer/module.h"
#include "tests/kit/runtime/test_runtime.h"

namespace rondo::customer {

namespace type = ::rondo::type::v1;

inline constexpr InstanceKey kInstance = {7, 7, 7};
inline constexpr char kAddress[] = "ann.seeded.address@example.test";

class CustomerTest : public ::testing::Test {
 protected:
  CustomerTest() { Open({}); }

  // As a new process over the same log and stores, but for the states of `forget`.
  void Open(const std::vector<std::string>& forget) {
    if (module_ != nullptr) house_.Restart(forget);
    catalog_ = std::make_unique<catalog::Catalog>();
    house_.runtime().Add(*catalog_);
    catalog_->Attach(house_.runtime());
    module_ = std::make_unique<Module>(
        Module::Parts{.runtime = house_.runtime(),
                      .catalog = *catalog_,
                      .clock = house_.clock(),
                      .instance_key = kInstance,
                      .key_store = std::make_unique<storage::MemoryStore>(key_disk_),
                      .random = [this](unsigned char* out, size_t size) {
                        for (size_t i = 0; i < size; ++i) {
                          out[i] = static_cast<unsigned char>(rng_.Next());
                        }
                      }});
    methods_ = std::make_unique<MethodTable>();
    module_->Serve(*methods_);
    caller_ = std::make_unique<LocalCaller>(*methods_);
    house_.Start();
    ASSERT_TRUE(module_->Start().ok());
  }

  template <typename Response, typename Request>
  absl::StatusOr<Response> Ask(const Request& request) {
    return Call<Response>(*caller_, CallInfo(), request);
  }

  void DefineAttributes() {
    pb::CreateAttributeSetRequest request;
    pb::AttributeSet& set = *request.mutable_attribute_set();
    set.set_name("attributeSets/shop");
    const auto add = [&](const char* name, type::ValueType value_type, bool pii) {
      pb::Attribute& attribute = *set.add_attributes();
      attribute.set_name(name);
      attribute.set_type(value_type);
      attribute.set_pii(pii);
    };
    add("age", type::VALUE_TYPE_INT, false);
    add("tier", type::VALUE_TYPE_CODE, false);
    add("address", type::VALUE_TYPE_STRING, true);
    set.mutable_attributes(1)->add_codes("gold");
    set.mutable_attributes(1)->add_codes("silver");
    pb::EventType& purchase = *set.add_event_types();
    purchase.set_name("purchase");
    pb::Attribute& amount = *purchase.add_fields();
    amount.set_name("amount");
    amount.set_type(type::VALUE_TYPE_DOUBLE);
    const auto created = Ask<pb::AttributeSet>(request);
    ASSERT_TRUE(created.ok()) << created.status();
    EXPECT_EQ(created->version(), 1);
  }

  static void AddKey(pb::ImportRow& row, const std::string& name_space, const std::string& value) {
    pb::ExternalKey& key = *row.add_keys();
    key.set_namespace_(name_space);
    key.set_value(value);
  }
  static pb::ImportRow Row(const std::string& crm) {
    pb::ImportRow row;
    AddKey(row, "crm", crm);
    return row;
  }
  static void SetText(pb::ImportRow& row, const std::string& name, const std::string& text) {
    type::Field& field = *row.add_attributes();
    field.set_name(name);
    field.mutable_value()->set_string_value(text);
  }
  static void SetInt(pb::ImportRow& row, const std::string& name, int64_t number) {
    type::Field& field = *row.add_attributes();
    field.set_name(name);
    field.mutable_value()->set_int_value(number);
  }

  pb::ImportCustomersResponse Import(std::vector<pb::ImportRow> rows) {
    pb::ImportCustomersRequest request;
    request.set_import_id("test");
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i].set_row(static_cast<int64_t>(i) + 1);
      *request.add_rows() = rows[i];
    }
    return Import(request);
  }
  pb::ImportCustomersResponse Import(const pb::ImportCustomersRequest& request) {
    const auto response = Ask<pb::ImportCustomersResponse>(request);
    EXPECT_TRUE(response.ok()) << response.status();
    house_.Settle();
    return response.value_or(pb::ImportCustomersResponse());
  }

  absl::StatusOr<pb::Customer> Lookup(const std::string& name_space, const std::string& value) {
    pb::LookupCustomerRequest request;
    request.mutable_key()->set_namespace_(name_space);
    request.mutable_key()->set_value(value);
    return Ask<pb::Customer>(request);
  }

  absl::Status Erase(const std::string& name) {
    pb::EraseCustomerRequest request;
    request.set_name(name);
    return Ask<google::protobuf::Empty>(request).status();
  }

  // All bytes of all records.
  std::string LogBytes() {
    std::string bytes;
    for (int partition = 0; partition < house_.log().partition_count(); ++partition) {
      int64_t offset = 0;
      while (true) {
        const auto block = house_.log().Read(partition, offset);
        EXPECT_TRUE(block.ok());
        if (!block.ok() || block->records.empty()) break;
        for (const auto* record : block->records) bytes += record->SerializeAsString();
        offset = block->end();
      }
    }
    return bytes;
  }

  Rng rng_{5};
  kit::TestRuntime house_;
  std::shared_ptr<storage::MemoryDisk> key_disk_ = std::make_shared<storage::MemoryDisk>();
  std::unique_ptr<catalog::Catalog> catalog_;
  std::unique_ptr<Module> module_;
  std::unique_ptr<MethodTable> methods_;
  std::unique_ptr<LocalCaller> caller_;
};

// Eight customers of a past campaign of one cycle, two of them in its control cell.
inline pb::ImportCustomersRequest PastCampaignImport() {
  pb::ImportCustomersRequest request;
  pb::PastCampaign& past = *request.add_campaigns();
  past.mutable_campaign()->set_name("campaigns/old");
  past.set_cycle(1);
  past.mutable_due_time()->set_seconds(1'000);
  auto& control = *past.mutable_campaign()->add_cells();
  control.set_name("control");
  control.set_share(0.25);
  control.set_control(true);
  auto& mail = *past.mutable_campaign()->add_cells();
  mail.set_name("mail");
  mail.set_share(0.75);
  for (int i = 0; i < 8; ++i) {
    pb::ImportRow& row = *request.add_rows();
    row.set_row(i + 1);
    pb::ExternalKey& key = *row.add_keys();
    key.set_namespace_("crm");
    key.set_value(absl::StrCat(i));
    pb::PastContact& contact = *row.add_contacts();
    contact.set_campaign("campaigns/old");
    contact.set_cycle(1);
    contact.set_cell(i % 4 == 0 ? "control" : "mail");
    contact.mutable_due_time()->set_seconds(1'000);
    if (i % 2 == 0) contact.add_responses()->set_goal("visit");
    auto& event = *row.add_events();
    event.set_type("page_view");
    event.mutable_event_time()->set_seconds(1'500);
  }
  return request;
}

}  // namespace rondo::customer
