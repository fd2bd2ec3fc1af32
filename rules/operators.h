// CEL's operators on two values: arithmetic that reports overflow, indexing, membership.
#pragma once

#include <string_view>

#include "rules/ast.h"
#include "rules/frame.h"

namespace rondo::rules {

// `op` is one of kAdd ... kModulo. Neither operand is an error.
Value Arithmetic(Frame& frame, Op op, const Value& a, const Value& b);
Value Negate(Frame& frame, const Value& a);
// `op` is one of kLess ... kGreaterEqual.
Value Ordering(Frame& frame, Op op, const Value& a, const Value& b);
// The element or entry; kNoSuchKey or kInvalidArgument when it is not there.
Value Index(Frame& frame, const Value& container, const Value& index);
// optional.none() instead of those errors; an optional container is looked into.
Value OptionalIndex(Frame& frame, const Value& container, const Value& index);
Value In(Frame& frame, const Value& item, const Value& container);
// `operand.field` of maps, money and geo points; of optionals, an optional.
Value SelectField(Frame& frame, const Value& operand, std::string_view field);
// has(operand.field).
Value HasField(Frame& frame, const Value& operand, std::string_view field);
// What optional.ofNonZeroValue drops: null, false, 0, empty.
bool IsZero(const Value& value);

// `a op b` as `b op a`: < for >, and so on; other operators stay.
Op Mirrored(Op op);

// As messages and signatures name it: `_+_`.
std::string_view NameOf(Op op);

}  // namespace rondo::rules
