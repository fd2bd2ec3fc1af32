// Any text as documents of definitions: refused with a place, or read, written and read again as
// the same.
#include <google/protobuf/util/message_differencer.h>

#include <cstdint>
#include <string_view>

#include "app/documents.h"
#include "platform/core/status_macros.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using google::protobuf::util::MessageDifferencer;
  const auto documents =
      rondo::ParseDocuments("input", std::string_view(reinterpret_cast<const char*>(data), size));
  if (!documents.ok()) return 0;
  for (const rondo::Document& document : *documents) {
    const auto again = rondo::ParseDocuments("again", rondo::FormatDocument(document.definition));
    RONDO_CHECK(again.ok() && again->size() == 1);
    RONDO_CHECK(MessageDifferencer::Equals((*again)[0].definition, document.definition));
  }
  return 0;
}
