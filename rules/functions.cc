#include "rules/functions.h"

#include <algorithm>
#include <map>
#include <string>

#include "platform/core/status_macros.h"

namespace rondo::rules {
namespace {

constexpr FunctionRow kOperators[] = {
    {"_+_", false, "int, int", "int"},
    {"_+_", false, "uint, uint", "uint"},
    {"_+_", false, "double, double", "double"},
    {"_+_", false, "string, string", "string"},
    {"_+_", false, "bytes, bytes", "bytes"},
    {"_+_", false, "list(A), list(A)", "list(A)"},
    {"_+_", false, "timestamp, duration", "timestamp"},
    {"_+_", false, "duration, timestamp", "timestamp"},
    {"_+_", false, "duration, duration", "duration"},
    {"_-_", false, "int, int", "int"},
    {"_-_", false, "uint, uint", "uint"},
    {"_-_", false, "double, double", "double"},
    {"_-_", false, "timestamp, timestamp", "duration"},
    {"_-_", false, "timestamp, duration", "timestamp"},
    {"_-_", false, "duration, duration", "duration"},
    {"_*_", false, "int, int", "int"},
    {"_*_", false, "uint, uint", "uint"},
    {"_*_", false, "double, double", "double"},
    {"_/_", false, "int, int", "int"},
    {"_/_", false, "uint, uint", "uint"},
    {"_/_", false, "double, double", "double"},
    {"_%_", false, "int, int", "int"},
    {"_%_", false, "uint, uint", "uint"},
    {"-_", false, "int", "int"},
    {"-_", false, "double", "double"},
    {"!_", false, "bool", "bool"},
    {"_==_", false, "A, A", "bool"},
    {"_!=_", false, "A, A", "bool"},
    {"@in", false, "A, list(A)", "bool"},
    {"@in", false, "A, map(A, B)", "bool"},
    {"_?_:_", false, "bool, A, A", "A"},
    {"_[_]", false, "list(A), int", "A"},
    {"_[_]", false, "map(A, B), A", "B"},
    {"_[_]", false, "optional(list(A)), int", "optional(A)"},
    {"_[_]", false, "optional(map(A, B)), A", "optional(B)"},
    {"_[?_]", false, "list(A), int", "optional(A)"},
    {"_[?_]", false, "map(A, B), A", "optional(B)"},
    {"_[?_]", false, "optional(list(A)), int", "optional(A)"},
    {"_[?_]", false, "optional(map(A, B)), A", "optional(B)"},
};

struct Registry {
  std::map<std::string, std::vector<Signature>, std::less<>> by_name;
  std::vector<std::string> names;
};

std::vector<Type> ParseParams(std::string_view text) {
  std::vector<Type> params;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    if (i == start) break;
    absl::StatusOr<Type> type = ParseType(text.substr(start, i - start));
    RONDO_CHECK(type.ok());
    params.push_back(*std::move(type));
    start = i + 1;
  }
  return params;
}

void Register(std::span<const FunctionRow> rows, Registry* registry) {
  for (const FunctionRow& row : rows) {
    absl::StatusOr<Type> result = ParseType(row.result);
    RONDO_CHECK(result.ok());
    registry->by_name[std::string(row.name)].push_back(
        {row.member, ParseParams(row.params), *std::move(result), row.run});
  }
}

// `_<_` and its like, over everything that has an order; numbers also of different types.
void RegisterOrderings(Registry* registry) {
  const Type ordered[] = {Type::Bool(),      Type::Int(),      Type::Uint(),
                          Type::Double(),    Type::String(),   Type::Bytes(),
                          Type::Timestamp(), Type::Duration(), Type::Money()};
  const Type numbers[] = {Type::Int(), Type::Uint(), Type::Double()};
  for (const char* name : {"_<_", "_<=_", "_>_", "_>=_"}) {
    std::vector<Signature>& list = registry->by_name[name];
    for (const Type& type : ordered) list.push_back({false, {type, type}, Type::Bool(), nullptr});
    for (const Type& a : numbers) {
      for (const Type& b : numbers) {
        if (!(a == b)) list.push_back({false, {a, b}, Type::Bool(), nullptr});
      }
    }
  }
}

const Registry& TheRegistry() {
  static const Registry* const kRegistry = [] {
    auto* registry = new Registry;
    Register(OperatorTable(), registry);
    RegisterOrderings(registry);
    Register(ConversionTable(), registry);
    Register(StringTable(), registry);
    Register(TimeTable(), registry);
    Register(MathTable(), registry);
    Register(CollectionTable(), registry);
    Register(EventTable(), registry);
    for (const auto& [name, signatures] : registry->by_name) {
      // Not the operators: nobody writes `_+_`.
      if (name[0] >= 'a' && name[0] <= 'z') registry->names.push_back(name);
    }
    for (const char* name : {"all", "events", "exists", "exists_one", "filter", "has", "in_segment",
                             "last_contact", "map", "max", "min", "ntile", "percentile_rank",
                             "responded", "sum", "top", "under", "where"}) {
      registry->names.emplace_back(name);
    }
    return registry;
  }();
  return *kRegistry;
}

}  // namespace

std::span<const FunctionRow> OperatorTable() { return kOperators; }

std::span<const Signature> SignaturesOf(std::string_view name) {
  const auto at = TheRegistry().by_name.find(name);
  if (at == TheRegistry().by_name.end()) return {};
  return at->second;
}

Function FindFunction(std::string_view name, bool member, size_t arguments) {
  for (const Signature& signature : SignaturesOf(name)) {
    const bool fits = IsVariadic(name) || signature.params.size() == arguments;
    if (signature.member == member && fits && signature.run != nullptr) return signature.run;
  }
  return nullptr;
}

const std::vector<std::string>& FunctionNames() { return TheRegistry().names; }

bool IsVariadic(std::string_view name) { return name == "math.greatest" || name == "math.least"; }

}  // namespace rondo::rules
