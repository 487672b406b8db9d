#include "penchant/serving/http_session.h"

#include <ctime>
#include <exception>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

#include "penchant/base/build_info.h"
#include "penchant/serving/log.h"

namespace penchant::serving {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kReadBytes = 8 << 10;
constexpr std::size_t kKeptBytes = 128 << 10;  // of a buffer that outlives its request
constexpr std::chrono::milliseconds kLingerTime{1'000};
constexpr std::chrono::milliseconds kNoLimit = std::chrono::milliseconds::max();

void shrink(std::string& text) {
  if (text.capacity() > kKeptBytes) std::string().swap(text);
}

// Some clients end a body with a line ending of their own (RFC 9112, section 2.2).
void skip_blank_lines(boost::beast::flat_buffer& input) {
  while (input.size() >= 2) {
    const auto* bytes = static_cast<const char*>(input.cdata().data());
    if (bytes[0] != '\r' || bytes[1] != '\n') break;
    input.consume(2);
  }
}

}  // namespace

void append_date(std::string& out) {
  thread_local std::time_t formatted = -1;
  thread_local std::array<char, 48> text{};
  thread_local std::size_t length = 0;
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != formatted) {
    std::tm utc{};
    gmtime_r(&now.tv_sec, &utc);
    // The C locale's names, which is the locale of a program that never calls setlocale.
    length = std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
    formatted = now.tv_sec;
  }
  out.append(text.data(), length);
}

void append_response_head(const Reply& reply, bool keep_alive, std::string& out) {
  static const std::string server = concat("\r\nServer: penchant/", version(), "\r\n");
  out += "HTTP/1.1 ";
  detail::append(out, reply.status);
  out += ' ';
  out += reason_phrase(reply.status);
  out += server;
  append_date(out);
  out += "Content-Type: ";
  out += reply.content_type;
  out += "\r\nContent-Length: ";
  detail::append(out, reply.body.size());
  out += "\r\nCache-Control: no-store\r\n";
  if (!reply.allow.empty()) {
    out += "Allow: ";
    out += reply.allow;
    out += "\r\n";
  }
  if (reply.retry_after) out += "Retry-After: 1\r\n";
  out += keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
}

HttpSession::HttpSession(Socket socket, SessionContext& context)
    : socket_(std::move(socket)),
      context_(context),
      // A header may fill its limit while the next read is prepared.
      input_(context.options.max_header_bytes + 2 * kReadBytes) {}

HttpSession::~HttpSession() { context_.on_close(); }

void HttpSession::start() {
  asio::co_spawn(socket_.get_executor(), run(shared_from_this()), asio::detached);
}

Awaitable<void> HttpSession::run(std::shared_ptr<HttpSession> self) {
  try {
    while (co_await self->serve_one()) {
    }
  } catch (const std::exception& error) {
    // Memory, in practice. The connection goes, the server stays.
    log(LogLevel::kError, "connection_failed", {{"error", error.what()}});
  }
  ErrorCode ignored;
  self->socket_.close(ignored);
}

void HttpSession::enter(Phase phase, std::chrono::milliseconds allowed) {
  phase_ = phase;
  deadline_ = allowed == kNoLimit ? Clock::time_point::max() : Clock::now() + allowed;
}

void HttpSession::expire_if_due(Clock::time_point now) {
  if (now < deadline_) return;
  deadline_ = Clock::time_point::max();
  expired_ = true;
  ErrorCode ignored;
  switch (phase_) {
    case Phase::kIdle:
      context_.metrics.timeouts[static_cast<std::size_t>(TimeoutPhase::kIdle)].add();
      break;
    case Phase::kReading:
      context_.metrics.timeouts[static_cast<std::size_t>(TimeoutPhase::kRequest)].add();
      break;
    case Phase::kWriting:
      context_.metrics.timeouts[static_cast<std::size_t>(TimeoutPhase::kResponse)].add();
      break;
    case Phase::kHandling:
    case Phase::kLingering:
      break;
  }
  socket_.cancel(ignored);
}

void HttpSession::drain() {
  ErrorCode ignored;
  if (phase_ == Phase::kIdle) socket_.cancel(ignored);
}

void HttpSession::abort() {
  aborted_ = true;
  ErrorCode ignored;
  socket_.close(ignored);
}

Awaitable<ErrorCode> HttpSession::read_some() {
  ErrorCode error;
  const std::size_t count = co_await socket_.async_read_some(input_.prepare(kReadBytes),
                                                             asio::redirect_error(kAwait, error));
  input_.commit(count);
  context_.metrics.bytes_read.add(count);
  co_return error;
}

Awaitable<bool> HttpSession::wait_for_first_byte() {
  if (input_.size() > 0) co_return true;  // pipelined
  trim_memory();
  // Someone who connects and says nothing gets a request's time, not an idle connection's.
  enter(Phase::kIdle,
        answered_ ? context_.options.idle_timeout
                  : std::min(context_.options.idle_timeout, context_.options.request_timeout));
  for (;;) {
    if (context_.draining.load(std::memory_order_relaxed)) {
      // A request that has arrived already is still answered.
      ErrorCode error;
      if (socket_.available(error) == 0 || error) co_return false;
    }
    const ErrorCode error = co_await read_some();
    if (!error) co_return true;
    if (error != asio::error::operation_aborted || expired_ || aborted_) co_return false;
  }
}

Awaitable<bool> HttpSession::serve_one() {
  if (!co_await wait_for_first_byte()) {
    if (answered_ && !aborted_) co_await linger();
    co_return false;
  }
  expired_ = false;
  enter(Phase::kReading, context_.options.request_timeout);

  struct InFlight {
    Counter& counter;
    explicit InFlight(Counter& of) : counter(of) { counter.add(); }
    ~InFlight() { counter.subtract(); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
  } in_flight(context_.metrics.in_flight);

  RequestParser parser(request_, context_.options);
  if (!co_await read_request(parser)) co_return false;
  const bool keep = co_await answer(parser);
  answered_ = true;
  if (!keep && !aborted_) co_await linger();
  co_return keep;
}

// Feeds the parser until the request is whole. On a fault it answers itself and gives false.
Awaitable<bool> HttpSession::read_request(RequestParser& parser) {
  bool continued = false;
  for (;;) {
    ErrorCode error = http::error::need_more;
    if (!parser.got_some()) skip_blank_lines(input_);
    if (input_.size() > 0) {
      input_.consume(parser.put(input_.cdata(), error));
      if (parser.is_done()) co_return true;
      if (!error) continue;
    }
    // Chunk extensions and trailers have no limit of their own in the parser.
    if (error == http::error::need_more && input_.size() >= context_.options.max_header_bytes) {
      error = http::error::header_limit;
    }
    if (error != http::error::need_more) {
      co_return co_await refuse(problem_of_parse(error, context_.options));
    }
    if (parser.is_header_done() && request_.expects_continue && !continued) {
      continued = true;
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      if (request_.body.empty() &&
          !co_await write_all({asio::buffer(kContinue.data(), kContinue.size()), {}})) {
        co_return false;
      }
    }
    error = co_await read_some();
    if (!error && !expired_) continue;
    if (expired_) {
      co_return co_await refuse(http_problem(
          408, concat("the request was not whole after ", context_.options.request_timeout.count(),
                      " ms; see --request-timeout")));
    }
    if (error == asio::error::eof) {
      co_return co_await refuse(http_problem(400, "the stream ended before the request did"));
    }
    co_return false;
  }
}

Awaitable<bool> HttpSession::answer(RequestParser& parser) {
  enter(Phase::kHandling, kNoLimit);
  const auto started = Clock::now();
  std::string detail;
  const int refused = request_.refusal(detail);
  if (refused != 0) {
    reply_.clear();
    reply_.set_problem(http_problem(refused, std::move(detail)));
  } else {
    context_.handlers.handle({.method = request_.method,
                              .path = request_.path,
                              .content_type = request_.content_type,
                              .content_encoding = request_.content_encoding,
                              .body = request_.body},
                             reply_);
  }
  const auto took = Clock::now() - started;
  // Counted before it is sent, so that whoever has the answer finds it counted.
  context_.metrics.count_request(reply_.route, reply_.status, took);
  if (log_enabled(LogLevel::kDebug)) {
    log(LogLevel::kDebug, "request",
        {{"route", route_name(reply_.route)},
         {"status", reply_.status},
         {"bytes", reply_.body.size()},
         {"micros", std::chrono::duration_cast<std::chrono::microseconds>(took).count()}});
  }
  const bool keep =
      refused == 0 && parser.keep_alive() && !context_.draining.load(std::memory_order_relaxed);
  co_return co_await write_reply(keep, request_.method == Method::kHead);
}

Awaitable<bool> HttpSession::refuse(Problem problem) {
  expired_ = false;
  reply_.clear();
  reply_.set_problem(problem);
  context_.metrics.count_request(Route::kOther, reply_.status, std::chrono::nanoseconds{0});
  co_await write_reply(false, false);
  if (!aborted_) co_await linger();
  co_return false;
}

Awaitable<bool> HttpSession::write_reply(bool keep_alive, bool head_only) {
  head_.clear();
  append_response_head(reply_, keep_alive, head_);
  const bool written = co_await write_all(
      {asio::buffer(head_), head_only ? asio::const_buffer{} : asio::buffer(reply_.body)});
  co_return written&& keep_alive;
}

Awaitable<bool> HttpSession::write_all(std::array<asio::const_buffer, 2> parts) {
  // Nearly always the kernel takes it whole, which spares a round through the event loop.
  ErrorCode error;
  std::size_t written = socket_.write_some(parts, error);
  if (error == asio::error::would_block || error == asio::error::try_again) error = {};
  context_.metrics.bytes_written.add(written);
  const std::size_t total = asio::buffer_size(parts);
  if (!error && written < total) {
    enter(Phase::kWriting, context_.options.request_timeout);
    for (asio::const_buffer& part : parts) {
      const std::size_t done = std::min(written, part.size());
      part += done;
      written -= done;
    }
    const std::size_t rest =
        co_await asio::async_write(socket_, parts, asio::redirect_error(kAwait, error));
    context_.metrics.bytes_written.add(rest);
    // From here on (100 Continue) the request's time runs again.
    enter(Phase::kReading, context_.options.request_timeout);
  }
  if (error) aborted_ = true;  // nobody is listening: no lingering
  co_return !error;
}

Awaitable<void> HttpSession::linger() {
  ErrorCode error;
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  if (error) co_return;
  expired_ = false;
  enter(Phase::kLingering, std::min(kLingerTime, context_.options.request_timeout));
  while (!expired_ && !aborted_) {
    input_.clear();
    if (co_await read_some()) break;
  }
}

void HttpSession::trim_memory() {
  shrink(request_.body);
  shrink(reply_.body);
  if (input_.capacity() > 4 * kReadBytes) input_.shrink_to_fit();
}

}  // namespace penchant::serving
