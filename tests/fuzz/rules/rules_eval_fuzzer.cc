// Any rule gives a value or an error within its budget, checked or not, for a customer with events.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "rules/eval_command.h"
#include "rules/program.h"

namespace {

using rondo::rules::MemoryEvents;
using rondo::rules::MemoryRow;
using rondo::rules::Type;
using rondo::rules::Value;

rondo::rules::Environment MakeEnvironment() {
  rondo::rules::Limits limits;
  limits.steps = 20'000;
  limits.arena_bytes = 1 << 20;
  rondo::rules::Environment environment;
  environment.AddAttribute("tier", Type::String())
      .AddAttribute("age", Type::Int())
      .AddAttribute("spend", Type::Double())
      .AddSegment("vip")
      .AddEventType("buy", {{"amount", Type::Double()}, {"category", Type::String()}})
      .SetLimits(limits);
  return environment;
}

MemoryRow MakeRow() {
  MemoryRow row;
  row.attributes = {Value::String("gold"), Value::Int(-1), Value::Null()};
  row.segments = {true};
  row.events.push_back(std::make_unique<MemoryEvents>());
  row.events[0]->Add(0, {Value::Double(1.5), Value::Null()});
  row.events[0]->Add(1'000'000, {Value::Null(), Value::String("shoes")});
  return row;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const rondo::rules::Environment kEnvironment = MakeEnvironment();
  static const MemoryRow kRow = MakeRow();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = rondo::rules::Compile(text, kEnvironment, Type::Dyn());
  if (program.ok()) {
    rondo::rules::Arena arena(1 << 20);
    rondo::rules::DebugString(program->Evaluate(
        {.row = &kRow, .event = {}, .now = absl::FromUnixSeconds(86'400)}, arena));
  }
  rondo::rules::Eval({.expression = std::string(text), .check = false});
  return 0;
}
