#include "penchant/serving/request_parser.h"

#include <algorithm>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>

namespace penchant::serving {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

void ParsedRequest::clear() {
  method = Method::kOther;
  version = 11;
  path.clear();
  content_type.clear();
  content_encoding.clear();
  body.clear();
  hosts = 0;
  expects_continue = expects_other = other_transfer_encoding = false;
}

int ParsedRequest::refusal(std::string& detail) const {
  if (other_transfer_encoding) {
    detail = "Transfer-Encoding is not 'chunked', the only one that is read here";
    return 501;
  }
  if (expects_other) {
    detail = "Expect is not '100-continue'";
    return 417;
  }
  // RFC 9112, section 3.2: an HTTP/1.1 request without exactly one Host is to be refused.
  if (version >= 11 && hosts != 1) {
    detail = hosts == 0 ? "the Host field is missing" : "there is more than one Host field";
    return 400;
  }
  return 0;
}

RequestParser::RequestParser(ParsedRequest& request, const ServerOptions& options)
    : request_(request), max_body_bytes_(options.max_body_bytes) {
  request_.clear();
  header_limit(static_cast<std::uint32_t>(options.max_header_bytes));
  body_limit(options.max_body_bytes);
  eager(true);  // body in the same pass as the header
}

void RequestParser::on_request_impl(Verb method, Text, Text target, int version, ErrorCode&) {
  switch (method) {
    case Verb::get:
      request_.method = Method::kGet;
      break;
    case Verb::head:
      request_.method = Method::kHead;
      break;
    case Verb::post:
      request_.method = Method::kPost;
      break;
    case Verb::delete_:
      request_.method = Method::kDelete;
      break;
    default:
      request_.method = Method::kOther;
      break;
  }
  request_.version = version;
  request_.path = path_of_target(view(target));
}

void RequestParser::on_response_impl(int, Text, int, ErrorCode&) {}

void RequestParser::on_field_impl(Field name, Text, Text value, ErrorCode&) {
  if (header_read_) return;
  switch (name) {
    case Field::host:
      ++request_.hosts;
      break;
    case Field::content_type:
      request_.content_type = view(value);
      break;
    case Field::content_encoding:
      request_.content_encoding = view(value);
      break;
    case Field::expect:
      (beast::iequals(value, "100-continue") ? request_.expects_continue : request_.expects_other) =
          true;
      break;
    case Field::transfer_encoding:
      if (!beast::iequals(value, "chunked")) request_.other_transfer_encoding = true;
      break;
    default:
      break;
  }
}

void RequestParser::on_header_impl(ErrorCode&) { header_read_ = true; }

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode&) {
  // A length is a promise, not yet bytes: reserve little, and grow as they come.
  constexpr std::uint64_t kTrusted = 64 << 10;
  if (length.has_value()) request_.body.reserve(std::min(*length, kTrusted));
}

std::size_t RequestParser::on_body_impl(Text part, ErrorCode&) {
  request_.body.append(part.data(), part.size());
  return part.size();
}

void RequestParser::on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) {}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, Text part, ErrorCode& error) {
  if (part.size() > max_body_bytes_ - std::min(max_body_bytes_, request_.body.size())) {
    error = http::error::body_limit;
    return 0;
  }
  request_.body.append(part.data(), part.size());
  return part.size();
}

void RequestParser::on_finish_impl(ErrorCode&) {}

std::string_view path_of_target(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const auto slash = target.find_first_of("/?", scheme.size());
    target = slash == std::string_view::npos || target[slash] == '?' ? "/" : target.substr(slash);
    break;
  }
  return target.substr(0, target.find_first_of("?#"));
}

Problem problem_of_parse(const boost::beast::error_code& error, const ServerOptions& options) {
  if (error == http::error::body_limit) {
    return http_problem(413, concat("the body is larger than the ", options.max_body_bytes,
                                    " bytes that --max-body allows"));
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return http_problem(431, concat("request line and fields are larger than the ",
                                    options.max_header_bytes, " bytes that --max-header allows"));
  }
  return http_problem(400, concat("this is not HTTP/1.1: ", error.message()));
}

}  // namespace penchant::serving
