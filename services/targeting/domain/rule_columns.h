// A view of a partition as rules read it: columns without copies, and rows for the rest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "rules/columns.h"
#include "rules/environment.h"
#include "rules/row.h"
#include "services/targeting/domain/customer_table.h"

namespace rondo::targeting {

// Programs that it is given to were compiled against `environment`. Both arguments must outlive
// it. Filled by one thread, then thread-safe for reading.
class RuleColumns final : public rules::Columns {
 public:
  RuleColumns(const CustomerView& view, const rules::Environment& environment);

  // Members of a segment that the rule refers to; without it nobody is in there. `index` is the
  // symbol's. `members` must outlive this object.
  void BindSegment(int index, const rules::Selection* members);

  size_t size() const override { return view_.size(); }
  rules::ColumnView Attribute(const rules::Symbol& attribute, size_t block) const override;
  rules::ColumnView Signal(const rules::Symbol& signal, size_t block) const override;
  std::vector<rules::EventBlock> Events(const rules::Symbol& event_type) const override;
  const uint64_t* Segment(const rules::Symbol& segment, size_t block) const override;
  uint64_t IdOf(size_t ordinal) const override { return view_.IdOf(ordinal).value(); }
  const uint64_t* Alive(size_t block) const override;
  std::unique_ptr<rules::Row> NewRow() const override;
  void MoveTo(size_t ordinal, rules::Row& row) const override;

 private:
  friend class RuleRow;
  struct EventType {
    const EventTableView* events = nullptr;  // Null: no event of the type is known.
    std::vector<int> fields;  // Field number by the environment's field order; or -1.
  };

  const CustomerView& view_;
  std::vector<const Column*> attributes_;  // By the symbols' indices; null: no column.
  std::vector<const Column*> signals_;
  std::vector<EventType> event_types_;
  std::vector<const rules::Selection*> segments_;
};

}  // namespace rondo::targeting
