// The customer service as a whole: import, identity, consent, sealing, erasure, rebuild.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "platform/catalog/catalog.h"
#include "platform/core/field_error.h"
#include "platform/core/rng.h"
#include "platform/rpc/caller.h"
#include "platform/storage/memory_store.h"
#include "services/customer/customer_fixture.h"
#include "services/customer/domain/identity.h"
#include "services/customer/row_import.h"

namespace rondo::customer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(CustomerTest, ImportsCustomersAndSaysWhenNothingIsNew) {
  DefineAttributes();
  pb::ImportRow ann = Row("1");
  SetInt(ann, "age", 40);
  SetText(ann, "address", kAddress);
  pb::ImportRow bob = Row("2");
  SetText(bob, "tier", "gold");
  const auto first = Import({ann, bob});
  EXPECT_EQ(first.imported(), 2);
  const auto again = Import({ann, bob});
  EXPECT_EQ(again.imported(), 0);
  EXPECT_EQ(again.unchanged(), 2);

  const auto customer = Lookup("crm", "1");
  ASSERT_TRUE(customer.ok()) << customer.status();
  ASSERT_EQ(customer->attributes_size(), 2);
  EXPECT_EQ(customer->attributes(0).name(), "address");
  EXPECT_EQ(customer->attributes(0).value().string_value(), kAddress);
  EXPECT_EQ(customer->attributes(1).value().int_value(), 40);
  EXPECT_EQ(customer->party_type(), pb::PARTY_TYPE_PERSON);
  EXPECT_EQ(customer->name(), ToResourceName(CustomerId(HashOfKey(kInstance, "crm", "1"))));

  pb::ImportRow older = Row("1");
  SetInt(older, "age", 41);
  EXPECT_EQ(Import({older}).imported(), 1);
  EXPECT_EQ(Lookup("crm", "1")->attributes(1).value().int_value(), 41);
}

TEST_F(CustomerTest, WhatAnEarlierCallWroteIsSyncedBeforeARepeatIsAcknowledged) {
  pb::ImportCustomersRequest request;
  request.set_import_id("test");
  *request.add_rows() = Row("1");
  Import(request);
  request.set_synced(true);
  house_.log_fault = [](storage::CommitPoint) { return storage::Fault::kFail; };
  EXPECT_EQ(Ask<pb::ImportCustomersResponse>(request).status().code(),
            absl::StatusCode::kUnavailable);
  house_.log_fault = nullptr;
  EXPECT_EQ(Import(request).unchanged(), 1);
}

TEST_F(CustomerTest, WhatRulesUseMayNotGoFromAnAttributeSet) {
  DefineAttributes();
  catalog::Definition segment;
  segment.set_name("segments/adults");
  segment.mutable_segment()->set_expression(
      "customer.age >= 18 && events('purchase').where(e, e.amount > 1.0).count() > 1 && "
      "top(100, customer.age) && !responded('campaigns/spring', 'click')");
  segment.add_references("attributeSets/shop");
  ASSERT_TRUE(catalog_->Put(std::move(segment), {}).ok());

  const auto update = [this](const std::function<void(pb::AttributeSet&)>& change) {
    pb::GetAttributeSetRequest get;
    get.set_name("attributeSets/shop");
    pb::UpdateAttributeSetRequest request;
    *request.mutable_attribute_set() = *Ask<pb::AttributeSet>(get);
    change(*request.mutable_attribute_set());
    return Ask<pb::AttributeSet>(request).status();
  };
  const std::function<void(pb::AttributeSet&)> kRefused[] = {
      [](pb::AttributeSet& set) { set.mutable_attributes(0)->set_name("years"); },
      [](pb::AttributeSet& set) { set.mutable_attributes(0)->set_pii(true); },
      [](pb::AttributeSet& set) { set.mutable_event_types(0)->set_name("sale"); },
      [](pb::AttributeSet& set) { set.mutable_event_types(0)->clear_fields(); },
  };
  for (const auto& change : kRefused) {
    const absl::Status refused = update(change);
    EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.message()), HasSubstr("segments/adults, expression: "));
  }
  EXPECT_THAT(std::string(update([](pb::AttributeSet& set) {
                            set.add_event_types()->set_name("response");
                          }).message()),
              HasSubstr("the engine's own"));
  EXPECT_THAT(std::string(update([](pb::AttributeSet& set) {
                            set.mutable_attributes(1)->set_type(type::VALUE_TYPE_INT);
                            set.mutable_attributes(1)->clear_codes();
                          }).message()),
              HasSubstr("attribute tier has values of its type"));
  EXPECT_TRUE(
      update([](pb::AttributeSet& set) { set.mutable_attributes(1)->set_name("level"); }).ok());
}

TEST_F(CustomerTest, FoldsAttributesByTheTimeThatARowGives) {
  DefineAttributes();
  pb::ImportRow late = Row("1");
  SetInt(late, "age", 41);
  late.mutable_effective_time()->set_seconds(2'000);
  pb::ImportRow early = Row("1");
  SetInt(early, "age", 40);
  early.mutable_effective_time()->set_seconds(1'000);
  EXPECT_EQ(Import({late}).imported(), 1);
  EXPECT_EQ(Import({early}).unchanged(), 1);
  EXPECT_EQ(Lookup("crm", "1")->attributes(0).value().int_value(), 41);
}

TEST_F(CustomerTest, ALaterRowOfOneBatchHolds) {
  DefineAttributes();
  pb::ImportRow first = Row("1");
  SetInt(first, "age", 40);
  pb::ImportRow second = Row("1");
  SetInt(second, "age", 41);
  EXPECT_EQ(Import({first, second}).imported(), 2);
  EXPECT_EQ(Lookup("crm", "1")->attributes(0).value().int_value(), 41);
}

TEST_F(CustomerTest, RowsOfOneBatchSeeThoseOfItThatAreAppendedAlready) {
  DefineAttributes();
  std::vector<pb::ImportRow> rows;
  for (size_t i = 0; i < 2 * kRowsAtOnce + 1; ++i) {
    rows.push_back(Row(absl::StrCat(i % kRowsAtOnce)));
    SetInt(rows.back(), "age", i < kRowsAtOnce ? 40 : 41);
  }
  const auto response = Import(rows);
  EXPECT_EQ(response.imported(), 2 * static_cast<int64_t>(kRowsAtOnce));
  EXPECT_EQ(response.unchanged(), 1);
  EXPECT_EQ(Lookup("crm", "0")->attributes(0).value().int_value(), 41);
  EXPECT_EQ(Import(rows).rejected_size(), 0);
}

TEST_F(CustomerTest, RefusesARowWithItsFieldAndTakesTheOthers) {
  DefineAttributes();
  pb::ImportRow unknown = Row("1");
  SetInt(unknown, "shoe_size", 42);
  pb::ImportRow wrong_type = Row("2");
  SetText(wrong_type, "age", "forty");
  pb::ImportRow wrong_code = Row("3");
  SetText(wrong_code, "tier", "platinum");
  pb::ImportRow no_key;
  pb::ImportRow bad_event = Row("4");
  bad_event.add_events()->set_type("purchased");
  bad_event.mutable_events(0)->mutable_event_time()->set_seconds(1);
  const auto response = Import({unknown, wrong_type, Row("5"), wrong_code, no_key, bad_event});
  EXPECT_EQ(response.imported(), 1);
  std::vector<std::string> fields;
  for (const auto& rejected : response.rejected()) {
    fields.push_back(absl::StrCat(rejected.row(), " ", rejected.field()));
  }
  EXPECT_THAT(fields, ElementsAre("1 shoe_size", "2 age", "4 tier", "5 keys", "6 events[0].type"));
  EXPECT_EQ(Lookup("crm", "1").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CustomerTest, ChecksAWholeImportWithoutWriting) {
  DefineAttributes();
  pb::ImportCustomersRequest request;
  *request.add_rows() = Row("1");
  SetText(*request.mutable_rows(0), "address", kAddress);
  request.set_validate_only(true);
  EXPECT_EQ(Import(request).imported(), 1);
  EXPECT_EQ(Lookup("crm", "1").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CustomerTest, FurtherKeysFindTheCustomerAndTheFirstClaimWins) {
  for (int i = 0; i < 20; ++i) {  // Over all partitions.
    pb::ImportRow row = Row(absl::StrCat(i));
    AddKey(row, "card", absl::StrCat("c", i));
    EXPECT_EQ(Import({row}).imported(), 1);
    EXPECT_EQ(Lookup("card", absl::StrCat("c", i))->name(), Lookup("crm", absl::StrCat(i))->name());
    EXPECT_EQ(Import({row}).unchanged(), 1);
  }
  pb::ImportRow thief = Row("thief");
  AddKey(thief, "card", "c3");
  EXPECT_EQ(Import({thief}).imported(), 1);
  EXPECT_EQ(Lookup("card", "c3")->name(), Lookup("crm", "3")->name());
  EXPECT_EQ(Lookup("crm", "thief")->keys_size(), 1);
}

TEST_F(CustomerTest, SealsWhatIdentifiesAPerson) {
  DefineAttributes();
  pb::ImportRow ann = Row("1");
  AddKey(ann, "email", kAddress);
  SetText(ann, "address", absl::StrCat("home of ", kAddress));
  EXPECT_EQ(Import({ann}).imported(), 1);
  EXPECT_THAT(LogBytes(), Not(HasSubstr(kAddress)));
  EXPECT_EQ(Lookup("email", kAddress)->keys(1).value(), kAddress);
  EXPECT_EQ(Import({ann}).unchanged(), 1);
}

TEST_F(CustomerTest, ErasureDestroysTheKeyAndTheIdNeverReturns) {
  DefineAttributes();
  pb::ImportRow ann = Row("1");
  AddKey(ann, "card", "c1");
  SetText(ann, "address", kAddress);
  Import({ann});
  const std::string name = Lookup("crm", "1")->name();
  ASSERT_TRUE(Erase(name).ok());
  house_.Settle();
  EXPECT_EQ(Lookup("crm", "1").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Lookup("card", "c1").status().code(), absl::StatusCode::kNotFound);
  pb::GetCustomerRequest get;
  get.set_name(name);
  const auto erased = Ask<pb::Customer>(get);
  ASSERT_TRUE(erased.ok());
  EXPECT_TRUE(erased->erased());
  EXPECT_EQ(erased->attributes_size() + erased->keys_size() + erased->consents_size(), 0);
  KeyStore keys(std::make_unique<storage::MemoryStore>(key_disk_), nullptr);
  EXPECT_FALSE(keys.Get(*ParseCustomerName(name))->has_value());

  EXPECT_EQ(Import({ann}).imported(), 1);
  const auto returned = Lookup("card", "c1");
  ASSERT_TRUE(returned.ok()) << returned.status();
  EXPECT_NE(returned->name(), name);
  EXPECT_EQ(SlotOf(*ParseCustomerName(returned->name())), SlotOf(*ParseCustomerName(name)));
  EXPECT_TRUE(Erase(name).ok()) << "a repeat has no effect";
}

TEST_F(CustomerTest, AKeyThatACrashLeftAfterErasureIsDestroyedAtTheStart) {
  DefineAttributes();
  pb::ImportRow ann = Row("1");
  SetText(ann, "address", kAddress);
  Import({ann});
  const CustomerId id = *ParseCustomerName(Lookup("crm", "1")->name());
  {
    // The record came into the log, and the process died before the key was destroyed.
    eventlog::LogRecord record;
    record.set_party(id.value());
    record.mutable_customer_erased();
    house_.Append(record);
    house_.Settle();
  }
  Open({});
  KeyStore keys(std::make_unique<storage::MemoryStore>(key_disk_), nullptr);
  EXPECT_FALSE(keys.Get(id)->has_value());
}

TEST_F(CustomerTest, AGrantFromAheadOfTimeDoesNotOutlastTheNextOptOut) {
  Import({Row("1")});
  const std::string name = Lookup("crm", "1")->name();
  const auto say = [&](bool granted, absl::Duration ahead) {
    pb::RecordConsentRequest request;
    request.set_name(name);
    pb::Consent& consent = *request.add_consents();
    consent.set_channel("email");
    consent.set_purpose("marketing");
    consent.set_granted(granted);
    if (ahead != absl::ZeroDuration()) {
      consent.mutable_effective_time()->set_seconds(
          absl::ToUnixSeconds(house_.clock().Now() + ahead));
    }
    return Ask<pb::Customer>(request);
  };
  EXPECT_EQ(say(true, absl::Hours(48)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(say(true, absl::Hours(12))->consents(0).granted());
  EXPECT_FALSE(say(false, absl::ZeroDuration())->consents(0).granted());

  pb::ImportRow row = Row("2");
  row.mutable_effective_time()->set_seconds(
      absl::ToUnixSeconds(house_.clock().Now() + absl::Hours(48)));
  EXPECT_EQ(Import({row}).rejected(0).field(), "effective_time");
}

TEST_F(CustomerTest, RecordsConsentAndTheWithdrawalWinsAtEqualTimes) {
  Import({Row("1")});
  pb::RecordConsentRequest request;
  request.set_name(Lookup("crm", "1")->name());
  for (const bool granted : {false, true}) {
    pb::Consent& consent = *request.add_consents();
    consent.set_channel("email");
    consent.set_purpose("marketing");
    consent.set_granted(granted);
    consent.mutable_effective_time()->set_seconds(500);
  }
  const auto customer = Ask<pb::Customer>(request);
  ASSERT_TRUE(customer.ok()) << customer.status();
  ASSERT_EQ(customer->consents_size(), 1);
  EXPECT_FALSE(customer->consents(0).granted());
  EXPECT_EQ(customer->consents(0).effective_time().seconds(), 500);
  EXPECT_EQ(customer->consents(0).source(), "api");

  request.set_name("customers/0000000000000001");
  EXPECT_EQ(Ask<pb::Customer>(request).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CustomerTest, ListsInTheOrderOfIdsAPageAtATime) {
  std::vector<pb::ImportRow> rows;
  for (int i = 0; i < 25; ++i) rows.push_back(Row(absl::StrCat(i)));
  Import(rows);
  pb::ListCustomersRequest request;
  request.set_page_size(10);
  std::vector<std::string> names;
  do {
    const auto page = Ask<pb::ListCustomersResponse>(request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->customers_size(), 10);
    for (const auto& customer : page->customers()) names.push_back(customer.name());
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(names.size(), 25u);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), 25u);

  pb::BatchGetCustomersRequest batch;
  batch.add_names(names[3]);
  batch.add_names("customers/0000000000000001");
  batch.add_names(names[1]);
  const auto some = Ask<pb::BatchGetCustomersResponse>(batch);
  ASSERT_EQ(some->customers_size(), 2);
  EXPECT_EQ(some->customers(0).name(), names[3]);
}

TEST_F(CustomerTest, KeepsVersionsOfAttributeSets) {
  DefineAttributes();
  pb::GetAttributeSetRequest get;
  get.set_name("attributeSets/shop");
  const auto set = Ask<pb::AttributeSet>(get);
  ASSERT_TRUE(set.ok());
  pb::UpdateAttributeSetRequest update;
  *update.mutable_attribute_set() = *set;
  update.mutable_attribute_set()->mutable_attributes(0)->set_description("in years");
  EXPECT_EQ(Ask<pb::AttributeSet>(update)->version(), 2);
  EXPECT_EQ(Ask<pb::AttributeSet>(update).status().code(), absl::StatusCode::kAborted);

  update.mutable_attribute_set()->mutable_attributes(0)->set_type(type::VALUE_TYPE_UNSPECIFIED);
  EXPECT_EQ(ViolationsOf(Ask<pb::AttributeSet>(update).status()).at(0).field, "attributes[0].type");

  pb::CreateAttributeSetRequest other;
  other.mutable_attribute_set()->set_name("attributeSets/other");
  auto& age = *other.mutable_attribute_set()->add_attributes();
  age.set_name("age");
  age.set_type(type::VALUE_TYPE_STRING);
  EXPECT_EQ(Ask<pb::AttributeSet>(other).status().code(), absl::StatusCode::kFailedPrecondition);

  other.mutable_attribute_set()->set_name("attributeSets/My Shop");
  EXPECT_EQ(ViolationsOf(Ask<pb::AttributeSet>(other).status()).at(0).field, "name");
}

TEST_F(CustomerTest, ARebuiltStateIsTheSame) {
  DefineAttributes();
  std::vector<pb::ImportRow> rows;
  for (int i = 0; i < 40; ++i) {
    pb::ImportRow row = Row(absl::StrCat(i));
    AddKey(row, "card", absl::StrCat("c", i));
    SetText(row, "address", kAddress);
    SetInt(row, "age", i);
    rows.push_back(row);
  }
  Import(rows);
  Import(PastCampaignImport());
  ASSERT_TRUE(Erase(Lookup("crm", "7")->name()).ok());
  house_.Settle();
  const uint64_t before = house_.StateHash("customer");
  const std::string address = Lookup("crm", "8")->attributes(0).value().string_value();
  Open({"customer"});
  house_.Settle();
  EXPECT_EQ(house_.StateHash("customer"), before);
  EXPECT_EQ(Lookup("crm", "8")->attributes(0).value().string_value(), address);
  EXPECT_EQ(Lookup("crm", "7").status().code(), absl::StatusCode::kNotFound);
}

TEST(SealingTest, AValueOpensOnlyForItsCustomerAndField) {
  const RandomBytes random = SystemRandomBytes();
  DataKey key = {1, 2, 3};
  const std::string sealed = Seal(key, CustomerId(7), "address", "text", random);
  EXPECT_EQ(*Unseal(key, CustomerId(7), "address", sealed), "text");
  EXPECT_NE(Seal(key, CustomerId(7), "address", "text", random), sealed);
  EXPECT_EQ(Unseal(key, CustomerId(8), "address", sealed).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_FALSE(Unseal(key, CustomerId(7), "phone", sealed).ok());
  EXPECT_FALSE(Unseal(key, CustomerId(7), "address", sealed.substr(1)).ok());
  EXPECT_FALSE(Unseal(key, CustomerId(7), "address", "").ok());
  key[0] ^= 1;
  EXPECT_FALSE(Unseal(key, CustomerId(7), "address", sealed).ok());
}

}  // namespace
}  // namespace rondo::customer
