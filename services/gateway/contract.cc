// The contract's descriptors with comments, as protoc wrote them, in the binary's read-only data.
#include "services/gateway/openapi.h"

__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "rondo_contract_begin:\n"
    ".incbin \"" RONDO_CONTRACT_FILE
    "\"\n"
    "rondo_contract_end:\n"
    ".popsection\n");

extern "C" {
extern const char rondo_contract_begin[] __attribute__((visibility("hidden")));
extern const char rondo_contract_end[] __attribute__((visibility("hidden")));
}

namespace rondo {

std::string_view ContractDescriptorSet() {
  return {rondo_contract_begin, static_cast<size_t>(rondo_contract_end - rondo_contract_begin)};
}

}  // namespace rondo
