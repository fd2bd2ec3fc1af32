// Codes of code lists in events: what enters, and what goals make of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/response/response_fixture.h"

namespace rondo::response {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CodeListTest : public ResponseTest {
 protected:
  // Events `purchase` with a `category` of codeLists/goods, FOOD > FRUIT and SHOES.
  void DeclareGoods() {
    Activate(GoodsAt(1));
    logpb::Definition set;
    set.set_name("attributeSets/shop");
    set.set_version(1);
    auto& purchase = *set.mutable_attribute_set()->add_event_types();
    purchase.set_name("purchase");
    auto& category = *purchase.add_fields();
    category.set_name("category");
    category.set_type(rondo::type::v1::VALUE_TYPE_CODE);
    category.set_code_list("codeLists/goods");
    Activate(set);
  }
  static logpb::Definition GoodsAt(int64_t version) {
    logpb::Definition goods;
    goods.set_name("codeLists/goods");
    goods.set_version(version);
    for (const auto& [code, parent] :
         {std::pair{"FOOD", ""}, std::pair{"FRUIT", "FOOD"}, std::pair{"SHOES", ""}}) {
      auto& added = *goods.mutable_code_list()->add_codes();
      added.set_code(code);
      added.set_parent(parent);
    }
    return goods;
  }
  void Activate(const logpb::Definition& definition) {
    logpb::Record record;
    *record.mutable_definition_activated()->mutable_definition() = definition;
    house_->AppendToAll(record);
    house_->Settle();
  }

  static logpb::Record Purchase(uint64_t customer, const std::string& category,
                                const std::string& message_id) {
    logpb::Record record = Event(customer, "purchase", kDue + kDay, message_id);
    auto& field = *record.mutable_event_tracked()->mutable_fields(0);
    field.set_name("category");
    field.mutable_value()->set_string_value(category);
    return record;
  }

  // What ingest says of a purchase; empty if it is taken.
  std::string Ingest(const std::string& category) {
    pb::IngestEventsRequest request;
    auto& given = *request.add_events();
    given.set_customer("crm:1");
    given.mutable_event()->set_type("purchase");
    auto& field = *given.mutable_event()->add_fields();
    field.set_name("category");
    field.mutable_value()->set_string_value(category);
    const auto response = Call<pb::IngestEventsResponse>(*caller_, {}, request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok() || response->rejected().empty()) return "";
    return absl::StrFormat("%s: %s", response->rejected(0).field(), response->rejected(0).reason());
  }
};

TEST_F(CodeListTest, AnEventWithACodeOutsideItsListIsRefusedAndTheNearestSuggested) {
  DeclareGoods();
  EXPECT_EQ(Ingest("FRUIT"), "");
  EXPECT_EQ(Ingest("FRUTI"),
            "event.fields[category]: a code of codeLists/goods; did you mean `FRUIT`?");
  EXPECT_EQ(Ingest("something else"), "event.fields[category]: a code of codeLists/goods");

  logpb::Definition goods = GoodsAt(2);
  goods.mutable_code_list()->mutable_codes(1)->set_code("BREAD");
  Activate(goods);
  EXPECT_EQ(Ingest("BREAD"), "");
  EXPECT_NE(Ingest("FRUIT"), "");
  goods.set_deleted(true);
  Activate(goods);
  EXPECT_EQ(Ingest("FRUIT"), "");  // Of a list that is gone: text.
}

TEST_F(CodeListTest, AGoalFollowsTheListAsItIsWhenTheEventArrives) {
  DeclareGoods();
  logpb::Record cycle = Cycle();
  auto& goal = *cycle.mutable_cycle_started()->mutable_campaign()->mutable_goals(0);
  goal.set_where("e.category.under('FOOD')");
  goal.clear_value();
  Append(cycle);
  Append(Contact(1));
  Append(Contact(2));
  Append(Purchase(1, "FRUIT", "a"));
  Append(Purchase(1, "SHOES", "b"));
  EXPECT_THAT(Responses(1), ElementsAre("bought/window/0"));

  logpb::Definition goods = GoodsAt(2);
  goods.mutable_code_list()->mutable_codes(1)->clear_parent();  // Fruit is no food any more.
  Activate(goods);
  Append(Purchase(2, "FRUIT", "c"));
  EXPECT_THAT(Responses(2), IsEmpty());
  EXPECT_THAT(Responses(1), ElementsAre("bought/window/0"));
}

}  // namespace
}  // namespace rondo::response
