#include "platform/rpc/log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <nlohmann/json.hpp>

namespace rondo {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

std::shared_ptr<spdlog::logger> MakeLogger(spdlog::sink_ptr sink, LogLevel least) {
  auto logger = std::make_shared<spdlog::logger>("rondo", std::move(sink));
  logger->set_pattern("%v");
  logger->set_level(ToSpdlog(least));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

}  // namespace

Log::Log(const Clock& clock, LogLevel least)
    : clock_(clock),
      logger_(MakeLogger(std::make_shared<spdlog::sinks::stderr_sink_mt>(), least)) {}

Log::Log(const Clock& clock, std::ostream& out, LogLevel least)
    : clock_(clock),
      logger_(MakeLogger(std::make_shared<spdlog::sinks::ostream_sink_mt>(out), least)) {}

void Log::Write(LogLevel level, std::string_view event,
                std::initializer_list<LogField> fields) const {
  const spdlog::level::level_enum spdlog_level = ToSpdlog(level);
  if (!logger_->should_log(spdlog_level)) return;
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", clock_.Now(), absl::UTCTimeZone());
  const spdlog::string_view_t level_name = spdlog::level::to_string_view(spdlog_level);
  line["level"] = std::string(level_name.data(), level_name.size());
  line["event"] = event;
  for (const LogField& field : fields) {
    const bool is_empty_text = std::holds_alternative<std::string_view>(field.value) &&
                               std::get<std::string_view>(field.value).empty();
    if (is_empty_text) continue;
    std::visit([&](const auto& value) { line[std::string(field.name)] = value; }, field.value);
  }
  // Bytes that are no UTF-8 become U+FFFD; control characters, DEL apart, are escaped.
  logger_->log(spdlog_level, line.dump(-1, ' ', /*ensure_ascii=*/true,
                                       nlohmann::ordered_json::error_handler_t::replace));
}

}  // namespace rondo
