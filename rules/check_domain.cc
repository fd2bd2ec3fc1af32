// The domain's words: calls that take names, that are short for other rules, and those of lists of
// events.
#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rules/check_pass.h"
#include "rules/parser.h"
#include "rules/time_text.h"

namespace rondo::rules {
namespace {

constexpr std::string_view kLastContact = "last_contact.";
constexpr std::string_view kResponses = "response";
constexpr int64_t kMaxTiles = 1000;

// `text` as a literal of the language.
std::string Quoted(std::string_view text) { return DebugString(Value::String(text)); }

void PlaceAt(int32_t offset, Expr* expr) {
  expr->offset = offset;
  for (const ExprPtr& arg : expr->args) PlaceAt(offset, arg.get());
}

// `top` and all codes below it. A circle among the parents ends the search, as each is taken once.
std::set<std::string> CodesUnder(const std::vector<Code>& codes, const std::string& top) {
  std::set<std::string> under = {top};
  for (bool grown = true; grown;) {
    grown = false;
    for (const Code& code : codes) {
      if (under.contains(code.parent)) grown = under.insert(code.code).second || grown;
    }
  }
  return under;
}

bool IsRank(std::string_view name) {
  return name == "percentile_rank" || name == "ntile" || name == "top";
}

bool HasOrderedColumn(const Type& type) {
  return type.is(TypeKind::kInt) || type.is(TypeKind::kDouble) || type.is(TypeKind::kTimestamp) ||
         type.is(TypeKind::kDuration);
}

}  // namespace

CheckPass::DomainForm CheckPass::DomainFormOf(const Expr& expr) const {
  if (env_.FindFunction(expr.name) != nullptr) return nullptr;
  if (expr.receiver) return expr.name == "under" ? &CheckPass::CheckUnder : nullptr;
  if (expr.name == "events") return &CheckPass::CheckEvents;
  if (expr.name == "in_segment") return &CheckPass::CheckSegment;
  if (expr.name == "last_contact") return &CheckPass::CheckLastContact;
  if (expr.name == "responded") return &CheckPass::CheckResponded;
  return IsRank(expr.name) ? &CheckPass::CheckRank : nullptr;
}

std::optional<std::string> CheckPass::TextArgument(const Expr& expr, size_t index) const {
  if (index >= expr.args.size() || !expr.args[index]->literal.is(Kind::kString)) {
    return std::nullopt;
  }
  return std::string(expr.args[index]->literal.text());
}

Type CheckPass::Expand(Expr& expr, const std::string& text) {
  expr.expansion = Parse(text, env_.limits(), Macros::kExpand, errors_);
  if (expr.expansion == nullptr) return Type::Error();
  PlaceAt(expr.offset, expr.expansion.get());
  return CheckExpr(*expr.expansion);
}

Type CheckPass::CheckEvents(Expr& expr) {
  const std::optional<std::string> name = TextArgument(expr, 0);
  if (expr.args.size() != 1 || !name) {
    return Refuse(expr.offset, "events() takes an event type's name in quotes: events('purchase')");
  }
  const Environment::EventType* type = env_.FindEventType(*name);
  if (type == nullptr) {
    expr.target = Target::kUnknown;
    return Refuse(expr.args[0]->offset,
                  absl::StrFormat("unknown event type `%s`%s", *name,
                                  DidYouMean(*name, NamesOf(env_.event_types()))));
  }
  expr.target = Target::kEvents;
  expr.symbol = type->symbol;
  return Type::List(Type::Event(*name));
}

Type CheckPass::CheckSegment(Expr& expr) {
  const std::optional<std::string> name = TextArgument(expr, 0);
  if (expr.args.size() != 1 || !name) {
    return Refuse(expr.offset, "in_segment() takes a segment's name in quotes");
  }
  const Symbol* symbol = env_.FindSegment(*name);
  if (symbol == nullptr) {
    expr.target = Target::kUnknown;
    std::vector<std::string> known;
    for (const Symbol& segment : env_.segments()) known.push_back(segment.name);
    return Refuse(expr.args[0]->offset,
                  absl::StrFormat("unknown segment `%s`%s", *name, DidYouMean(*name, known)));
  }
  expr.target = Target::kSegment;
  expr.symbol = *symbol;
  return Type::Bool();
}

Type CheckPass::CheckLastContact(Expr& expr) {
  const std::optional<std::string> channel =
      expr.args.empty() ? std::optional<std::string>("any") : TextArgument(expr, 0);
  if (expr.args.size() > 1 || !channel) {
    return Refuse(expr.offset,
                  "last_contact() takes a channel in quotes, last_contact('email'), or nothing");
  }
  if (env_.FindSignal(std::string(kLastContact) + *channel) == nullptr) {
    std::vector<std::string> known;
    for (const Environment::Named& signal : env_.signals()) {
      if (!signal.symbol.name.starts_with(kLastContact)) continue;
      known.push_back(signal.symbol.name.substr(kLastContact.size()));
    }
    return Refuse(expr.offset,
                  absl::StrFormat("unknown channel `%s`%s", *channel, DidYouMean(*channel, known)));
  }
  return Expand(expr,
                absl::StrFormat("optional.ofNonZeroValue(signal.%s%s)", kLastContact, *channel));
}

Type CheckPass::CheckResponded(Expr& expr) {
  const std::optional<std::string> campaign = TextArgument(expr, 0);
  const std::optional<std::string> kind = TextArgument(expr, 1);
  if (expr.args.size() != 2 || !campaign || !kind) {
    return Refuse(expr.offset,
                  "responded() takes a campaign and a kind of response in quotes: "
                  "responded('campaigns/spring', 'click')");
  }
  if (!campaign->starts_with("campaigns/")) {
    return Refuse(expr.args[0]->offset,
                  absl::StrFormat("a campaign is named campaigns/NAME; did you mean "
                                  "`campaigns/%s`?",
                                  *campaign));
  }
  if (env_.FindEventType(kResponses) == nullptr) {
    return Refuse(expr.offset, "responses are not known here");
  }
  return Expand(
      expr, absl::StrFormat("events('%s').where(r, r.campaign == %s && r.kind == %s).count() > 0",
                            kResponses, Quoted(*campaign), Quoted(*kind)));
}

Type CheckPass::CheckUnder(Expr& expr) {
  const Type type = subst_.Apply(CheckExpr(*expr.args[0]), Substitution::Unbound::kKeep);
  const std::optional<std::string> top = TextArgument(expr, 1);
  if (expr.args.size() != 2 || !top) {
    return Refuse(expr.offset, "under() takes a code in quotes: e.category.under('FOOD')");
  }
  const std::vector<Code>* codes =
      type.is(TypeKind::kString) && !type.name.empty() ? env_.FindCodeList(type.name) : nullptr;
  if (codes == nullptr) {
    return Refuse(expr.offset,
                  absl::StrFormat("under() is for codes of a code list, not %s", Show(type)));
  }
  if (!CheckCode(*expr.args[1], type)) return Type::Error();
  const std::set<std::string> under = CodesUnder(*codes, *top);
  expr.target = Target::kUnder;
  expr.fields.assign(under.begin(), under.end());
  return Type::Bool();
}

bool CheckPass::CheckCode(const Expr& literal, const Type& list) {
  const std::vector<Code>* codes = env_.FindCodeList(list.name);
  if (codes == nullptr || !literal.literal.is(Kind::kString)) return true;
  const std::string code(literal.literal.text());
  if (std::ranges::find(*codes, code, &Code::code) != codes->end()) return true;
  std::vector<std::string> known;
  for (const Code& each : *codes) known.push_back(each.code);
  Refuse(literal.offset,
         absl::StrFormat("`%s` has no code `%s`%s", list.name, code, DidYouMean(code, known)));
  return false;
}

void CheckPass::CheckCodesNamed(const Expr& expr, const std::vector<Type>& args) {
  const bool equality = expr.op == Op::kEqual || expr.op == Op::kNotEqual;
  if ((!equality && expr.op != Op::kIn) || args.size() != 2) return;
  for (size_t i = 0; i < (equality ? 2U : 1U); ++i) {
    const Type type = subst_.Apply(args[i], Substitution::Unbound::kKeep);
    if (!type.is(TypeKind::kString) || type.name.empty()) continue;
    const Expr& other = *expr.args[1 - i];
    if (equality) CheckCode(other, type);
    if (equality || other.kind != ExprKind::kList) continue;
    for (const ExprPtr& item : other.args) CheckCode(*item, type);
  }
}

Type CheckPass::CheckRank(Expr& expr) {
  const bool percentile = expr.name == "percentile_rank";
  const size_t value = percentile ? 0 : 1;
  expr.target = Target::kUnknown;
  if (!env_.ranks_allowed()) {
    return Refuse(expr.offset,
                  absl::StrFormat("`%s` compares a customer with all others: only the rule of a "
                                  "segment may say it",
                                  expr.name));
  }
  if (in_rank_ || !locals_.empty()) {
    return Refuse(expr.offset,
                  absl::StrFormat("`%s` compares customers: it cannot stand within another "
                                  "comparison, nor within .where() and its like",
                                  expr.name));
  }
  if (expr.args.size() != value + 1) {
    return Refuse(expr.offset, percentile ? "write percentile_rank(signal.ltv)"
                                          : absl::StrFormat("write %s(5, signal.ltv)", expr.name));
  }
  in_rank_ = true;
  const Type type = subst_.Apply(CheckExpr(*expr.args[value]), Substitution::Unbound::kDyn);
  in_rank_ = false;
  if (type.is(TypeKind::kError)) return type;
  if (!HasOrderedColumn(type)) {
    return Refuse(expr.args[value]->offset,
                  absl::StrFormat("`%s` ranks numbers and times, not %s", expr.name, Show(type)));
  }
  if (!percentile) {
    expr.args[0]->type = Type::Int();
    const Value& count = expr.args[0]->literal;
    const int64_t most = expr.name == "ntile" ? kMaxTiles : std::numeric_limits<int32_t>::max();
    if (!count.is(Kind::kInt) || count.integer() < 1 || count.integer() > most) {
      return Refuse(expr.args[0]->offset,
                    absl::StrFormat("`%s` first takes a whole number, 1 to %d", expr.name, most));
    }
  }
  expr.target = Target::kRank;
  expr.symbol = {expr.name, ranks_++};
  if (expr.name == "top") return Type::Bool();
  return (percentile ? Type::Double() : Type::Int()).Nullable();
}

void CheckPass::CheckWindow(const Expr& expr, const std::vector<Type>& args) {
  const bool following = expr.name == "followed_by" || expr.name == "not_followed_by";
  const bool window = following || expr.name == "since" || expr.name == "between" ||
                      (expr.name == "last" && args.size() > 1);
  if (!window || args.empty()) return;
  for (size_t i = 0; i < args.size() && i < (following ? 2U : 1U); ++i) {
    const Type list = subst_.Apply(args[i], Substitution::Unbound::kKeep);
    if (!list.is_event_list() && !list.is_dyn()) {
      Refuse(expr.offset, absl::StrFormat("`.%s` is for events: events('purchase').%s(...)",
                                          expr.name, expr.name));
    }
  }
  const size_t length = following ? 2 : 1;
  if (args.size() <= length || (!following && expr.name != "last")) return;
  const Value& literal = expr.args[length]->literal;
  if (literal.is(Kind::kString) && !ParseWindowMicros(literal.text())) {
    Refuse(expr.args[length]->offset, "a window is a number and one of s m h d w, such as '90d'");
  }
}

}  // namespace rondo::rules
