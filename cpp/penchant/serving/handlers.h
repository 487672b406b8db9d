#pragma once

// What each path answers. Knows nothing of sockets, so that it can be tested by itself:
//
//   Handlers handlers(service, ready, metrics_text);
//   Reply reply;
//   handlers.handle({.method = Method::kGet, .path = "/healthz"}, reply);   // reply.status == 200
//
// Safe to call from any number of threads, each with its own Reply.

#include <functional>
#include <string>
#include <string_view>

#include "penchant/serving/metrics.h"
#include "penchant/serving/problem.h"
#include "penchant/serving/server.h"

namespace penchant::serving {

enum class Method : std::uint8_t { kGet, kHead, kPost, kDelete, kOther };

// A request as the session read it; views into the session's own buffers.
struct RequestView {
  Method method = Method::kOther;
  std::string_view path = {};          // without the query
  std::string_view content_type = {};  // empty: the field was not there
  std::string_view content_encoding = {};
  std::string_view body = {};
};

// An answer. Kept by the session from request to request, so that its memory is reused.
struct Reply {
  int status = 200;
  Route route = Route::kOther;
  std::string_view content_type;
  std::string_view allow;    // for 405
  bool retry_after = false;  // for 503
  std::string body;

  void clear();
  void set_problem(const Problem& problem);
};

class Handlers {
 public:
  // `ready` is asked at every /readyz, `metrics_text` (appends) at every /metrics.
  Handlers(Service service, std::function<bool()> ready,
           std::function<void(std::string&)> metrics_text);

  // Never throws: what goes wrong becomes the reply.
  void handle(const RequestView& request, Reply& reply) const;

 private:
  using Answer = std::function<void(std::string_view request, std::string& body)>;
  static void answer_json(const Answer& answer, const RequestView& request, Reply& reply);
  // `name`: what stands in the path for its {id}, decoded.
  void dispatch(Route route, std::string_view name, const RequestView& request, Reply& reply) const;

  Service service_;
  std::function<bool()> ready_;
  std::function<void(std::string&)> metrics_text_;
  std::string index_;  // the answer of GET /
};

// A part of a path with its %-escapes resolved. Throws kInvalidArgument on one that is no escape.
[[nodiscard]] std::string decode_path(std::string_view text);

// application/json, with no charset or charset=utf-8.
[[nodiscard]] bool is_json_content_type(std::string_view content_type);

}  // namespace penchant::serving
