#include "app/shell.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "platform/core/status_macros.h"
#include "platform/rpc/timestamp.h"
#include "services/customer/csv/byte_source.h"

namespace rondo {
namespace {

// What of the command line, such as a file's name, is not UTF-8 is written as U+FFFD.
constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;

// int64 travels as text in protobuf's JSON; people and jq want numbers.
void NumbersFromText(const google::protobuf::Descriptor& type, nlohmann::ordered_json& value) {
  using google::protobuf::FieldDescriptor;
  if (!value.is_object()) return;
  for (auto& [name, child] : value.items()) {
    const FieldDescriptor* field = type.FindFieldByName(name);
    if (field == nullptr) continue;
    const auto convert = [&](nlohmann::ordered_json& item) {
      const bool is_int64 = field->cpp_type() == FieldDescriptor::CPPTYPE_INT64 ||
                            field->cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
      if (is_int64 && item.is_string()) {
        item = nlohmann::ordered_json::parse(item.get<std::string>());
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        NumbersFromText(*field->message_type(), item);
      }
    };
    if (child.is_array()) {
      std::for_each(child.begin(), child.end(), convert);
    } else {
      convert(child);
    }
  }
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return ExitCode::kRefused;
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return ExitCode::kWrongState;
    case absl::StatusCode::kCancelled:
      return ExitCode::kInterrupted;
    default:
      return ExitCode::kFailed;
  }
}

Shell::Shell(CLI::App& root) {
  // `--output` and `--server` may stand anywhere; subcommands added from here on inherit that.
  root.fallthrough();
  root.add_option("--output", output_, "How results are written")
      ->check(CLI::IsMember({"table", "json"}));
  root.add_option("--server", server_, "HOST:PORT of `rondo serve`'s gRPC door")
      ->envname("RONDO_SERVER")
      ->capture_default_str();
}

Caller& Shell::caller() {
  if (caller_ == nullptr) caller_ = std::make_unique<GrpcCaller>(server_);
  return *caller_;
}

CallInfo Shell::call(absl::Duration timeout) const {
  CallInfo info;
  info.deadline = absl::Now() + timeout;
  return info;
}

void Shell::OnRun(CLI::App* command, std::function<absl::Status()> body) {
  command->callback([this, body = std::move(body)] {
    const absl::Status status = body();
    exit_code_ = own_code_.value_or(ExitCodeOf(status));
    if (status.ok()) return;
    std::string message(status.message());
    if (absl::IsUnavailable(status) && caller_ != nullptr) {
      message = absl::StrFormat(
          "no answer from %s (%s). Is `rondo serve` running? --server names it", server_, message);
    }
    std::cerr << "rondo: " << message << "\n";
  });
}

void Shell::PrintJson(const nlohmann::ordered_json& value) const {
  std::cout << value.dump(isatty(STDOUT_FILENO) != 0 ? 2 : -1, ' ', /*ensure_ascii=*/false,
                          kReplace)
            << "\n";
}

void Shell::PrintJsonLine(const nlohmann::ordered_json& value) const {
  std::cout << value.dump(-1, ' ', /*ensure_ascii=*/false, kReplace) << "\n";
}

void Shell::PrintTable(const Table& table) const {
  std::vector<size_t> widths;
  for (const std::string& column : table.columns) widths.push_back(column.size());
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  const auto print = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      line += cells[i];
      if (i + 1 < cells.size()) line.append(widths[i] - cells[i].size() + 2, ' ');
    }
    std::cout << line << "\n";
  };
  print(table.columns);
  for (const auto& row : table.rows) print(row);
}

void Shell::PrintMessage(const google::protobuf::Message& message) const {
  PrintJson(ToJson(message));
}

nlohmann::ordered_json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(message, &text, options);
  RONDO_CHECK(status.ok());
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(text);
  NumbersFromText(*message.GetDescriptor(), json);
  return json;
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", TimeOf(time), absl::UTCTimeZone());
}

absl::StatusOr<std::string> ReadInput(const std::string& path, size_t bytes_max) {
  customer::InputLimits limits;
  limits.unpacked_bytes_max = static_cast<int64_t>(bytes_max);
  RONDO_ASSIGN_OR_RETURN(const std::unique_ptr<customer::ByteSource> source,
                         customer::OpenInput(path, limits));
  std::string text;
  std::vector<char> chunk(1 << 16);
  while (true) {
    RONDO_ASSIGN_OR_RETURN(const size_t size, source->Read(chunk.data(), chunk.size()));
    if (size == 0) return text;
    text.append(chunk.data(), size);
    if (text.size() > bytes_max) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: holds more than %d bytes", path, bytes_max));
    }
  }
}

}  // namespace rondo
