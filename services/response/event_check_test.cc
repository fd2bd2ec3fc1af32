#include "services/response/event_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "platform/rpc/timestamp.h"
#include "services/response/response_store.h"

namespace rondo::response {
namespace {

using rondo::customer::v1::EventType;
namespace type = ::rondo::type::v1;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

pb::Event Purchase() {
  pb::Event event;
  event.set_type("purchase");
  event.set_message_id("m1");
  *event.mutable_event_time() = ToTimestamp(absl::ToUnixMicros(kNow));
  return event;
}

void Carry(pb::Event& event, const std::string& name, const type::Value& value) {
  auto& field = *event.add_fields();
  field.set_name(name);
  *field.mutable_value() = value;
}

type::Value Int(int64_t v) {
  type::Value value;
  value.set_int_value(v);
  return value;
}

EventType Declared() {
  EventType declared;
  declared.set_name("purchase");
  auto& amount = *declared.add_fields();
  amount.set_name("amount");
  amount.set_type(type::VALUE_TYPE_DOUBLE);
  auto& card = *declared.add_fields();
  card.set_name("card");
  card.set_type(type::VALUE_TYPE_STRING);
  card.set_pii(true);
  auto& kind = *declared.add_fields();
  kind.set_name("kind");
  kind.set_type(type::VALUE_TYPE_CODE);
  kind.add_codes("sale");
  kind.add_codes("gift");
  return declared;
}

// The faulty field; empty if the event is taken.
std::string FaultOf(const pb::Event& event) {
  const EventType declared = Declared();
  const auto checked = ToRecord(event, &declared, kNow);
  const auto* fault = std::get_if<EventFault>(&checked);
  if (fault == nullptr) return "";
  EXPECT_NE(fault->reason, "");
  return fault->field;
}

TEST(EventCheckTest, ACodeIsOneOfThoseThatTheTypeDeclares) {
  for (const auto& [code, fault] :
       {std::pair{"gift", ""}, std::pair{"gfit", "event.fields[kind]"}}) {
    pb::Event event = Purchase();
    type::Value value;
    value.set_string_value(code);
    Carry(event, "kind", value);
    EXPECT_EQ(FaultOf(event), fault);
  }
}

TEST(EventCheckTest, TakesAnEventAsItIs) {
  pb::Event event = Purchase();
  event.set_machine(true);
  event.set_source("web");
  event.mutable_contact()->set_campaign("campaigns/a");
  event.mutable_contact()->set_cycle(2);
  Carry(event, "note", Int(1));
  Carry(event, "amount", Int(12));
  const EventType declared = Declared();
  const auto checked = ToRecord(event, &declared, kNow);
  const auto& record = std::get<rondo::log::v1::Record>(checked);
  EXPECT_EQ(record.source(), "web");
  EXPECT_EQ(record.event_time_micros(), absl::ToUnixMicros(kNow));
  EXPECT_TRUE(record.event_tracked().machine());
  EXPECT_EQ(record.event_tracked().contact().cycle(), 2);
  // Sorted by name; an int where a double is declared is one.
  EXPECT_EQ(record.event_tracked().fields(0).name(), "amount");
  EXPECT_EQ(record.event_tracked().fields(0).value().double_value(), 12.0);
  EXPECT_EQ(record.event_tracked().fields(1).value().int_value(), 1);
}

TEST(EventCheckTest, AnEventWithoutATimeHappensNow) {
  pb::Event event = Purchase();
  event.clear_event_time();
  const auto checked = ToRecord(event, nullptr, kNow);
  EXPECT_EQ(std::get<rondo::log::v1::Record>(checked).event_time_micros(),
            absl::ToUnixMicros(kNow));
}

TEST(EventCheckTest, NamesTheFieldThatIsWrong) {
  struct Case {
    const char* field;
    std::function<void(pb::Event&)> spoil;
  };
  const Case cases[] = {
      {"event.type", [](pb::Event& e) { e.clear_type(); }},
      {"event.type", [](pb::Event& e) { e.set_type("Purchase"); }},
      {"event.type", [](pb::Event& e) { e.set_type(std::string(65, 'a')); }},
      {"event.message_id", [](pb::Event& e) { e.set_message_id(std::string(257, 'a')); }},
      {"event.event_time",
       [](pb::Event& e) {
         *e.mutable_event_time() = ToTimestamp(absl::ToUnixMicros(kNow + absl::Hours(25)));
       }},
      {"event.event_time", [](pb::Event& e) { e.mutable_event_time()->set_nanos(-1); }},
      {"event.event_time",
       [](pb::Event& e) {
         e.mutable_event_time()->set_seconds(std::numeric_limits<int64_t>::min());
       }},
      {"event.contact", [](pb::Event& e) { e.mutable_contact()->set_campaign("winback"); }},
      {"event.fields", [](pb::Event& e) { Carry(e, "Bad Name", Int(1)); }},
      {"event.fields",
       [](pb::Event& e) {
         for (int i = 0; i < 201; ++i) Carry(e, "f" + std::to_string(i), Int(i));
       }},
      {"event.fields[a]",
       [](pb::Event& e) {
         Carry(e, "a", Int(1));
         Carry(e, "a", Int(2));
       }},
      {"event.fields[amount]",
       [](pb::Event& e) {
         type::Value value;
         value.set_string_value("12");
         Carry(e, "amount", value);
       }},
      {"event.fields[amount]",
       [](pb::Event& e) {
         type::Value value;
         value.set_double_value(std::numeric_limits<double>::infinity());
         Carry(e, "amount", value);
       }},
      {"event.fields[card]",
       [](pb::Event& e) {
         type::Value value;
         value.set_string_value("4111");
         Carry(e, "card", value);
       }},
      {"event.fields[x]",
       [](pb::Event& e) {
         type::Value value;
         value.set_sealed_value("s");
         Carry(e, "x", value);
       }},
      {"event",
       [](pb::Event& e) {
         type::Value value;
         value.set_string_value(std::string(70'000, 'x'));
         Carry(e, "x", value);
       }},
  };
  EXPECT_EQ(FaultOf(Purchase()), "");
  for (const Case& c : cases) {
    SCOPED_TRACE(c.field);
    pb::Event event = Purchase();
    c.spoil(event);
    EXPECT_EQ(FaultOf(event), c.field);
  }
}

}  // namespace
}  // namespace rondo::response
