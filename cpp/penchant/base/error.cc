#include "penchant/base/error.h"

#include <charconv>

namespace penchant {

std::string_view error_kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidArgument:
      return "invalid_argument";
    case ErrorKind::kNotFound:
      return "not_found";
    case ErrorKind::kBadData:
      return "bad_data";
    case ErrorKind::kCorruptBundle:
      return "corrupt_bundle";
    case ErrorKind::kIo:
      return "io";
    case ErrorKind::kUnavailable:
      return "unavailable";
  }
  return "unknown";
}

void fail(ErrorKind kind, const std::string& message) { throw Error(kind, message); }

namespace detail {
void append(std::string& out, double part) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, part);
  out.append(text, end.ptr);
}
}  // namespace detail

}  // namespace penchant
