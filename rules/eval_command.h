// What `rondo rules eval`, `fmt` and the conformance cases run: one expression with its variables,
// or a batch of them, in JSON. The command line only opens files and prints.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/time/time.h"

namespace rondo::rules {

struct EvalOptions {
  std::string expression;
  // Names to typed values (typed_json.h), or with `plain` to plain JSON. Empty: no variables.
  std::string variables_json = {};
  bool plain = false;
  std::string container = {};
  bool check = true;
  bool check_only = false;
  absl::Time now = absl::UnixEpoch();  // What now() gives.
};

// As the command prints and exits.
struct EvalOutput {
  std::string standard_output;  // A typed value, a type, or an error object; one line.
  std::string standard_error;   // The caret text of an error.
  int exit_code = 0;            // 0, or 3 for any parse, check or evaluation error.
};
EvalOutput Eval(const EvalOptions& options);

// One line of a batch: the fields `id`, `expr`, `bindings`, `decls`, `container`, `disable_check`,
// `disable_macros`, `check_only`; others are ignored. The answer has `id` and one of `value`,
// `type` (of check_only), `error` {phase, message, line, column}.
nlohmann::json EvalRequest(const nlohmann::json& request, absl::Time now);

// Answers each line of `in` by a line of `out`, in order; a bad line gets an error of phase
// `input`.
void EvalBatch(std::istream& in, std::ostream& out, absl::Time now);

}  // namespace rondo::rules
