// Any rule that compiles selects by columns exactly those customers for whom it holds by rows.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "platform/core/status_macros.h"
#include "rules/frame.h"
#include "rules/program.h"
#include "rules/random_columns_for_test.h"

namespace {

using rondo::rules::Arena;
using rondo::rules::ErrorCode;
using rondo::rules::Value;
using rondo::rules::random::kNow;
using rondo::rules::random::TestColumns;

TestColumns MakeColumns() {
  rondo::rules::random::Random random(1);
  return TestColumns(random, 70);
}

rondo::rules::Environment MakeEnvironment() {
  rondo::rules::Limits limits;
  limits.steps = 20'000;
  limits.arena_bytes = 1 << 20;
  return rondo::rules::random::TestEnvironment().AllowRanks().SetLimits(limits);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const rondo::rules::Environment kEnvironment = MakeEnvironment();
  static const TestColumns kColumns = MakeColumns();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = rondo::rules::Compile(text, kEnvironment, rondo::rules::Type::Bool());
  if (!program.ok()) return 0;
  const auto selection = program->Select(kColumns, kNow);
  // Ranks are known among all customers only: one by itself has none.
  if (!selection.ok() || program->references().ranks) return 0;
  const std::unique_ptr<rondo::rules::Row> row = kColumns.NewRow();
  Arena arena(1 << 20);
  for (size_t ordinal = 0; ordinal < kColumns.size(); ++ordinal) {
    if (!kColumns.IsAlive(ordinal)) {
      RONDO_CHECK(!selection->Contains(ordinal));
      continue;
    }
    kColumns.MoveTo(ordinal, *row);
    arena.Reset();
    const Value value = program->Evaluate({.row = row.get(), .event = {}, .now = kNow}, arena);
    // The budget of steps is one evaluator's own affair.
    if (value.is_error() && value.error().code == ErrorCode::kLimit) continue;
    RONDO_CHECK(selection->Contains(ordinal) == value.is_true());
  }
  return 0;
}
