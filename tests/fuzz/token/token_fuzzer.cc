// Any bytes as a token (never valid) and as a body whose links are tracked.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "channels/links/tracking.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& tokens = *new rondo::LinkTokens(
      rondo::LinkTokens::Create({rondo::DeriveLinkKey(rondo::InstanceKey{1, 2, 3}, 1)}).value());
  static const auto& links = *new rondo::ContactLinks(
      rondo::ContactLinks::Create("https://go.example.com", tokens, {}).value());
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (tokens.Verify(input, rondo::LinkPurpose::kClick).ok()) std::abort();
  (void)links.TrackHtml(input);
  (void)links.TrackText(input);
  return 0;
}
