// One customer as rules see it: decision's view of attributes and signals, and the moment's
// context.
#pragma once

#include "rondo/state/v1/decision.pb.h"
#include "rules/environment.h"
#include "rules/row.h"
#include "rules/schema/schema.h"

namespace rondo::decision {

// The variable by which rules read the moment: `context.device == 'mobile'`.
inline constexpr char kContextVariable[] = "context";

// What eligibility may name: attributes of all sets that are not PII, insight's signals, and
// `context`, a map. Events and segments are not known here; a rule that names them is refused.
rules::Environment EnvironmentOf(const rules::Schema& schema);

// Borrows `view`, which is sorted as the store keeps it, and `context`. For one thread.
class CustomerRow final : public rules::Row {
 public:
  CustomerRow(const rondo::state::v1::CustomerViewState& view,
              const google::protobuf::RepeatedPtrField<rondo::type::v1::Field>& context,
              rules::Arena& arena);

  rules::Value Attribute(const rules::Symbol& attribute, rules::Arena& arena) const override;
  rules::Value Signal(const rules::Symbol& signal, rules::Arena& arena) const override;
  const rules::EventSource* Events(const rules::Symbol& event_type) const override;
  bool InSegment(const rules::Symbol& segment) const override;
  const rules::Value* Variable(const rules::Symbol& variable) const override;

 private:
  const rondo::state::v1::CustomerViewState& view_;
  rules::Value context_;
};

}  // namespace rondo::decision
