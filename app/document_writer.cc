// Writes definitions as the text that documents.cc reads.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/message.h>
#include <google/protobuf/timestamp.pb.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "app/document_text.h"
#include "app/documents.h"
#include "platform/core/money.h"
#include "platform/rpc/timestamp.h"
#include "rondo/type/v1/money.pb.h"

namespace rondo {
namespace {

using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The shortest text that reads back to `value`.
std::string Shortest(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end);
}

// Without quotes a carriage return at the end, for one, is no part of the text.
bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= '\0' && c < ' '; });
}

// Whether `text` comes back the same from a block of lines (`|`), which ends in one line feed.
bool IsBlock(std::string_view text) {
  const auto is_control = [](char c) { return c >= '\0' && c < ' ' && c != '\n'; };
  return text.ends_with('\n') && !text.ends_with("\n\n") && text[0] != ' ' && text[0] != '\n' &&
         std::none_of(text.begin(), text.end(), is_control);
}

// Writes messages as ReadMessage reads them.
class Writer {
 public:
  explicit Writer(YAML::Emitter& out) : out_(out) {}

  void WriteFields(const Message& message, bool top) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (IsSetByServer(*field) || (top && field->name() == "name")) {
        continue;
      }
      WriteField(*field, message);
    }
  }

 private:
  void WriteField(const FieldDescriptor& field, const Message& message) {
    const std::string& type = message.GetDescriptor()->name();
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    if (type == "QuietHours") {
      const int minute = reflection.GetInt32(message, &field);
      out_ << YAML::Key << field.name().substr(0, field.name().find('_')) << YAML::Value
           << YAML::DoubleQuoted << absl::StrFormat("%02d:%02d", minute / 60, minute % 60);
      return;
    }
    if (type == "Schedule" && field.name() == "start_offset_minutes") return;
    if (type == "Schedule" && field.name() == "start_time") {
      return WriteStart(static_cast<const campaign::v1::Schedule&>(message));
    }
    out_ << YAML::Key << field.name() << YAML::Value;
    if (!field.is_repeated()) return WriteValue(field, message, -1);
    out_ << YAML::BeginSeq;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) WriteValue(field, message, i);
    out_ << YAML::EndSeq;
  }

  // As its author wrote it: with the offset.
  void WriteStart(const campaign::v1::Schedule& schedule) {
    out_ << YAML::Key << "start" << YAML::Value
         << absl::FormatTime(absl::RFC3339_full, TimeOf(schedule.start_time()),
                             absl::FixedTimeZone(schedule.start_offset_minutes() * 60));
  }

  void WriteValue(const FieldDescriptor& field, const Message& message, int index) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return WriteMessage(index < 0 ? reflection.GetMessage(message, &field)
                                      : reflection.GetRepeatedMessage(message, &field, index));
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string text = index < 0 ? reflection.GetString(message, &field)
                                           : reflection.GetRepeatedString(message, &field, index);
        if (IsBlock(text)) {
          out_ << YAML::Literal;
        } else if (HasControl(text)) {
          out_ << YAML::DoubleQuoted;
        }
        out_ << text;
        return;
      }
      case FieldDescriptor::CPPTYPE_ENUM: {
        const EnumValueDescriptor* value = reflection.GetEnum(message, &field);
        out_ << absl::AsciiStrToLower(value->name().substr(EnumPrefix(*field.enum_type()).size()));
        return;
      }
      case FieldDescriptor::CPPTYPE_BOOL:
        out_ << reflection.GetBool(message, &field);
        return;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        out_ << Shortest(reflection.GetDouble(message, &field));
        return;
      case FieldDescriptor::CPPTYPE_INT32:
        out_ << reflection.GetInt32(message, &field);
        return;
      default:
        out_ << reflection.GetInt64(message, &field);
    }
  }

  void WriteMessage(const Message& child) {
    const std::string& type = child.GetDescriptor()->full_name();
    if (type == "google.protobuf.Duration") {
      out_ << FormatDurationText(DurationOf(static_cast<const google::protobuf::Duration&>(child)));
      return;
    }
    if (type == "google.protobuf.Timestamp") {
      const auto& timestamp = static_cast<const google::protobuf::Timestamp&>(child);
      out_ << absl::FormatTime(absl::RFC3339_full, TimeOf(timestamp), absl::UTCTimeZone());
      return;
    }
    out_ << YAML::Flow << YAML::BeginMap;
    if (type == "rondo.type.v1.Money") {
      const auto& money = static_cast<const type::v1::Money&>(child);
      out_ << YAML::Key << "currency" << YAML::Value << money.currency_code() << YAML::Key
           << "amount" << YAML::Value << YAML::DoubleQuoted
           << FormatAmount({money.currency_code(), money.minor_units()});
    } else {
      WriteFields(child, false);
    }
    out_ << YAML::EndMap;
  }

  YAML::Emitter& out_;
};

}  // namespace

std::string FormatDocument(const log::v1::Definition& definition) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  const std::string_view kind = KindOf(definition.name());
  out << YAML::Key << "kind" << YAML::Value << std::string(kind);
  out << YAML::Key << "name" << YAML::Value
      << definition.name().substr(definition.name().find('/') + 1);
  const FieldDescriptor* body = definition.GetReflection()->GetOneofFieldDescriptor(
      definition, log::v1::Definition::descriptor()->FindOneofByName("body"));
  if (body != nullptr) {
    Writer(out).WriteFields(definition.GetReflection()->GetMessage(definition, body), true);
  }
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace rondo
