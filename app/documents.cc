#include "app/documents.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>
#include <simdjson.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "app/document_text.h"
#include "platform/catalog/resource_name.h"
#include "platform/core/field_error.h"
#include "platform/core/money.h"
#include "platform/core/status_macros.h"
#include "rondo/type/v1/money.pb.h"

namespace rondo {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMaxDocumentBytes = 1 << 20;
constexpr int kMinutesPerDay = 24 * 60;
// What a Timestamp can hold: the years 1 to 9999.
constexpr absl::Time kFirstTime = absl::FromUnixSeconds(-62'135'596'800);
constexpr absl::Time kLastTime = absl::FromUnixSeconds(253'402'300'799);

std::string EnumChoices(const EnumDescriptor& type) {
  const std::string prefix = EnumPrefix(type);
  std::string choices;
  for (int i = 1; i < type.value_count(); ++i) {
    if (!choices.empty()) choices += ", ";
    choices += absl::AsciiStrToLower(type.value(i)->name().substr(prefix.size()));
  }
  return choices;
}

// The UTC offset with which an RFC 3339 time was written, in minutes: +540 for +09:00. 0 for `Z`
// and for what is no such time.
int OffsetMinutesOf(std::string_view text) {
  constexpr size_t kOffset = std::string_view("+09:00").size();
  if (text.size() < kOffset) return 0;
  const std::string_view offset = text.substr(text.size() - kOffset);
  if ((offset[0] != '+' && offset[0] != '-') || offset[3] != ':') return 0;
  int hours = 0;
  int minutes = 0;
  std::from_chars(offset.data() + 1, offset.data() + 3, hours);
  std::from_chars(offset.data() + 4, offset.data() + 6, minutes);
  return (offset[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
}

// "21:00" -> 1260.
absl::StatusOr<int> ParseMinuteOfDay(std::string_view text) {
  int hours = 0;
  int minutes = 0;
  const size_t colon = text.find(':');
  const bool shaped = (colon == 1 || colon == 2) && text.size() == colon + 3;
  if (shaped) {
    const auto a = std::from_chars(text.data(), text.data() + colon, hours);
    const auto b = std::from_chars(text.data() + colon + 1, text.data() + text.size(), minutes);
    const int total = hours * 60 + minutes;
    if (a.ec == std::errc() && b.ec == std::errc() && a.ptr == text.data() + colon &&
        b.ptr == text.data() + text.size() && hours >= 0 && minutes >= 0 && minutes < 60 &&
        total <= kMinutesPerDay) {
      return total;
    }
  }
  return absl::InvalidArgumentError("expected a time of day such as \"21:00\"");
}

// Finds the place where yaml-cpp 0.7 stops without saying so: before a `,`, `]` or `}` outside all
// brackets it begins one empty document after the other for ever.
class ProgressCheck : public YAML::EventHandler {
 public:
  // True once a document began where the one before began: at `place`.
  bool stuck() const { return stuck_; }
  const YAML::Mark& place() const { return place_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    stuck_ = mark.pos == place_.pos && !first_;
    first_ = false;
    place_ = mark;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  bool first_ = true;
  bool stuck_ = false;
  YAML::Mark place_;
};

// The text's documents. Throws YAML::Exception.
std::vector<YAML::Node> LoadDocuments(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  ProgressCheck check;
  while (parser.HandleNextDocument(check)) {
    if (check.stuck()) throw YAML::ParserException(check.place(), "no value can begin here");
  }
  return YAML::LoadAll(text);
}

// Reads one document into its message; collects every mistake.
class Reader {
 public:
  Reader(std::string_view file, FieldViolations& violations)
      : file_(file), violations_(violations) {}

  void ReadMessage(const YAML::Node& node, const std::string& path, Message& message) {
    if (!node.IsMap()) return Fail(node, path, "expected fields, as `name: value`");
    std::map<std::string, int> seen;  // Where: the line.
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      const std::string child = path.empty() ? key : path + "." + key;
      const auto [at, is_new] = seen.emplace(key, entry.first.Mark().line + 1);
      if (!is_new) {
        Fail(entry.first, child, absl::StrFormat("given in line %d already", at->second));
        continue;
      }
      if (path.empty() && (key == "kind" || key == "name")) continue;
      if (ReadKindly(key, entry.second, child, message)) continue;
      const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(key);
      if (field == nullptr || IsSetByServer(*field)) {
        Fail(entry.first, child, "unknown field; known are " + KnownFields(message));
        continue;
      }
      ReadField(entry.second, child, *field, message);
    }
  }

  void Fail(const YAML::Node& node, const std::string& path, std::string_view expected) {
    const YAML::Mark mark = node.Mark();
    violations_.Add(absl::StrFormat("%s:%d:%d: %s", file_, mark.line + 1, mark.column + 1, path),
                    std::string(expected));
  }

 private:
  // The places where text is kinder than the proto. True if `key` is one of them.
  bool ReadKindly(const std::string& key, const YAML::Node& node, const std::string& path,
                  Message& message) {
    const std::string& type = message.GetDescriptor()->name();
    if (type == "Schedule" && key == "start") {
      ReadField(node, path, *message.GetDescriptor()->FindFieldByName("start_time"), message);
      // Each customer's clock is to read what the author's clock read.
      message.GetReflection()->SetInt32(
          &message, message.GetDescriptor()->FindFieldByName("start_offset_minutes"),
          OffsetMinutesOf(node.IsScalar() ? node.Scalar() : ""));
      return true;
    }
    // Once: an alias may name the mapping that it stands in.
    if (type == "Schedule" && key == "repeat" && !in_repeat_) {
      in_repeat_ = true;
      ReadMessage(node, path, message);
      in_repeat_ = false;
      return true;
    }
    if (type == "QuietHours" && (key == "start" || key == "end")) {
      const absl::StatusOr<int> minute = ParseMinuteOfDay(node.IsScalar() ? node.Scalar() : "");
      if (!minute.ok()) {
        Fail(node, path, std::string(minute.status().message()));
        return true;
      }
      message.GetReflection()->SetInt32(
          &message, message.GetDescriptor()->FindFieldByName(key + "_minute"), *minute);
      return true;
    }
    if (type == "Campaign" && key == "control") {
      if (!node.IsScalar() || node.Scalar() != "none") {
        Fail(node, path,
             "expected `none`, with `no_control_reason`; a control cell stands in `cells`");
      }
      return true;
    }
    return false;
  }

  void ReadField(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                 Message& message) {
    if (field.is_repeated()) {
      if (!node.IsSequence()) return Fail(node, path, "expected a list");
      for (size_t i = 0; i < node.size(); ++i) {
        ReadValue(node[i], absl::StrFormat("%s[%d]", path, i), field, message);
      }
      return;
    }
    ReadValue(node, path, field, message);
  }

  void ReadValue(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                 Message& message) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Message& child = field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                           : *reflection.MutableMessage(&message, &field);
      ReadMessageValue(node, path, child);
      return;
    }
    if (!node.IsScalar()) return Fail(node, path, "expected a single value");
    const std::string& text = node.Scalar();
    const absl::Status set = SetScalar(text, field, message);
    if (!set.ok()) Fail(node, path, std::string(set.message()));
  }

  void ReadMessageValue(const YAML::Node& node, const std::string& path, Message& child) {
    const std::string& type = child.GetDescriptor()->full_name();
    if (type == "google.protobuf.Duration") {
      const absl::StatusOr<absl::Duration> duration =
          ParseDuration(node.IsScalar() ? node.Scalar() : "");
      if (!duration.ok()) return Fail(node, path, std::string(duration.status().message()));
      static_cast<google::protobuf::Duration&>(child).set_seconds(absl::ToInt64Seconds(*duration));
      return;
    }
    if (type == "google.protobuf.Timestamp") {
      absl::Time time;
      std::string error;
      if (!node.IsScalar() || !absl::ParseTime(absl::RFC3339_full, node.Scalar(), &time, &error) ||
          time < kFirstTime || time > kLastTime) {
        return Fail(node, path,
                    "expected a time with an offset, such as 2026-12-01T10:00:00+09:00");
      }
      auto& timestamp = static_cast<google::protobuf::Timestamp&>(child);
      const int64_t micros = absl::ToUnixMicros(time);
      const int64_t seconds = absl::ToUnixSeconds(time);
      timestamp.set_seconds(seconds);
      timestamp.set_nanos(static_cast<int>((micros - seconds * 1'000'000) * 1'000));
      return;
    }
    if (type == "rondo.type.v1.Money") {
      return ReadMoney(node, path, static_cast<type::v1::Money&>(child));
    }
    ReadMessage(node, path, child);
  }

  void ReadMoney(const YAML::Node& node, const std::string& path, type::v1::Money& money) {
    const bool shaped = node.IsMap() && node.size() == 2 && node["currency"] && node["amount"] &&
                        node["currency"].IsScalar() && node["amount"].IsScalar();
    if (!shaped) return Fail(node, path, "expected {currency: EUR, amount: \"12.50\"}");
    const absl::StatusOr<Money> parsed =
        ParseMoney(node["amount"].Scalar(), node["currency"].Scalar());
    if (!parsed.ok()) return Fail(node, path, std::string(parsed.status().message()));
    money.set_currency_code(parsed->currency);
    money.set_minor_units(parsed->minor_units);
  }

  template <typename Number>
  static absl::StatusOr<Number> ParseNumber(const std::string& text, std::string_view expected) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      return absl::InvalidArgumentError(std::string(expected));
    }
    return value;
  }

  static absl::Status SetScalar(const std::string& text, const FieldDescriptor& field,
                                Message& message) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        if (!simdjson::validate_utf8(text.data(), text.size())) {
          return absl::InvalidArgumentError("expected text in UTF-8");
        }
        if (field.is_repeated()) {
          reflection.AddString(&message, &field, text);
        } else {
          reflection.SetString(&message, &field, text);
        }
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_DOUBLE: {
        RONDO_ASSIGN_OR_RETURN(const double value, ParseNumber<double>(text, "expected a number"));
        if (!std::isfinite(value)) return absl::InvalidArgumentError("expected a finite number");
        reflection.SetDouble(&message, &field, value);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_INT32: {
        RONDO_ASSIGN_OR_RETURN(const int32_t value,
                               ParseNumber<int32_t>(text, "expected a whole number"));
        reflection.SetInt32(&message, &field, value);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_INT64: {
        RONDO_ASSIGN_OR_RETURN(const int64_t value,
                               ParseNumber<int64_t>(text, "expected a whole number"));
        reflection.SetInt64(&message, &field, value);
        return absl::OkStatus();
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        if (text != "true" && text != "false") {
          return absl::InvalidArgumentError("expected true or false");
        }
        reflection.SetBool(&message, &field, text == "true");
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumDescriptor& type = *field.enum_type();
        const EnumValueDescriptor* value =
            type.FindValueByName(EnumPrefix(type) + absl::AsciiStrToUpper(text));
        if (value == nullptr || value->number() == 0) {
          return absl::InvalidArgumentError("expected one of " + EnumChoices(type));
        }
        reflection.SetEnum(&message, &field, value);
        return absl::OkStatus();
      }
      default:
        return absl::InvalidArgumentError("cannot be written as text");
    }
  }

  static std::string KnownFields(const Message& message) {
    std::string known;
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (IsSetByServer(field)) continue;
      if (!known.empty()) known += ", ";
      known += field.name();
    }
    return known;
  }

  std::string_view file_;
  FieldViolations& violations_;
  bool in_repeat_ = false;
};

void ReadDocument(const YAML::Node& node, std::string_view file, Reader& reader,
                  std::vector<Document>& documents) {
  if (!node.IsMap()) return reader.Fail(node, "document", "expected `kind`, `name` and fields");
  std::string choices;
  const DocumentKind* kind = nullptr;
  const YAML::Node kind_node = node["kind"];
  for (const DocumentKind& candidate : kDocumentKinds) {
    choices += (choices.empty() ? "" : ", ") + std::string(candidate.name);
    if (kind_node && kind_node.IsScalar() && kind_node.Scalar() == candidate.name)
      kind = &candidate;
  }
  if (kind == nullptr) {
    return reader.Fail(kind_node ? kind_node : node, "kind", "expected one of " + choices);
  }
  const YAML::Node name = node["name"];
  const bool named = name && name.IsScalar() && catalog::IsResourceId(name.Scalar());
  if (!named) {
    return reader.Fail(
        name ? name : node, "name",
        "expected 1 to 63 of a-z, 0-9 and -, a letter first (without the collection)");
  }
  Document document;
  document.file = file;
  document.line = kind_node.Mark().line + 1;
  document.definition.set_name(std::string(kind->collection) + name.Scalar());
  const FieldDescriptor* body =
      log::v1::Definition::descriptor()->FindFieldByName(std::string(kind->body_field));
  Message* message =
      document.definition.GetReflection()->MutableMessage(&document.definition, body);
  reader.ReadMessage(node, "", *message);
  message->GetReflection()->SetString(message, message->GetDescriptor()->FindFieldByName("name"),
                                      document.definition.name());
  documents.push_back(std::move(document));
}

}  // namespace

absl::StatusOr<std::vector<Document>> ParseDocuments(std::string_view file, std::string_view text) {
  if (text.size() > kMaxDocumentBytes) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: larger than 1 MiB; split it into several files", file));
  }
  std::vector<YAML::Node> nodes;
  try {
    nodes = LoadDocuments(std::string(text));
  } catch (const YAML::Exception& error) {
    return FieldError(absl::StrFormat("%s:%d:%d", file, error.mark.line + 1, error.mark.column + 1),
                      "not YAML: " + error.msg);
  }
  FieldViolations violations;
  Reader reader(file, violations);
  std::vector<Document> documents;
  for (const YAML::Node& node : nodes) {
    if (node.IsNull()) continue;
    ReadDocument(node, file, reader, documents);
  }
  RONDO_RETURN_IF_ERROR(violations.ToStatus());
  return documents;
}

}  // namespace rondo
