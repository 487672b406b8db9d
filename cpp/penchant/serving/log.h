#pragma once

// Structured lines on stderr, one write each: time, level, event, then key=value.
//
//   log(LogLevel::kInfo, "listening", {{"address", server.address()}, {"threads", 2}});
//   2026-03-01T12:00:00.123456Z level=info event=listening address=127.0.0.1:8080 threads=2
//
// Nothing a client sent is ever logged: no body, no subject, no path, no address of a person.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace penchant::serving {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kNone };

// "debug", "info", "warning", "error", "none". Throws kInvalidArgument.
[[nodiscard]] LogLevel parse_log_level(std::string_view name);

// Lines below `level` are dropped; kInfo at first.
void set_log_level(LogLevel level);
[[nodiscard]] bool log_enabled(LogLevel level);

struct LogField {
  LogField(std::string_view name, std::string_view text) : key(name), value(text) {}
  LogField(std::string_view name, const char* text) : key(name), value(text) {}
  template <class Integer>
  requires std::is_integral_v<Integer> LogField(std::string_view name, Integer number)
      : key(name), value(std::to_string(number)) {}

  std::string_view key;
  std::string value;
};

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

// The line without its time, for tests: "level=info event=listening threads=2".
[[nodiscard]] std::string format_log_line(LogLevel level, std::string_view event,
                                          std::initializer_list<LogField> fields);

}  // namespace penchant::serving
