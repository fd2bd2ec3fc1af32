#include "rules/unify.h"

#include <utility>

namespace rondo::rules {
namespace {

bool LessSpecificOrEqual(const Type& a, const Type& b) {
  if (a.is_dyn() || a.is(TypeKind::kParam)) return true;
  if (b.is_dyn() || b.is(TypeKind::kParam)) return false;
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case TypeKind::kList:
    case TypeKind::kMap:
    case TypeKind::kAbstract:
      if (a.name != b.name || a.params.size() != b.params.size()) return false;
      for (size_t i = 0; i < a.params.size(); ++i) {
        if (!LessSpecificOrEqual(a.params[i], b.params[i])) return false;
      }
      return true;
    default:
      return a == b && (a.nullable || !b.nullable);
  }
}

// Null is a value of wrappers, of messages (timestamps, durations) and of abstract types.
bool TakesNull(const Type& type) {
  switch (type.kind) {
    case TypeKind::kNull:
    case TypeKind::kTimestamp:
    case TypeKind::kDuration:
    case TypeKind::kAbstract:
    case TypeKind::kMoney:
    case TypeKind::kGeoPoint:
    case TypeKind::kEvent:
      return true;
    default:
      return type.nullable;
  }
}

}  // namespace

bool Substitution::Occurs(const std::string& param, const Type& type) const {
  if (type.is(TypeKind::kParam)) {
    if (type.name == param) return true;
    const auto at = bound_.find(type.name);
    return at != bound_.end() && Occurs(param, at->second);
  }
  for (const Type& inner : type.params) {
    if (Occurs(param, inner)) return true;
  }
  return false;
}

Substitution::Verdict Substitution::BindParam(const Type& type, const Type& param) {
  if (type.is(TypeKind::kParam) && type.name == param.name) return Verdict::kFits;
  const auto at = bound_.find(param.name);
  if (at != bound_.end()) {
    const Type old = at->second;
    if (type == old && type.nullable == old.nullable) return Verdict::kFits;
    if (!Assign(type, old)) return Verdict::kClash;
    Type general = MoreGeneral(type, old);
    if (!Occurs(param.name, general)) bound_[param.name] = std::move(general);
    return Verdict::kFits;
  }
  if (Occurs(param.name, type)) return Verdict::kUnknown;
  bound_.emplace(param.name, type);
  return Verdict::kFits;
}

bool Substitution::Assign(const Type& from, const Type& to) {
  if (to.is(TypeKind::kParam)) {
    const Verdict verdict = BindParam(from, to);
    if (verdict != Verdict::kUnknown) return verdict == Verdict::kFits;
  }
  if (from.is(TypeKind::kParam)) return BindParam(to, from) == Verdict::kFits;
  if (from.is_dyn() || to.is_dyn()) return true;
  if (from.is(TypeKind::kNull)) return TakesNull(to);
  if (to.is(TypeKind::kNull)) return TakesNull(from);
  if (from.kind != to.kind) return false;
  switch (from.kind) {
    case TypeKind::kType:
      return true;
    case TypeKind::kList:
    case TypeKind::kMap:
    case TypeKind::kAbstract:
      return from.name == to.name && AssignAll(from.params, to.params);
    case TypeKind::kEvent:
      return from.name == to.name;
    default:
      return true;
  }
}

bool Substitution::AssignAll(const std::vector<Type>& from, const std::vector<Type>& to) {
  if (from.size() != to.size()) return false;
  const std::map<std::string, Type> before = bound_;
  for (size_t i = 0; i < from.size(); ++i) {
    if (Assign(from[i], to[i])) continue;
    bound_ = before;
    return false;
  }
  return true;
}

Type Substitution::Apply(const Type& type, Unbound unbound) const {
  if (type.is(TypeKind::kParam)) {
    const auto at = bound_.find(type.name);
    if (at != bound_.end()) return Apply(at->second, unbound);
    return unbound == Unbound::kDyn ? Type::Dyn() : type;
  }
  Type result = type;
  for (Type& param : result.params) param = Apply(param, unbound);
  return result;
}

Type Substitution::MoreGeneral(const Type& a, const Type& b) {
  // Null beside a type that takes it (they fit each other) leaves that type.
  if (b.is(TypeKind::kNull)) return a;
  if (a.is(TypeKind::kNull)) return b;
  return LessSpecificOrEqual(a, b) ? a : b;
}

Type Fresh(const Type& type, const std::string& suffix) {
  Type result = type;
  if (type.is(TypeKind::kParam)) result.name += suffix;
  for (Type& param : result.params) param = Fresh(param, suffix);
  return result;
}

}  // namespace rondo::rules
