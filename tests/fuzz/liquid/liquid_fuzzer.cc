// Any bytes as a template, compiled and rendered over fixed data within small limits.
#include <cstdint>
#include <string_view>

#include "channels/template/template.h"
#include "nlohmann/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const nlohmann::json& customer =
      *new nlohmann::json{{"name", "<Kim>"},
                          {"n", 7},
                          {"f", 1.5},
                          {"list", {1, "a", nullptr, {{"k", 2}}}},
                          {"o", {{"first", 1}, {"z", {1, 2}}}}};
  rondo::liquid::CompileOptions compile;
  compile.escape =
      size % 2 == 0 ? rondo::liquid::AutoEscape::kHtml : rondo::liquid::AutoEscape::kNone;
  const auto compiled = rondo::liquid::Template::Compile(
      std::string_view(reinterpret_cast<const char*>(data), size), compile);
  if (!compiled.ok()) return 0;
  rondo::liquid::RenderOptions render;
  render.steps_max = 10'000;
  render.output_bytes_max = 64 << 10;
  (void)compiled->Render(customer, render);
  return 0;
}
