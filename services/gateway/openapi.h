// OpenAPI 3.0.3 of the REST API, made from the contract's descriptors and their comments.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace rondo {

// The document as JSON. `descriptor_set`: a serialized FileDescriptorSet with imports and source
// info; `services`: full names, in the order of the document. INVALID_ARGUMENT if the set does not
// hold them.
absl::StatusOr<std::string> OpenApiDocument(std::string_view descriptor_set,
                                            const std::vector<std::string>& services);

// The contract's own set (proto/), compiled into this binary.
std::string_view ContractDescriptorSet();

}  // namespace rondo
