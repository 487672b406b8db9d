#include "penchant/serving/problem.h"

#include <array>
#include <cstddef>

namespace penchant::serving {
namespace {

struct Status {
  int code;
  std::string_view reason;
  std::string_view type;
  std::string_view title;
};

constexpr std::array kStatuses = {
    Status{200, "OK", "", ""},
    Status{400, "Bad Request", "malformed-request", "The request is not well-formed HTTP"},
    Status{404, "Not Found", "not-found", "There is nothing here"},
    Status{405, "Method Not Allowed", "method-not-allowed", "This path has other methods"},
    Status{408, "Request Timeout", "request-timeout", "The request took too long to arrive"},
    Status{413, "Content Too Large", "body-too-large", "The body is larger than this server takes"},
    Status{415, "Unsupported Media Type", "unsupported-media-type", "The body must be JSON"},
    Status{417, "Expectation Failed", "expectation-failed", "Only 100-continue can be expected"},
    Status{431, "Request Header Fields Too Large", "header-too-large",
           "The header is larger than this server takes"},
    Status{500, "Internal Server Error", "internal", "The server failed"},
    Status{501, "Not Implemented", "not-implemented", "The server can't read such a message"},
    Status{503, "Service Unavailable", "unavailable", "Not now"},
};

const Status& status_of(int code) {
  for (const Status& status : kStatuses) {
    if (status.code == code) return status;
  }
  return status_of(500);
}

// Length of the UTF-8 sequence that starts at `text`, 0 if it is none (RFC 3629: shortest form, no
// surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!continues(1) || !continues(2)) return 0;
    const bool overlong = first == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = first == 0xED && byte(1) > 0x9F;
    return overlong || surrogate ? 0 : 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const bool overlong = first == 0xF0 && byte(1) < 0x90;
    const bool too_high = first == 0xF4 && byte(1) > 0x8F;
    return overlong || too_high ? 0 : 4;
  }
  return 0;
}

void append_escaped(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte == 0x7f) {
    out += "\\u00";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  } else {
    out += c;
  }
}

}  // namespace

Problem http_problem(int status, std::string detail) {
  const Status& found = status_of(status);
  return {found.code, found.type, found.title, std::move(detail)};
}

Problem problem_of(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::kInvalidArgument:
      return {400, "invalid-argument", "The request makes no sense", error.what()};
    case ErrorKind::kBadData:
      return {400, "bad-data", "The request contradicts itself", error.what()};
    case ErrorKind::kNotFound:
      return http_problem(404, error.what());
    case ErrorKind::kUnavailable:
      return http_problem(503, error.what());
    case ErrorKind::kCorruptBundle:
    case ErrorKind::kIo:
      break;
  }
  return http_problem(500, "the request could not be answered; the server's log says why");
}

void append_problem(const Problem& problem, std::string& out) {
  std::string_view detail = problem.detail;
  if (detail.size() > kMaxDetailBytes) detail = detail.substr(0, kMaxDetailBytes);
  out += R"({"type":"urn:penchant:problem:)";
  out += problem.type;
  out += R"(","title":)";
  append_json_string(problem.title, out);
  out += R"(,"status":)";
  out += std::to_string(problem.status);
  out += R"(,"detail":)";
  append_json_string(detail, out);
  out += '}';
}

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 1) {
      append_escaped(text.front(), out);
    } else if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

std::string_view reason_phrase(int status) { return status_of(status).reason; }

}  // namespace penchant::serving
