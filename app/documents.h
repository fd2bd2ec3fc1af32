// Definitions as text: YAML documents of the kinds CodeList, AttributeSet, Segment, Offer,
// Template, Campaign and Policy, and back.
//
// A document is `kind`, `name` (without its collection) and the fields of the kind's proto message,
// read by the proto's own descriptors, so that text and contract cannot drift apart. Text is kinder
// than the proto in a few places:
//   durations     14d, 36h, 90m, 45s, or several: 1d12h
//   times         RFC 3339 with an offset
//   money         {currency: KRW, amount: "12"}: a decimal in major units
//   enums         the value's own part in lower case: `thompson`, `at_most_once`
//   schedule      `repeat: {every: 7d, cycles: 5}`; `start` for `start_time`
//   quiet_hours   {start: "21:00", end: "08:00"}
//   control       `control: none` with `no_control_reason` beside `cells`
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "rondo/log/v1/definitions.pb.h"

namespace rondo {

struct Document {
  log::v1::Definition definition;  // Name, references left empty, and body.
  std::string file;
  int line = 0;  // Of the document's `kind`, from 1.
};

// The documents of one file's text, in order. INVALID_ARGUMENT with one line for each mistake,
// `FILE:LINE:COLUMN: FIELD: what was expected`, which are also field violations.
absl::StatusOr<std::vector<Document>> ParseDocuments(std::string_view file, std::string_view text);

// One document that ParseDocuments reads back to the same definition. Output-only fields are left
// out.
std::string FormatDocument(const log::v1::Definition& definition);

}  // namespace rondo
