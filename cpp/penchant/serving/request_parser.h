#pragma once

// Beast's HTTP/1.1 parser, keeping of a request only what the handlers read. Nothing is allocated
// per field; the strings live in a ParsedRequest that the connection reuses. Internal: not for
// other modules, since Boost shows.

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/beast/http/basic_parser.hpp>

#include "penchant/serving/handlers.h"

namespace penchant::serving {

struct ParsedRequest {
  Method method = Method::kOther;
  int version = 11;
  std::string path;  // without scheme, host and query
  std::string content_type;
  std::string content_encoding;
  std::string body;
  unsigned hosts = 0;
  bool expects_continue = false;
  bool expects_other = false;
  bool other_transfer_encoding = false;  // anything but plain "chunked"

  void clear();
  // 0, or the status that HTTP itself asks for before any handler sees the request, with why.
  [[nodiscard]] int refusal(std::string& detail) const;
};

class RequestParser : public boost::beast::http::basic_parser<true> {
 public:
  RequestParser(ParsedRequest& request, const ServerOptions& options);

 private:
  using ErrorCode = boost::beast::error_code;
  using Text = boost::beast::string_view;
  using Field = boost::beast::http::field;
  using Verb = boost::beast::http::verb;

  void on_request_impl(Verb method, Text method_text, Text target, int version,
                       ErrorCode& error) override;
  void on_response_impl(int code, Text reason, int version, ErrorCode& error) override;
  void on_field_impl(Field name, Text name_text, Text value, ErrorCode& error) override;
  void on_header_impl(ErrorCode& error) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode& error) override;
  std::size_t on_body_impl(Text part, ErrorCode& error) override;
  void on_chunk_header_impl(std::uint64_t size, Text extensions, ErrorCode& error) override;
  std::size_t on_chunk_body_impl(std::uint64_t remain, Text part, ErrorCode& error) override;
  void on_finish_impl(ErrorCode& error) override;

  ParsedRequest& request_;
  std::size_t max_body_bytes_;
  bool header_read_ = false;  // fields after it are trailers, which nothing here reads
};

// The path of a request target in origin form ("/a?b") or absolute form ("http://host/a?b").
[[nodiscard]] std::string_view path_of_target(std::string_view target);

// What a failed parse means for the client: 413, 431 or 400.
[[nodiscard]] Problem problem_of_parse(const boost::beast::error_code& error,
                                       const ServerOptions& options);

}  // namespace penchant::serving
