#pragma once

// The one exception family of Penchant. Throw it with a kind and a message that says what was
// wrong, where, and what to do:
//
//   fail(ErrorKind::kBadData, "column 'ts', row 17: '2024-13-01' is not a time; use ISO 8601");
//
// Python translates kinds to penchant.errors.*, HTTP to RFC 9457 problem details.

#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace penchant {

enum class ErrorKind : std::uint8_t {
  kInvalidArgument,  // the caller asked for something that makes no sense
  kNotFound,         // an id, a section, a file that is not there
  kBadData,          // the data contradicts what it claims to be
  kCorruptBundle,    // a bundle that can't be trusted
  kIo,               // the system refused
  kUnavailable,      // not now: overloaded, not ready, shutting down
};

[[nodiscard]] std::string_view error_kind_name(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

namespace detail {
inline void append(std::string& out, std::string_view part) { out += part; }
inline void append(std::string& out, char part) { out += part; }
void append(std::string& out, double part);
template <std::integral T>
requires(!std::same_as<T, char>) void append(std::string& out, T part) {
  out += std::to_string(part);
}
}  // namespace detail

// "a" + 3 + 0.5 as text: concat("a", 3, 0.5). Numbers print in their shortest form.
template <class... Parts>
[[nodiscard]] std::string concat(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

[[noreturn]] void fail(ErrorKind kind, const std::string& message);

template <class... Parts>
void check_argument(bool holds, const Parts&... message) {
  if (!holds) fail(ErrorKind::kInvalidArgument, concat(message...));
}

}  // namespace penchant
