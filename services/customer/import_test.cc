// What an import makes of its rows: what it only confirms, what it refuses, past campaigns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "services/customer/customer_fixture.h"

namespace rondo::customer {
namespace {

using ::testing::ElementsAre;

TEST_F(CustomerTest, AValueThatARowOnlyConfirmsIsSaidToBeTheSame) {
  DefineAttributes();
  const auto import = [&](const std::string& address, int64_t time) {
    pb::ImportRow row = Row("1");
    SetText(row, "address", address);
    row.mutable_effective_time()->set_seconds(time);
    EXPECT_EQ(Import({row}).imported(), 1);
  };
  import(kAddress, 1'000);
  import(kAddress, 2'000);
  import("another", 3'000);
  std::vector<std::vector<std::string>> confirmed;
  for (int partition = 0; partition < house_.log().partition_count(); ++partition) {
    const int64_t end = house_.log().End(partition).value();
    for (int64_t offset = 0; offset < end;) {
      const auto block = house_.log().Read(partition, offset);
      for (const auto* record : block->records) {
        if (!record->has_profile_changed()) continue;
        const auto& names = record->profile_changed().confirmed_attributes();
        confirmed.emplace_back(names.begin(), names.end());
      }
      offset = block->end();
    }
  }
  EXPECT_THAT(confirmed, ElementsAre(ElementsAre(), ElementsAre("address"), ElementsAre()));
}

TEST_F(CustomerTest, ImportedEventsAreHeldToTheBoundsOfThoseThatAreSentIn) {
  DefineAttributes();
  const auto fault_of = [&](const std::function<void(rondo::response::v1::Event&)>& spoil) {
    pb::ImportRow row = Row("1");
    auto& event = *row.add_events();
    event.set_type("page_view");  // One of rondo's own: nobody declares its fields.
    event.mutable_event_time()->set_seconds(1'500);
    event.add_fields()->set_name("url");
    event.mutable_fields(0)->mutable_value()->set_string_value("/shoes");
    spoil(event);
    const auto response = Import({row});
    return response.rejected_size() == 0 ? "" : response.rejected(0).field();
  };
  using Event = rondo::response::v1::Event;
  EXPECT_EQ(fault_of([](Event& e) { e.set_message_id(std::string(257, 'x')); }),
            "events[0].message_id");
  EXPECT_EQ(fault_of([](Event& e) {
              e.mutable_event_time()->set_seconds(std::numeric_limits<int64_t>::min());
            }),
            "events[0].event_time");
  EXPECT_EQ(fault_of([](Event& e) { e.mutable_contact()->set_campaign("spring"); }),
            "events[0].contact");
  EXPECT_EQ(fault_of([](Event& e) {
              e.mutable_fields(0)->mutable_value()->set_string_value(std::string(70'000, 'x'));
            }),
            "events[0]");
  EXPECT_EQ(fault_of([](Event& e) {
              e.mutable_fields(0)->mutable_value()->set_double_value(
                  std::numeric_limits<double>::infinity());
            }),
            "events[0].url");
  EXPECT_EQ(fault_of([](Event& e) { e.mutable_fields(0)->mutable_value()->set_sealed_value("x"); }),
            "events[0].url");
  EXPECT_EQ(fault_of([](Event& e) { e.mutable_fields(0)->set_name("Bad Name"); }),
            "events[0].fields");
  EXPECT_EQ(fault_of([](Event& e) { *e.add_fields() = e.fields(0); }), "events[0].fields");
  EXPECT_EQ(fault_of([](Event& e) {
              for (int i = 0; i < 200; ++i) e.add_fields()->set_name(absl::StrCat("f", i));
            }),
            "events[0].fields");
  EXPECT_EQ(fault_of([&](Event& e) {
              e.mutable_event_time()->set_seconds(
                  absl::ToUnixSeconds(house_.clock().Now() + absl::Hours(25)));
            }),
            "events[0].event_time");
  EXPECT_EQ(fault_of([](Event&) {}), "");
}

TEST_F(CustomerTest, AnImportedCampaignBecomesRecordsOnce) {
  const pb::ImportCustomersRequest request = PastCampaignImport();
  EXPECT_EQ(Import(request).imported(), 8);
  std::map<eventlog::LogRecord::BodyCase, int> counts;
  for (int partition = 0; partition < house_.log().partition_count(); ++partition) {
    const auto end = house_.log().End(partition);
    for (int64_t offset = 0; offset < *end;) {
      const auto block = house_.log().Read(partition, offset);
      for (const auto* record : block->records) ++counts[record->body_case()];
      for (const auto* record : block->records) {
        if (!record->has_contact_planned()) continue;
        EXPECT_TRUE(record->contact_planned().imported());
        EXPECT_EQ(record->contact_planned().assignment_probability(),
                  record->contact_planned().control() ? 0.25 : 0.75);
      }
      offset = block->end();
    }
  }
  EXPECT_EQ(counts[eventlog::LogRecord::kCycleStarted], house_.log().partition_count());
  EXPECT_EQ(counts[eventlog::LogRecord::kContactPlanned], 8);
  EXPECT_EQ(counts[eventlog::LogRecord::kResponseAttributed], 4);
  EXPECT_EQ(counts[eventlog::LogRecord::kEventTracked], 8);

  const int64_t before = LogBytes().size();
  EXPECT_EQ(Import(request).unchanged(), 8);
  EXPECT_EQ(static_cast<int64_t>(LogBytes().size()), before);
}

TEST_F(CustomerTest, TheEndOfAnImportedCycleIsSaidToEachPartitionOnce) {
  pb::ImportCustomersRequest request = PastCampaignImport();
  request.set_history_complete(true);
  EXPECT_EQ(Ask<pb::ImportCustomersResponse>(request).status().code(),
            absl::StatusCode::kInvalidArgument)
      << "rows after the end of another partition";
  request.set_history_complete(false);
  EXPECT_EQ(Import(request).imported(), 8);
  request.clear_rows();
  request.set_history_complete(true);
  Import(request);
  const auto ends = [this] {
    int count = 0;
    for (int partition = 0; partition < house_.log().partition_count(); ++partition) {
      const auto end = house_.log().End(partition);
      for (int64_t offset = 0; offset < *end;) {
        const auto block = house_.log().Read(partition, offset);
        for (const auto* record : block->records) {
          if (!record->has_cycle_planned()) continue;
          ++count;
          EXPECT_EQ(record->cycle_planned().campaign(), "campaigns/old");
          EXPECT_EQ(record->cycle_planned().cycle(), 1);
        }
        offset = block->end();
      }
    }
    return count;
  };
  EXPECT_EQ(ends(), house_.log().partition_count());
  Import(request);
  EXPECT_EQ(ends(), house_.log().partition_count());
}

}  // namespace
}  // namespace rondo::customer
