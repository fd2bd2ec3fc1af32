// Templates are checked before they are stored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "platform/core/field_error.h"
#include "services/delivery/delivery_fixture.h"

namespace rondo::delivery {
namespace {

using ::testing::HasSubstr;

class TemplateTest : public DeliveryTest {};

TEST_F(TemplateTest, ATemplateThatCouldBeSentToNobodyIsRefused) {
  const auto wrong = [&](const std::function<void(pb::Template&)>& change) {
    pb::UpdateTemplateRequest request;
    request.set_allow_missing(true);
    pb::Template& given = *request.mutable_template_();
    given.set_name("templates/wrong");
    given.set_channel("email");
    given.set_from("Shop <shop@example.test>");
    given.set_subject("Hello {{ customer.first_name }}");
    given.set_text("{{ offer.title }}{% for x in customer.tags %}{{ x }}{% endfor %}");
    change(given);
    const auto violations = ViolationsOf(Ask<pb::Template>(request).status());
    return violations.empty() ? "" : violations[0].field;
  };
  EXPECT_EQ(wrong([](pb::Template&) {}), "");
  EXPECT_EQ(wrong([](auto& t) { t.set_from("not an address"); }), "template.from");
  EXPECT_EQ(wrong([](auto& t) { t.set_from("A\r\nBcc: b@c <a@b.test>"); }), "template.from");
  EXPECT_EQ(wrong([](auto& t) { t.set_subject("Hello\r\nBcc: a@b.test"); }), "template.subject");
  EXPECT_EQ(wrong([](auto& t) { t.set_text("{{ custmer.name }}"); }), "template.text");
  EXPECT_EQ(wrong([](auto& t) { t.set_html("{{ offer.titel }}"); }), "template.html");
  EXPECT_EQ(wrong([](auto& t) { t.set_text("{% for i in (1..1000000000) %}x{% endfor %}"); }),
            "template.text");
}

TEST_F(TemplateTest, TemplatesAreCheckedBeforeTheyAreStored) {
  pb::CreateTemplateRequest request;
  request.mutable_template_()->set_name("templates/bad");
  request.mutable_template_()->set_channel("email");
  request.mutable_template_()->set_subject("x");
  request.mutable_template_()->set_html("<p>\n{% include 'x' %}");
  const auto refused = Ask<pb::Template>(request);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("template.html: line 2, column 1"));
  pb::GetTemplateRequest get;
  get.set_name("templates/bad");
  EXPECT_EQ(Ask<pb::Template>(get).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace rondo::delivery
