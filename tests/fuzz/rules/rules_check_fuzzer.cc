// Any text is checked or refused with a position, under an environment with names of every kind.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "platform/core/status_macros.h"
#include "rules/diagnostic.h"
#include "rules/program.h"

namespace {

rondo::rules::Environment MakeEnvironment() {
  using rondo::rules::Type;
  rondo::rules::Environment environment;
  environment.AddAttribute("tier", Type::Code("tiers"))
      .AddAttribute("age", Type::Int())
      .AddAttribute("home", Type::GeoPoint())
      .AddAttribute("balance", Type::Money())
      .AddAttribute("tags", Type::List(Type::String()))
      .AddSignal("uplift", Type::Map(Type::String(), Type::Double()))
      .AddSegment("vip")
      .AddVariable("x", Type::Dyn())
      .AddEventType("buy", {{"amount", Type::Double()}})
      .BindEvent("e", "buy");
  return environment;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const rondo::rules::Environment kEnvironment = MakeEnvironment();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto program = rondo::rules::Compile(text, kEnvironment, rondo::rules::Type::Dyn());
  if (!program.ok()) RONDO_CHECK(!rondo::rules::DiagnosticsOf(program.status()).empty());
  return 0;
}
