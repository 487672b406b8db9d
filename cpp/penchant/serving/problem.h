#pragma once

// RFC 9457 problem details: what every answer that is not a success carries as its body.
//
//   Problem problem = problem_of(error);                   // from a penchant::Error
//   append_problem(problem, body);                         // application/problem+json
//
//   {"type":"urn:penchant:problem:invalid-argument","title":"The request makes no sense",
//    "status":400,"detail":"'k' is -3; give a number from 0 to 100000"}

#include <string>
#include <string_view>

#include "penchant/base/error.h"

namespace penchant::serving {

inline constexpr std::string_view kProblemContentType = "application/problem+json";
inline constexpr std::size_t kMaxDetailBytes = 2'000;  // longer details are cut

struct Problem {
  int status = 500;
  std::string_view type;  // after "urn:penchant:problem:", e.g. "invalid-argument"; docs/serving.md
  std::string_view title;  // the same for every problem of this type
  std::string detail;      // this one, for a person
};

// The problem that HTTP itself raises: 404 "not-found", 413 "body-too-large", ...
[[nodiscard]] Problem http_problem(int status, std::string detail);

// invalid_argument and bad_data 400, not_found 404, unavailable 503, the rest 500. What went wrong
// inside (500) is for the log, not for the client: its detail says only that.
[[nodiscard]] Problem problem_of(const Error& error);

// JSON, appended.
void append_problem(const Problem& problem, std::string& out);

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string_view text, std::string& out);

// "Not Found" for 404.
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace penchant::serving
