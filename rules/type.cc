#include "rules/type.h"

#include <cctype>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rondo::rules {
namespace {

struct SimpleType {
  std::string_view name;
  TypeKind kind;
};

constexpr SimpleType kSimpleTypes[] = {
    {"dyn", TypeKind::kDyn},
    {"null", TypeKind::kNull},
    {"bool", TypeKind::kBool},
    {"int", TypeKind::kInt},
    {"uint", TypeKind::kUint},
    {"double", TypeKind::kDouble},
    {"string", TypeKind::kString},
    {"bytes", TypeKind::kBytes},
    {"timestamp", TypeKind::kTimestamp},
    {"duration", TypeKind::kDuration},
    {"money", TypeKind::kMoney},
    {"geo_point", TypeKind::kGeoPoint},
    {"date", TypeKind::kTimestamp},
};

// Recursive descent over the little grammar of ParseType; depth is bounded by kMaxDepth.
class TypeReader {
 public:
  explicit TypeReader(std::string_view text) : text_(text) {}

  absl::StatusOr<Type> Read() {
    absl::StatusOr<Type> type = ReadType(0);
    if (!type.ok()) return type;
    SkipSpace();
    if (at_ != text_.size()) return Refuse("unexpected text after the type");
    return type;
  }

 private:
  static constexpr int kMaxDepth = 32;

  void SkipSpace() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  absl::Status Refuse(std::string_view why) const {
    return absl::InvalidArgumentError(
        absl::StrFormat("type `%s`, column %d: %s", text_, at_ + 1, why));
  }
  std::string_view Word() {
    SkipSpace();
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
                                  text_[at_] == '_' || text_[at_] == '.' || text_[at_] == '-')) {
      ++at_;
    }
    return text_.substr(start, at_ - start);
  }
  bool Take(char c) {
    SkipSpace();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  absl::StatusOr<std::vector<Type>> ReadParams(int depth) {
    std::vector<Type> params;
    if (!Take('(')) return params;
    do {
      absl::StatusOr<Type> param = ReadType(depth + 1);
      if (!param.ok()) return param.status();
      params.push_back(*std::move(param));
    } while (Take(','));
    if (!Take(')')) return Refuse("expected `)`");
    return params;
  }

  absl::StatusOr<Type> ReadType(int depth) {
    if (depth > kMaxDepth) return Refuse("nested too deeply");
    const std::string_view word = Word();
    if (word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z') return Type::Param(std::string(word));
    for (const SimpleType& simple : kSimpleTypes) {
      if (simple.name == word) return Type{.kind = simple.kind};
    }
    if (word == "net.IP" || word == "net.CIDR") return Type::Abstract(std::string(word));
    if (word == "code" || word == "event") {
      if (!Take('(')) return Refuse("expected `(` and a name");
      const std::string name(Word());
      if (name.empty() || !Take(')')) return Refuse("expected a name and `)`");
      return word == "code" ? Type::Code(name) : Type::Event(name);
    }
    absl::StatusOr<std::vector<Type>> params = ReadParams(depth);
    if (!params.ok()) return params.status();
    if (word == "list" && params->size() == 1) return Type::List((*params)[0]);
    if (word == "map" && params->size() == 2) return Type::Map((*params)[0], (*params)[1]);
    if (word == "optional" && params->size() == 1) return Type::Optional((*params)[0]);
    if (word == "type" && params->size() <= 1) {
      return params->empty() ? Type{.kind = TypeKind::kType} : Type::TypeOf((*params)[0]);
    }
    return Refuse(
        absl::StrFormat("`%s` is no type; know: string int uint double bool bytes "
                        "timestamp date duration money geo_point dyn null list(T) "
                        "map(K, V) optional(T) code(LIST) event(NAME)",
                        word));
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::string Joined(const std::vector<Type>& types) {
  std::string out;
  for (const Type& type : types) absl::StrAppend(&out, out.empty() ? "" : ", ", ToString(type));
  return out;
}

}  // namespace

bool operator==(const Type& a, const Type& b) {
  if (a.kind != b.kind) return false;
  if (a.kind != TypeKind::kString && a.name != b.name) return false;
  return a.params == b.params;
}

std::string ToString(const Type& type) {
  switch (type.kind) {
    case TypeKind::kList:
      return "list(" + Joined(type.params) + ")";
    case TypeKind::kMap:
      return "map(" + Joined(type.params) + ")";
    case TypeKind::kType:
      return type.params.empty() ? "type" : "type(" + Joined(type.params) + ")";
    case TypeKind::kParam:
      return type.name;
    case TypeKind::kAbstract:
      if (type.is_optional()) return "optional(" + Joined(type.params) + ")";
      return type.params.empty() ? type.name : type.name + "(" + Joined(type.params) + ")";
    case TypeKind::kEvent:
      return "event(" + type.name + ")";
    case TypeKind::kString:
      return type.name.empty() ? "string" : "code(" + type.name + ")";
    case TypeKind::kError:
      return "error";
    default:
      break;
  }
  for (const SimpleType& simple : kSimpleTypes) {
    if (simple.kind == type.kind) return std::string(simple.name);
  }
  return "dyn";
}

absl::StatusOr<Type> ParseType(std::string_view text) { return TypeReader(text).Read(); }

}  // namespace rondo::rules
