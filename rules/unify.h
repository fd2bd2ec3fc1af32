// Type parameters bound to types: the assignability rules of the specification's checker.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "rules/type.h"

namespace rondo::rules {

class Substitution {
 public:
  // Whether a value of type `from` fits where `to` is wanted; binds parameters of both.
  bool Assign(const Type& from, const Type& to);
  // All or nothing.
  bool AssignAll(const std::vector<Type>& from, const std::vector<Type>& to);
  // The type with its parameters replaced; unbound ones stay, or become dyn.
  enum class Unbound { kKeep, kDyn };
  Type Apply(const Type& type, Unbound unbound) const;
  // The more general of two types that fit each other.
  static Type MoreGeneral(const Type& a, const Type& b);

 private:
  enum class Verdict { kFits, kClash, kUnknown };
  Verdict BindParam(const Type& type, const Type& param);
  bool Occurs(const std::string& param, const Type& type) const;
  std::map<std::string, Type> bound_;
};

// `type` with every parameter renamed by `suffix`, so that overloads do not share them.
Type Fresh(const Type& type, const std::string& suffix);

}  // namespace rondo::rules
