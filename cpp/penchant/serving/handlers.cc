#include "penchant/serving/handlers.h"

#include <algorithm>
#include <array>
#include <new>
#include <optional>
#include <utility>

#include "penchant/base/build_info.h"
#include "penchant/serving/log.h"

namespace penchant::serving {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

struct Path {
  std::string_view path;
  Route route;
  std::string_view allow;
};

constexpr std::array kPaths = {
    Path{"/v1/recommend", Route::kRecommend, "POST"},
    Path{"/v1/events", Route::kEvents, "POST"},
    Path{"/v1/identity", Route::kIdentity, "POST"},
    Path{"/v1/rewards", Route::kRewards, "POST"},
    Path{"/v1/decisions/{id}", Route::kDecision, "GET, HEAD"},
    Path{"/v1/subjects/{id}", Route::kSubject, "GET, HEAD, DELETE"},
    Path{"/healthz", Route::kHealth, "GET, HEAD"},
    Path{"/readyz", Route::kReady, "GET, HEAD"},
    Path{"/metrics", Route::kMetrics, "GET, HEAD"},
    Path{"/", Route::kRoot, "GET, HEAD"},
};

// What `path` has where the pattern says {id}; the empty text where it says nothing. None: it is
// another path.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
  const auto brace = pattern.find('{');
  if (brace == std::string_view::npos) {
    return pattern == path ? std::optional(std::string_view()) : std::nullopt;
  }
  if (!path.starts_with(pattern.substr(0, brace))) return std::nullopt;
  const std::string_view name = path.substr(brace);
  if (name.empty() || name.find('/') != std::string_view::npos) return std::nullopt;
  return name;
}

bool allows(std::string_view allow, Method method) {
  constexpr std::array<std::string_view, 4> kNames = {"GET", "HEAD", "POST", "DELETE"};
  const auto at = static_cast<std::size_t>(method);
  return at < kNames.size() && allow.find(kNames[at]) != std::string_view::npos;
}

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes what comes before `separator`, or all that is left.
std::string_view take_until(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return trimmed(part);
}

std::string index_json(const Service& service) {
  std::string out = R"({"name":"penchant","version":)";
  append_json_string(version(), out);
  out += R"(,"bundle":)";
  append_json_string(service.bundle_version, out);
  out += concat(R"(,"items":)", service.items, R"(,"paths":[)");
  for (const Path& path : kPaths) {
    if (path.route == Route::kRoot) continue;
    if (out.back() != '[') out += ',';
    out += concat(R"({"path":")", path.path, R"(","methods":")", path.allow, R"("})");
  }
  return out += "]}";
}

void expect_learning(const std::function<void(std::string_view, std::string&)>& answer) {
  if (answer) return;
  fail(ErrorKind::kNotFound, "no placement of this bundle has a policy: nothing here learns");
}

}  // namespace

std::string decode_path(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : digit(text[i + 2]);
    check_argument(low >= 0, "the path has a '%' without two hexadecimal digits after it");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

void Reply::clear() {
  status = 200;
  route = Route::kOther;
  content_type = kJson;
  allow = {};
  retry_after = false;
  body.clear();
}

void Reply::set_problem(const Problem& problem) {
  status = problem.status;
  content_type = kProblemContentType;
  retry_after = problem.status == 503;
  body.clear();
  append_problem(problem, body);
}

bool is_json_content_type(std::string_view content_type) {
  if (!same_letters(take_until(content_type, ';'), kJson)) return false;
  while (!content_type.empty()) {
    std::string_view value = take_until(content_type, ';');
    const std::string_view name = take_until(value, '=');
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (same_letters(name, "charset") && !same_letters(value, "utf-8")) return false;
  }
  return true;
}

Handlers::Handlers(Service service, std::function<bool()> ready,
                   std::function<void(std::string&)> metrics_text)
    : service_(std::move(service)),
      ready_(std::move(ready)),
      metrics_text_(std::move(metrics_text)),
      index_(index_json(service_)) {
  check_argument(static_cast<bool>(service_.recommend),
                 "the service has no recommend function; set Service::recommend");
}

void Handlers::handle(const RequestView& request, Reply& reply) const {
  reply.clear();
  std::optional<std::string_view> name;
  const auto at = std::find_if(kPaths.begin(), kPaths.end(), [&](const Path& path) {
    name = match(path.path, request.path);
    return name.has_value();
  });
  if (at == kPaths.end()) {
    reply.set_problem(http_problem(
        404, concat("nothing is at '", request.path.substr(0, 200), "'; GET / lists what is")));
    return;
  }
  reply.route = at->route;
  if (!allows(at->allow, request.method)) {
    reply.set_problem(http_problem(405, concat(at->path, " answers ", at->allow, " only")));
    reply.allow = at->allow;
    return;
  }
  try {
    dispatch(at->route, decode_path(*name), request, reply);
  } catch (const Error& error) {
    reply.set_problem(problem_of(error));
    if (reply.status == 500) log(LogLevel::kError, "request_failed", {{"error", error.what()}});
  } catch (const std::bad_alloc&) {
    reply.set_problem(http_problem(503, "the server is short of memory"));
    log(LogLevel::kError, "out_of_memory", {{"route", route_name(at->route)}});
  } catch (const std::exception& error) {
    reply.set_problem(problem_of(Error(ErrorKind::kIo, error.what())));
    log(LogLevel::kError, "request_failed", {{"error", error.what()}});
  }
}

void Handlers::dispatch(Route route, std::string_view name, const RequestView& request,
                        Reply& reply) const {
  switch (route) {
    case Route::kRecommend:
      answer_json(service_.recommend, request, reply);
      return;
    case Route::kEvents:
      if (!service_.events) {
        fail(ErrorKind::kNotFound, "no events are taken here; start the server with --data FOLDER");
      }
      answer_json(service_.events, request, reply);
      return;
    case Route::kIdentity:
      if (!service_.identity) {
        fail(ErrorKind::kNotFound,
             "nothing is linked here: it takes a bundle with an identity, and --data FOLDER");
      }
      answer_json(service_.identity, request, reply);
      return;
    case Route::kRewards:
      expect_learning(service_.reward);
      answer_json(service_.reward, request, reply);
      return;
    case Route::kDecision:
      expect_learning(service_.decision);
      service_.decision(name, reply.body);
      return;
    case Route::kSubject:
      if (!service_.erase || (request.method != Method::kDelete && !service_.subject)) {
        fail(ErrorKind::kNotFound, "nothing is kept of anyone here");
      }
      (request.method == Method::kDelete ? service_.erase : service_.subject)(name, reply.body);
      return;
    case Route::kHealth:
      reply.body = R"({"status":"ok"})";
      return;
    case Route::kReady:
      if (!ready_()) fail(ErrorKind::kUnavailable, "the server is shutting down");
      reply.body = R"({"status":"ready"})";
      return;
    case Route::kMetrics:
      reply.content_type = kMetricsContentType;
      metrics_text_(reply.body);
      if (service_.metrics) service_.metrics(reply.body);
      return;
    case Route::kRoot:
      reply.body = index_;
      return;
    case Route::kOther:
      break;
  }
}

void Handlers::answer_json(const Answer& answer, const RequestView& request, Reply& reply) {
  if (!is_json_content_type(request.content_type)) {
    reply.set_problem(
        http_problem(415, request.content_type.empty()
                              ? std::string("there is no Content-Type; send application/json")
                              : concat("Content-Type is '", request.content_type.substr(0, 200),
                                       "'; send application/json in UTF-8")));
    return;
  }
  if (!request.content_encoding.empty() && !same_letters(request.content_encoding, "identity")) {
    reply.set_problem(
        http_problem(415, concat("Content-Encoding is '", request.content_encoding.substr(0, 200),
                                 "'; send the JSON as it is")));
    return;
  }
  answer(request.body, reply.body);
}

}  // namespace penchant::serving
