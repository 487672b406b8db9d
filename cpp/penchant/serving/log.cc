#include "penchant/serving/log.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>

#include <unistd.h>

#include "penchant/base/error.h"
#include "penchant/base/time.h"

namespace penchant::serving {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warning", "error",
                                                         "none"};

std::atomic<LogLevel>& threshold() {
  static std::atomic<LogLevel> level{LogLevel::kInfo};
  return level;
}

// Bare where it can't be misread, else quoted with controls escaped, so that a line stays a line.
void append_value(std::string& out, std::string_view value) {
  const bool bare = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '"' && c != '=' && c != '\\';
  });
  if (bare) {
    out += value;
    return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace

LogLevel parse_log_level(std::string_view name) {
  const auto at = std::find(kLevelNames.begin(), kLevelNames.end(), name);
  check_argument(at != kLevelNames.end(), "log level '", name,
                 "' is unknown; choose debug, info, warning, error or none");
  return static_cast<LogLevel>(at - kLevelNames.begin());
}

void set_log_level(LogLevel level) { threshold().store(level, std::memory_order_relaxed); }

bool log_enabled(LogLevel level) {
  return level >= threshold().load(std::memory_order_relaxed) && level != LogLevel::kNone;
}

std::string format_log_line(LogLevel level, std::string_view event,
                            std::initializer_list<LogField> fields) {
  std::string line = concat("level=", kLevelNames[static_cast<std::size_t>(level)], " event=");
  append_value(line, event);
  for (const LogField& field : fields) {
    line += ' ';
    line += field.key;
    line += '=';
    append_value(line, field.value);
  }
  return line;
}

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const std::string line = concat(format_timestamp(Timestamp{now.count()}), " ",
                                  format_log_line(level, event, fields), "\n");
  // One write, so that lines of several threads don't mix. A log that can't be written is no
  // reason to stop serving.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace penchant::serving
