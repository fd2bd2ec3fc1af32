// Errors that name the field of the input which is wrong, and what was expected there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace rondo {

struct FieldViolation {
  std::string field;        // Path from the document's root: `cells[1].share`.
  std::string description;  // What was expected and the way out, never a person's data.
  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

// Collects what is wrong with one input, so that its author sees everything at once.
class FieldViolations {
 public:
  void Add(std::string field, std::string description) {
    violations_.push_back({std::move(field), std::move(description)});
  }
  bool empty() const { return violations_.empty(); }
  const std::vector<FieldViolation>& list() const { return violations_; }

  // OK when empty; else INVALID_ARGUMENT whose message lists all, one a line, and which carries
  // them for `ViolationsOf`.
  absl::Status ToStatus() const;

 private:
  std::vector<FieldViolation> violations_;
};

// INVALID_ARGUMENT for one field.
absl::Status FieldError(std::string_view field, std::string_view description);

// The violations that `status` carries; empty if none. They become google.rpc.BadRequest at the
// door.
std::vector<FieldViolation> ViolationsOf(const absl::Status& status);

}  // namespace rondo
