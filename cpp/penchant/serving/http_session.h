#pragma once

// One connection: reads requests, has them handled, writes the answers in order, until the client
// leaves, a limit is passed or the server stops. Internal: Boost shows.
//
// A session lives on one worker's thread; nothing in it is locked. Its deadline is a plain number
// that the worker compares with the time several times a second (see Worker::tick), which costs a
// request nothing.

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/intrusive/list.hpp>

#include "penchant/serving/request_parser.h"

namespace penchant::serving {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
template <class T>
using Awaitable = asio::awaitable<T, Executor>;
inline constexpr asio::use_awaitable_t<Executor> kAwait{};
using Clock = std::chrono::steady_clock;

// What a session shares with the others of its worker.
struct SessionContext {
  const ServerOptions& options;
  const Handlers& handlers;
  Metrics::Shard& metrics;
  const std::atomic<bool>& draining;
  std::function<void()> on_close;
};

class HttpSession : public std::enable_shared_from_this<HttpSession>,
                    public boost::intrusive::list_base_hook<
                        boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  HttpSession(Socket socket, SessionContext& context);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  void start();

  // All on the worker's thread.
  void expire_if_due(Clock::time_point now);
  void drain();  // leave if idle; else after the answer
  void abort();  // leave now

 private:
  enum class Phase : std::uint8_t { kIdle, kReading, kHandling, kWriting, kLingering };

  static Awaitable<void> run(std::shared_ptr<HttpSession> self);
  // False when the connection is to end.
  Awaitable<bool> serve_one();
  Awaitable<bool> wait_for_first_byte();
  Awaitable<bool> read_request(RequestParser& parser);
  // Whether to keep the connection.
  Awaitable<bool> answer(RequestParser& parser);
  Awaitable<bool> refuse(Problem problem);
  Awaitable<bool> write_reply(bool keep_alive, bool head_only);
  Awaitable<bool> write_all(std::array<asio::const_buffer, 2> parts);
  Awaitable<ErrorCode> read_some();
  // Sends the end of our stream, then reads what the client still sends, so that its unread bytes
  // don't make the kernel throw our last answer away.
  Awaitable<void> linger();

  void enter(Phase phase, std::chrono::milliseconds allowed);
  void write_head(bool keep_alive);
  void trim_memory();

  Socket socket_;
  SessionContext& context_;
  Phase phase_ = Phase::kIdle;
  Clock::time_point deadline_ = Clock::time_point::max();
  bool expired_ = false;
  bool aborted_ = false;
  bool answered_ = false;  // at least one request
  boost::beast::flat_buffer input_;
  ParsedRequest request_;
  Reply reply_;
  std::string head_;
};

// Appends "Date: ...\r\n"; formats once a second on each thread.
void append_date(std::string& out);

// Status line and fields of an answer, blank line included.
void append_response_head(const Reply& reply, bool keep_alive, std::string& out);

}  // namespace penchant::serving
