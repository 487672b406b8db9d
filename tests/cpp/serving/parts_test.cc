// The parts beneath the sockets: problems, metrics, handlers, log lines.

#include <string>

#include <gtest/gtest.h>

#include "penchant/serving/handlers.h"
#include "penchant/serving/log.h"
#include "penchant/serving/metrics.h"
#include "penchant/serving/problem.h"
#include "penchant/serving/request_parser.h"

namespace penchant::serving {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}

TEST(Problem, IsWellFormedJsonWhateverTheDetail) {
  EXPECT_EQ(json_string("plain"), "\"plain\"");
  EXPECT_EQ(json_string("a\"b\\c\n\r\t\x01\x7f"), R"("a\"b\\c\n\r\t\u0001\u007f")");
  EXPECT_EQ(json_string("Zürich 東京 🛒"), "\"Zürich 東京 🛒\"");
  const std::string replaced = "\"\xEF\xBF\xBD\"";
  EXPECT_EQ(json_string("\xff"), replaced);
  EXPECT_EQ(json_string("\xC3"), replaced);                     // cut short
  EXPECT_EQ(json_string("\xC0"), replaced);                     // never valid
  EXPECT_EQ(json_string("\xED\xA0\x80").size(), 2U + 9U);       // a surrogate
  EXPECT_EQ(json_string("\xE0\x80\x80").size(), 2U + 9U);       // longer than need be
  EXPECT_EQ(json_string("\xF4\x90\x80\x80").size(), 2U + 12U);  // above U+10FFFF
}

TEST(Problem, KindsBecomeStatuses) {
  EXPECT_EQ(problem_of(Error(ErrorKind::kInvalidArgument, "x")).status, 400);
  EXPECT_EQ(problem_of(Error(ErrorKind::kBadData, "x")).status, 400);
  EXPECT_EQ(problem_of(Error(ErrorKind::kNotFound, "x")).status, 404);
  EXPECT_EQ(problem_of(Error(ErrorKind::kUnavailable, "x")).status, 503);
  EXPECT_EQ(problem_of(Error(ErrorKind::kIo, "/secret/path")).status, 500);
  EXPECT_EQ(problem_of(Error(ErrorKind::kIo, "/secret/path")).detail.find("secret"),
            std::string::npos);
  std::string body;
  append_problem(problem_of(Error(ErrorKind::kInvalidArgument, "say \"k\"")), body);
  EXPECT_EQ(body, R"({"type":"urn:penchant:problem:invalid-argument",)"
                  R"("title":"The request makes no sense","status":400,"detail":"say \"k\""})");
  body.clear();
  append_problem(http_problem(404, std::string(100'000, 'a')), body);
  EXPECT_LT(body.size(), 3'000U);
}

TEST(Metrics, HistogramIsCumulativeAndSumsShards) {
  using namespace std::chrono_literals;
  Metrics metrics(2);
  metrics.shard(0).count_request(Route::kRecommend, 200, 50us);  // on a bound: belongs below it
  metrics.shard(0).count_request(Route::kRecommend, 200, 150us);
  metrics.shard(1).count_request(Route::kRecommend, 503, 10s);
  metrics.shard(1).count_request(Route::kRecommend, 299, 0s);  // unknown: counted as 500
  std::string text;
  metrics.render({.version = "0", .simd = "a\"b\\c\nd"}, text);
  const auto has = [&](std::string_view line) {
    return text.find("\n" + std::string(line) + "\n") != std::string::npos;
  };
  const std::string bucket =
      "penchant_http_request_duration_seconds_bucket{route=\"recommend\",le=";
  EXPECT_TRUE(has(bucket + "\"0.00005\"} 2")) << text;
  EXPECT_TRUE(has(bucket + "\"0.0001\"} 2"));
  EXPECT_TRUE(has(bucket + "\"0.0002\"} 3"));
  EXPECT_TRUE(has(bucket + "\"5\"} 3"));
  EXPECT_TRUE(has(bucket + "\"+Inf\"} 4"));
  EXPECT_TRUE(has("penchant_http_request_duration_seconds_count{route=\"recommend\"} 4"));
  EXPECT_TRUE(has("penchant_http_request_duration_seconds_sum{route=\"recommend\"} 10.0002"));
  EXPECT_TRUE(has("penchant_http_requests_total{route=\"recommend\",code=\"200\"} 2"));
  EXPECT_TRUE(has("penchant_http_requests_total{route=\"recommend\",code=\"500\"} 1"));
  EXPECT_TRUE(has("penchant_http_requests_total{route=\"recommend\",code=\"503\"} 1"));
  EXPECT_TRUE(has("penchant_build_info{version=\"0\",simd=\"a\\\"b\\\\c\\nd\"} 1"));
  EXPECT_EQ(metrics.requests(), 4U);
}

TEST(Metrics, EveryLineIsDeclaredOnceBeforeItIsUsed) {
  Metrics metrics(1);
  std::string text;
  metrics.render({}, text);
  std::size_t at = 0;
  std::string family;
  std::string seen = "\n";
  while (at < text.size()) {
    const std::string line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_EQ(seen.find("\n" + family + "\n"), std::string::npos) << family;
      seen += family + "\n";
    } else if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(line.starts_with("# TYPE " + family + " ")) << line;
    } else {
      EXPECT_TRUE(line.starts_with(family)) << line;
    }
  }
  EXPECT_EQ(text.back(), '\n');
}

TEST(Handlers, JsonIsTheOnlyContent) {
  EXPECT_TRUE(is_json_content_type("application/json"));
  EXPECT_TRUE(is_json_content_type("Application/JSON; charset=UTF-8"));
  EXPECT_TRUE(is_json_content_type("application/json ;charset=\"utf-8\"; v=1"));
  EXPECT_FALSE(is_json_content_type(""));
  EXPECT_FALSE(is_json_content_type("application/json; charset=latin1"));
  EXPECT_FALSE(is_json_content_type("application/jsonp"));
  EXPECT_FALSE(is_json_content_type("text/json"));
  EXPECT_FALSE(is_json_content_type("application/x-www-form-urlencoded"));
}

TEST(Handlers, RefuseBeforeAskingTheService) {
  int asked = 0;
  Service service;
  service.recommend = [&](std::string_view, std::string&) { ++asked; };
  const Handlers handlers(
      std::move(service), [] { return true; }, [](std::string&) {});
  Reply reply;
  RequestView request{.method = Method::kPost, .path = "/v1/recommend"};
  handlers.handle(request, reply);
  EXPECT_EQ(reply.status, 415);
  EXPECT_NE(reply.body.find("there is no Content-Type"), std::string::npos);
  request.content_type = "text/plain";
  handlers.handle(request, reply);
  EXPECT_EQ(reply.status, 415);
  request.content_type = "application/json";
  request.content_encoding = "gzip";
  handlers.handle(request, reply);
  EXPECT_EQ(reply.status, 415);
  EXPECT_EQ(asked, 0);
  request.content_encoding = "";
  request.body = "{}";
  handlers.handle(request, reply);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(asked, 1);
}

TEST(Handlers, NamesInPathsAreDecoded) {
  EXPECT_EQ(decode_path("a%20b%2Fc%c3%A9"), "a b/c\xc3\xa9");
  EXPECT_EQ(decode_path(""), "");
  for (const char* bad : {"%", "a%2", "%zz", "%2x", "100%"}) {
    EXPECT_THROW((void)decode_path(bad), Error) << bad;
  }
}

TEST(Handlers, PathsWithNames) {
  std::string erased;
  Service service;
  service.recommend = [](std::string_view, std::string&) {};
  service.decision = [](std::string_view id, std::string& body) { body = id; };
  service.erase = [&](std::string_view subject, std::string& body) {
    erased = subject;
    body = "{}";
  };
  service.subject = [](std::string_view subject, std::string& body) { body = subject; };
  const Handlers handlers(
      service, [] { return true; }, [](std::string&) {});
  Reply reply;
  const auto ask = [&](Method method, std::string_view path) {
    handlers.handle({.method = method, .path = path}, reply);
    return reply.status;
  };
  EXPECT_EQ(ask(Method::kGet, "/v1/decisions/17"), 200);
  EXPECT_EQ(reply.body, "17");
  EXPECT_EQ(reply.route, Route::kDecision);
  EXPECT_EQ(ask(Method::kHead, "/v1/decisions/17"), 200);
  EXPECT_EQ(ask(Method::kDelete, "/v1/subjects/a%2Fb%20c"), 200);
  EXPECT_EQ(erased, "a/b c");
  EXPECT_EQ(ask(Method::kDelete, "/v1/subjects/%"), 400);
  for (const char* path :
       {"/v1/decisions", "/v1/decisions/", "/v1/decisions/1/2", "/v1/subjects"}) {
    EXPECT_EQ(ask(Method::kGet, path), 404) << path;
  }
  EXPECT_EQ(ask(Method::kGet, "/v1/subjects/a%20b"), 200);
  EXPECT_EQ(reply.body, "a b");
  EXPECT_EQ(erased, "a/b c");
  EXPECT_EQ(ask(Method::kPost, "/v1/subjects/a"), 405);
  EXPECT_EQ(reply.allow, "GET, HEAD, DELETE");
  EXPECT_EQ(ask(Method::kPost, "/v1/identity"), 404);
  EXPECT_EQ(ask(Method::kDelete, "/v1/decisions/17"), 405);
  EXPECT_EQ(ask(Method::kOther, "/healthz"), 405);
  service.decision = {};
  service.erase = {};
  service.subject = {};
  const Handlers nothing_kept(
      service, [] { return true; }, [](std::string&) {});
  nothing_kept.handle({.method = Method::kGet, .path = "/v1/decisions/17"}, reply);
  EXPECT_EQ(reply.status, 404);
  for (const Method method : {Method::kDelete, Method::kGet}) {
    nothing_kept.handle({.method = method, .path = "/v1/subjects/a"}, reply);
    EXPECT_EQ(reply.status, 404);
  }
}

TEST(RequestParser, FindsThePathOfEveryTargetForm) {
  EXPECT_EQ(path_of_target("/a/b"), "/a/b");
  EXPECT_EQ(path_of_target("/a?b=/c"), "/a");
  EXPECT_EQ(path_of_target("/a#b"), "/a");
  EXPECT_EQ(path_of_target("http://host/a?b"), "/a");
  EXPECT_EQ(path_of_target("https://host"), "/");
  EXPECT_EQ(path_of_target("http://host?a=/b"), "/");
  EXPECT_EQ(path_of_target("*"), "*");
}

TEST(Log, LinesStayLines) {
  EXPECT_EQ(format_log_line(LogLevel::kInfo, "listening", {{"port", 80}, {"to", "a"}}),
            "level=info event=listening port=80 to=a");
  EXPECT_EQ(format_log_line(LogLevel::kError, "failed", {{"error", "two\nlines \"x\""}}),
            R"(level=error event=failed error="two\x0alines \"x\"")");
  EXPECT_EQ(format_log_line(LogLevel::kDebug, "x", {{"empty", ""}}),
            "level=debug event=x empty=\"\"");
  EXPECT_EQ(parse_log_level("warning"), LogLevel::kWarning);
  EXPECT_THROW((void)parse_log_level("loud"), Error);
}

}  // namespace
}  // namespace penchant::serving
