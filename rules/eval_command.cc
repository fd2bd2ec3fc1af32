#include "rules/eval_command.h"

#include <istream>
#include <ostream>
#include <utility>
#include <vector>

#include "platform/core/status_macros.h"
#include "rules/compiled_rule.h"
#include "rules/diagnostic.h"
#include "rules/program.h"
#include "rules/typed_json.h"

namespace rondo::rules {
namespace {

using Json = nlohmann::json;

struct Request {
  std::string expression;
  Environment environment;
  MemoryRow row;
  bool check = true;
  bool macros = true;
  bool check_only = false;
};

struct Outcome {
  Json value;        // Typed, unless there is an error or only a check.
  std::string type;  // Of a check.
  std::vector<Diagnostic> errors;
};

Outcome RunRequest(const Request& request, absl::Time now) {
  Outcome outcome;
  const auto rule = internal::CompileRule(request.expression, request.environment,
                                          request.check ? CheckMode::kStrict : CheckMode::kResolve,
                                          request.macros, &outcome.errors);
  if (rule == nullptr) return outcome;
  outcome.type = ToTypeText(rule->checked.type);
  if (request.check_only) return outcome;
  Arena arena(request.environment.limits().arena_bytes);
  const Input input{.row = &request.row, .event = {}, .now = now};
  const Value value =
      internal::Run(*rule->root, rule->limits, rule->checked.local_slots, input, arena);
  constexpr int64_t kLargestAnswer = 200'000;
  if (WeightOf(value, kLargestAnswer) == kLargestAnswer) {
    outcome.errors.push_back(
        DiagnosticAt(Phase::kEval, request.expression, 0, "the result is too large"));
  } else if (value.is_error()) {
    outcome.errors.push_back(DiagnosticAt(Phase::kEval, request.expression, value.error().offset,
                                          std::string(value.error().message)));
  } else {
    outcome.value = ToTypedJson(value);
  }
  return outcome;
}

Json ErrorJson(const Diagnostic& error) {
  return {{"phase", std::string(ToString(error.phase))},
          {"message", error.message},
          {"line", error.line},
          {"column", error.column}};
}

Diagnostic InputError(std::string message) {
  return {.phase = Phase::kInput, .message = std::move(message)};
}

// Declares the variable unless it is declared, and binds it.
void Bind(const std::string& name, const Value& value, Request* request) {
  if (request->environment.FindVariable(name) == nullptr) {
    request->environment.AddVariable(name, TypeOfValue(value));
  }
  const auto index = static_cast<size_t>(request->environment.FindVariable(name)->symbol.index);
  MemoryRow& row = request->row;
  if (row.variables.size() <= index) {
    row.variables.resize(index + 1);
    row.bound.resize(index + 1);
  }
  row.variables[index] = value;
  row.bound[index] = true;
}

enum class Variables : bool { kTyped, kPlain };

absl::Status BindAll(const Json& bindings, Variables form, Arena& arena, Request* request) {
  if (!bindings.is_object()) return absl::InvalidArgumentError("variables are a JSON object");
  for (const auto& [name, json] : bindings.items()) {
    const absl::StatusOr<Value> value =
        form == Variables::kPlain ? FromPlainJson(json, arena) : FromTypedJson(json, arena);
    if (!value.ok()) {
      return absl::InvalidArgumentError("variable " + name + ": " +
                                        std::string(value.status().message()));
    }
    Bind(name, *value, request);
  }
  return absl::OkStatus();
}

bool Flag(const Json& json, const char* name) {
  return json.contains(name) && json[name].is_boolean() && json[name].get<bool>();
}

absl::Status ReadRequest(const Json& json, Arena& arena, Request* request) {
  if (!json.contains("expr") || !json["expr"].is_string()) {
    return absl::InvalidArgumentError("`expr` is missing or no text");
  }
  request->expression = json["expr"];
  request->check = !Flag(json, "disable_check");
  request->macros = !Flag(json, "disable_macros");
  request->check_only = Flag(json, "check_only");
  if (json.contains("container") && json["container"].is_string()) {
    request->environment.SetContainer(json["container"]);
  }
  if (json.contains("decls") && !json["decls"].is_null()) {
    if (!json["decls"].is_array()) return absl::InvalidArgumentError("`decls` is a list of text");
    for (const Json& declaration : json["decls"]) {
      if (!declaration.is_string()) return absl::InvalidArgumentError("`decls` is a list of text");
      RONDO_RETURN_IF_ERROR(
          AddDeclaration(declaration.get_ref<const std::string&>(), &request->environment));
    }
  }
  if (!json.contains("bindings") || json["bindings"].is_null()) return absl::OkStatus();
  return BindAll(json["bindings"], Variables::kTyped, arena, request);
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

EvalOutput Refused(const Diagnostic& error, std::string_view source) {
  return {Dump(Json{{"error", ErrorJson(error)}}) + "\n", CaretText(error, source) + "\n", 3};
}

}  // namespace

EvalOutput Eval(const EvalOptions& options) {
  Arena arena;
  Request request;
  request.expression = options.expression;
  request.check = options.check;
  request.check_only = options.check_only;
  request.environment.SetContainer(options.container);
  if (!options.variables_json.empty()) {
    const Json json = Json::parse(options.variables_json, nullptr, false);
    const Variables form = options.plain ? Variables::kPlain : Variables::kTyped;
    const absl::Status bound = json.is_discarded()
                                   ? absl::InvalidArgumentError("the variables are no valid JSON")
                                   : BindAll(json, form, arena, &request);
    if (!bound.ok()) return Refused(InputError(std::string(bound.message())), "");
  }
  const Outcome outcome = RunRequest(request, options.now);
  if (!outcome.errors.empty()) return Refused(outcome.errors[0], options.expression);
  if (options.check_only) return {Dump(Json{{"type", outcome.type}}) + "\n", "", 0};
  return {Dump(outcome.value) + "\n", "", 0};
}

Json EvalRequest(const Json& json, absl::Time now) {
  Json answer = Json::object();
  const bool has_id = json.is_object() && json.contains("id");
  answer["id"] = has_id ? json["id"] : Json();
  Arena arena;
  Request request;
  const absl::Status read = json.is_object()
                                ? ReadRequest(json, arena, &request)
                                : absl::InvalidArgumentError("the line is no JSON object");
  if (!read.ok()) {
    answer["error"] = ErrorJson(InputError(std::string(read.message())));
    return answer;
  }
  const Outcome outcome = RunRequest(request, now);
  if (!outcome.errors.empty()) {
    answer["error"] = ErrorJson(outcome.errors[0]);
  } else if (request.check_only) {
    answer["type"] = outcome.type;
  } else {
    answer["value"] = outcome.value;
  }
  return answer;
}

void EvalBatch(std::istream& in, std::ostream& out, absl::Time now) {
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty()) continue;
    out << Dump(EvalRequest(Json::parse(line, nullptr, false), now)) << "\n";
  }
}

}  // namespace rondo::rules
