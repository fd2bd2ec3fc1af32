#include "services/customer/code_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "platform/core/field_error.h"
#include "services/customer/customer_fixture.h"

namespace rondo::customer {
namespace {

using ::testing::HasSubstr;

void AddCode(pb::CodeList& list, const std::string& text, const std::string& parent) {
  pb::Code& code = *list.add_codes();
  code.set_code(text);
  code.set_parent(parent);
}

// FOOD > FRUIT > APPLE, and SHOES.
pb::CodeList Goods() {
  pb::CodeList list;
  list.set_name("codeLists/goods");
  AddCode(list, "FOOD", "");
  AddCode(list, "APPLE", "FRUIT");  // Before the one above it: order is free.
  AddCode(list, "FRUIT", "FOOD");
  AddCode(list, "SHOES", "");
  return list;
}

std::vector<FieldViolation> Faults(const std::function<void(pb::CodeList&)>& change) {
  pb::CodeList list = Goods();
  change(list);
  return ViolationsOf(ValidateCodeList(list));
}

TEST(CodeListTest, NamesTheFieldThatIsWrong) {
  EXPECT_TRUE(ValidateCodeList(Goods()).ok());
  struct Case {
    std::function<void(pb::CodeList&)> change;
    std::string field;
    std::string reason;
  };
  const Case kCases[] = {
      {[](pb::CodeList& l) { l.set_name("codeLists/Goods"); }, "code_list.name", "codeLists/"},
      {[](pb::CodeList& l) { l.mutable_codes(3)->set_parent("FOD"); }, "code_list.codes[3].parent",
       "did you mean `FOOD`?"},
      {[](pb::CodeList& l) { l.mutable_codes(0)->set_parent("APPLE"); },
       "code_list.codes[0].parent", "`FOOD` would stand above itself"},
      {[](pb::CodeList& l) { l.mutable_codes(3)->set_parent("SHOES"); },
       "code_list.codes[3].parent", "`SHOES` would stand above itself"},
      {[](pb::CodeList& l) { AddCode(l, "FRUIT", ""); }, "code_list.codes[4].code", "codes[2]"},
      {[](pb::CodeList& l) { AddCode(l, "", ""); }, "code_list.codes[4].code", "expected a code"},
      {[](pb::CodeList& l) { AddCode(l, "A\nB", ""); }, "code_list.codes[4].code", "control"},
      {[](pb::CodeList& l) { AddCode(l, std::string(129, 'a'), ""); }, "code_list.codes[4].code",
       "128 bytes"},
      {[](pb::CodeList& l) { l.mutable_codes(0)->set_title(std::string(201, 'a')); },
       "code_list.codes[0].title", "200 bytes"},
      {[](pb::CodeList& l) { l.set_description(std::string(512 * 1024, 'a')); }, "code_list",
       "512 KiB"},
      {[](pb::CodeList& l) {
         for (int i = 0; i < kMaxCodes; ++i) AddCode(l, absl::StrCat(i), "");
       },
       "code_list.codes", "at most 10000"},
  };
  for (const Case& c : kCases) {
    const std::vector<FieldViolation> faults = Faults(c.change);
    ASSERT_EQ(faults.size(), 1U) << c.field << ": " << c.reason;
    EXPECT_EQ(faults[0].field, c.field);
    EXPECT_THAT(faults[0].description, HasSubstr(c.reason));
  }
  EXPECT_EQ(Faults([](pb::CodeList& l) {
              for (int i = 0; i < 1'000; ++i) AddCode(l, "SHOES", "none");
            }).size(),
            20U);
}

// Against the plain reading: each way up ends at the top, within the levels.
RC_GTEST_PROP(CodeListTest, ParentsAreRightIfEachWayUpEnds, ()) {
  const int count = *rc::gen::inRange(1, 60);
  pb::CodeList list;
  list.set_name("codeLists/any");
  for (int i = 0; i < count; ++i) {
    // Mostly the one before: long ways up, and now and then a circle.
    const int parent = *rc::gen::weightedElement<int>({{20, i - 1}, {2, -1}, {1, count - 1}});
    AddCode(list, absl::StrCat(i), parent < 0 ? "" : absl::StrCat(parent));
  }
  bool right = true;
  for (int i = 0; i < count; ++i) {
    int levels = 1;
    for (int at = i; levels <= kMaxCodeLevels + count && !list.codes(at).parent().empty();
         ++levels) {
      at = std::stoi(list.codes(at).parent());
    }
    right = right && levels <= kMaxCodeLevels;
  }
  RC_ASSERT(ValidateCodeList(list).ok() == right);
}

class CodeListsTest : public CustomerTest {
 protected:
  static constexpr char kList[] = "codeLists/goods";

  absl::StatusOr<pb::CodeList> Create(const pb::CodeList& list) {
    pb::CreateCodeListRequest request;
    *request.mutable_code_list() = list;
    return Ask<pb::CodeList>(request);
  }
  absl::Status Update(const std::function<void(pb::CodeList&)>& change) {
    pb::GetCodeListRequest get;
    get.set_name(kList);
    pb::UpdateCodeListRequest request;
    *request.mutable_code_list() = *Ask<pb::CodeList>(get);
    change(*request.mutable_code_list());
    return Ask<pb::CodeList>(request).status();
  }
  absl::Status Delete() {
    pb::DeleteCodeListRequest request;
    request.set_name(kList);
    return Ask<google::protobuf::Empty>(request).status();
  }

  // `customer.favourite` and `purchase.category` are goods.
  static pb::AttributeSet Shop() {
    pb::AttributeSet set;
    set.set_name("attributeSets/shop");
    pb::EventType& purchase = *set.add_event_types();
    purchase.set_name("purchase");
    for (pb::Attribute* attribute : {set.add_attributes(), purchase.add_fields()}) {
      attribute->set_type(type::VALUE_TYPE_CODE);
      attribute->set_code_list(kList);
    }
    set.mutable_attributes(0)->set_name("favourite");
    purchase.mutable_fields(0)->set_name("category");
    return set;
  }
  absl::Status CreateSet(const pb::AttributeSet& set) {
    pb::CreateAttributeSetRequest request;
    *request.mutable_attribute_set() = set;
    return Ask<pb::AttributeSet>(request).status();
  }
  void DefineAll() {
    ASSERT_TRUE(Create(Goods()).ok());
    ASSERT_TRUE(CreateSet(Shop()).ok());
  }
  void Put(const std::function<void(catalog::Definition&)>& fill) {
    catalog::Definition definition;
    fill(definition);
    definition.add_references("attributeSets/shop");
    const absl::Status put = catalog_->Put(std::move(definition), {}).status();
    ASSERT_TRUE(put.ok()) << put;
  }
};

TEST_F(CodeListsTest, AreKeptByNameAndVersion) {
  ASSERT_TRUE(Create(Goods()).ok());
  EXPECT_EQ(Create(Goods()).status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(Update([](pb::CodeList& l) { AddCode(l, "BOOTS", "SHOES"); }).ok());
  EXPECT_EQ(Update([](pb::CodeList& l) { l.set_etag("\"1\""); }).code(),
            absl::StatusCode::kAborted);

  pb::UpdateCodeListRequest masked;
  masked.mutable_code_list()->set_name(kList);
  masked.mutable_code_list()->set_description("What we sell");
  masked.mutable_update_mask()->add_paths("description");
  const auto updated = Ask<pb::CodeList>(masked);
  ASSERT_TRUE(updated.ok()) << updated.status();
  EXPECT_EQ(updated->version(), 3);
  EXPECT_EQ(updated->codes_size(), 5);

  pb::GetCodeListRequest first;
  first.set_name(kList);
  first.set_version(1);
  EXPECT_EQ(Ask<pb::CodeList>(first)->codes_size(), 4);
  const auto all = Ask<pb::ListCodeListsResponse>(pb::ListCodeListsRequest());
  ASSERT_EQ(all->code_lists_size(), 1);
  EXPECT_EQ(all->code_lists(0).etag(), "\"3\"");

  masked.mutable_code_list()->set_name("codeLists/none");
  EXPECT_EQ(Ask<pb::CodeList>(masked).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(Delete().ok());
  first.set_version(0);
  EXPECT_EQ(Ask<pb::CodeList>(first).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(CodeListsTest, AreUsedByAttributesOfTypeCodeInPlaceOfTheirOwnCodes) {
  EXPECT_THAT(std::string(CreateSet(Shop()).message()), HasSubstr("there is no codeLists/goods"));
  ASSERT_TRUE(Create(Goods()).ok());
  const auto fault = [this](const std::function<void(pb::Attribute&)>& change) {
    pb::AttributeSet set = Shop();
    change(*set.mutable_attributes(0));
    const auto faults = ViolationsOf(CreateSet(set));
    return faults.empty() ? std::string() : faults[0].field;
  };
  EXPECT_EQ(fault([](pb::Attribute& a) { a.add_codes("FOOD"); }), "attributes[0].code_list");
  EXPECT_EQ(fault([](pb::Attribute& a) { a.set_type(type::VALUE_TYPE_STRING); }),
            "attributes[0].code_list");
  EXPECT_EQ(fault([](pb::Attribute& a) { a.set_code_list("goods"); }), "attributes[0].code_list");
  EXPECT_EQ(fault([](pb::Attribute&) {}), "");

  const absl::Status refused = Delete();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("attributeSets/shop"));

  pb::AttributeSet other = Shop();
  other.set_name("attributeSets/other");
  other.clear_event_types();
  other.mutable_attributes(0)->clear_code_list();
  EXPECT_THAT(std::string(CreateSet(other).message()), HasSubstr("attributeSets/shop"));
}

TEST_F(CodeListsTest, ValuesOutsideTheListAreRefusedAndTheNearestSuggested) {
  DefineAll();
  const auto import = [this](const std::string& favourite, const std::string& category) {
    pb::ImportRow row = Row("1");
    SetText(row, "favourite", favourite);
    auto& event = *row.add_events();
    event.set_type("purchase");
    event.mutable_event_time()->set_seconds(1'000);
    auto& field = *event.add_fields();
    field.set_name("category");
    field.mutable_value()->set_string_value(category);
    const pb::ImportCustomersResponse response = Import({row});
    return response.rejected().empty()
               ? std::string()
               : absl::StrCat(response.rejected(0).field(), ": ", response.rejected(0).reason());
  };
  EXPECT_EQ(import("APPEL", "FOOD"),
            "favourite: expected a code of codeLists/goods; did you mean `APPLE`?");
  EXPECT_EQ(import("APPLE", "FODO"),
            "events[0].category: expected a code of codeLists/goods; did you mean `FOOD`?");
  EXPECT_EQ(import("APPLE", "FOOD"), "");
  ASSERT_TRUE(Update([](pb::CodeList& l) { AddCode(l, "BOOTS", "SHOES"); }).ok());
  EXPECT_EQ(import("BOOTS", "FOOD"), "");
}

TEST_F(CodeListsTest, ACodeThatARuleNamesMayNeitherGoNorBeRenamed) {
  DefineAll();
  Put([](catalog::Definition& d) {
    d.set_name("segments/eaters");
    d.mutable_segment()->set_expression(
        "customer.favourite.under('FRUIT') || top(10, customer.favourite == 'SHOES' ? 1 : 0)");
  });
  Put([](catalog::Definition& d) {
    d.set_name("offers/apples");
    d.mutable_offer()->set_eligibility("customer.favourite in ['APPLE']");
  });
  Put([](catalog::Definition& d) {
    d.set_name("campaigns/food");
    auto& goal = *d.mutable_campaign()->add_goals();
    goal.set_name("ate");
    goal.set_event("purchase");
    goal.set_where("e.category.under('FOOD')");
  });
  const auto refusal = [this](int code) {
    const absl::Status status =
        Update([&](pb::CodeList& l) { l.mutable_codes(code)->set_code("NEW"); });
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    return std::string(status.message());
  };
  EXPECT_EQ(ViolationsOf(Update([](pb::CodeList& l) { l.mutable_codes(2)->set_code("NEW"); }))
                .at(0)
                .field,
            "code_list.codes[1].parent");
  const auto rename = [this](const std::string& was, const std::string& now) {
    return Update([&](pb::CodeList& list) {
      for (pb::Code& code : *list.mutable_codes()) {
        if (code.code() == was) code.set_code(now);
        if (code.parent() == was) code.set_parent(now);
      }
    });
  };
  EXPECT_THAT(std::string(rename("FRUIT", "FRUITS").message()),
              HasSubstr("segments/eaters, expression: "));
  EXPECT_THAT(std::string(rename("FOOD", "EDIBLE").message()),
              HasSubstr("campaigns/food, goals[0].where: "));
  EXPECT_THAT(refusal(3), HasSubstr("segments/eaters, expression: "));
  EXPECT_THAT(refusal(1), HasSubstr("offers/apples, eligibility: "));
  // What no rule names may go, and codes may move.
  EXPECT_TRUE(Update([](pb::CodeList& l) { AddCode(l, "BOOTS", "SHOES"); }).ok());
  EXPECT_TRUE(rename("BOOTS", "SANDALS").ok());
  EXPECT_TRUE(Update([](pb::CodeList& l) { l.mutable_codes()->RemoveLast(); }).ok());
  EXPECT_TRUE(Update([](pb::CodeList& l) { l.mutable_codes(2)->set_parent("SHOES"); }).ok());
}

}  // namespace
}  // namespace rondo::customer
