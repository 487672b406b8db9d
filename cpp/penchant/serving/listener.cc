#include "penchant/serving/listener.h"

#include <cerrno>
#include <cstring>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <sys/socket.h>
#include <unistd.h>

#include "penchant/serving/log.h"

namespace penchant::serving {
namespace {

constexpr std::chrono::milliseconds kPause{50};         // when descriptors have run out
constexpr std::chrono::milliseconds kGoodbyeTime{500};  // for a 503 to be read
constexpr std::size_t kMaxTurningAway = 256;            // at once; beyond, just close
constexpr std::size_t kAtOnce = 256;                    // connections a turn

[[noreturn]] void fail_listen(const ServerOptions& options, const ErrorCode& error) {
  fail(ErrorKind::kIo, concat("can't listen on ", options.address, " port ", options.port, ": ",
                              error.message(), "; choose another with --listen"));
}

asio::ip::address address_of(const ServerOptions& options) {
  if (options.address == "localhost") return asio::ip::address_v4::loopback();
  ErrorCode error;
  auto address = asio::ip::make_address(options.address, error);
  check_argument(!error, "'", options.address,
                 "' is not an IP address; give one such as 127.0.0.1");
  return address;
}

}  // namespace

Listener::Listener(const ServerOptions& options, Metrics::Shard& metrics,
                   std::function<bool(int)> adopt)
    : options_(options),
      metrics_(metrics),
      adopt_(std::move(adopt)),
      endpoint_(address_of(options), options.port),
      acceptor_(loop_),
      pause_(loop_) {}

// A thread that can't be joined ends the program, as it should.
// NOLINTNEXTLINE(bugprone-exception-escape)
Listener::~Listener() { stop(); }

void Listener::start() {
  ErrorCode error;
  const auto must = [&] {
    if (error) fail_listen(options_, error);
  };
  acceptor_.open(endpoint_.protocol(), error);
  must();
  acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  must();
  acceptor_.bind(endpoint_, error);
  must();
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  must();
  acceptor_.non_blocking(true, error);
  must();
  endpoint_ = acceptor_.local_endpoint(error);
  must();
  asio::co_spawn(loop_, accept_loop(), asio::detached);
  thread_ = std::thread([this] { loop_.run(); });
}

void Listener::stop() {
  if (!thread_.joinable()) return;
  asio::post(loop_, [this] {
    stopped_ = true;
    accept_waiting();
    ErrorCode ignored;
    acceptor_.close(ignored);
    pause_.cancel();
  });
  thread_.join();
}

Awaitable<void> Listener::accept_loop() {
  while (!stopped_) {
    ErrorCode error;
    co_await acceptor_.async_wait(asio::socket_base::wait_read,
                                  asio::redirect_error(kAwait, error));
    if (stopped_) break;
    if (!error && accept_waiting()) continue;
    pause_.expires_after(kPause);
    co_await pause_.async_wait(asio::redirect_error(kAwait, error));
  }
}

bool Listener::accept_waiting() {
  for (std::size_t taken = 0; taken < kAtOnce; ++taken) {
    const int descriptor =
        ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor >= 0) {
      if (!adopt_(descriptor)) turn_away(descriptor);
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return true;
      case EINTR:
      case ECONNABORTED:
        break;  // that one left before it was taken
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        log(LogLevel::kWarning, "accept_failed", {{"error", std::strerror(errno)}});
        return false;
      default:
        break;  // errors of the connection's network, reported here by Linux
    }
  }
  return true;
}

void Listener::turn_away(int descriptor) {
  metrics_.rejected.add();
  if (turning_away_ >= kMaxTurningAway || stopped_) {
    ::close(descriptor);
    return;
  }
  auto socket = std::make_shared<Socket>(loop_);
  ErrorCode error;
  socket->assign(endpoint_.protocol(), descriptor, error);
  if (error) {
    ::close(descriptor);
    return;
  }
  ++turning_away_;
  asio::co_spawn(loop_, answer_unavailable(*this, std::move(socket)), asio::detached);
}

Awaitable<void> Listener::answer_unavailable(Listener& listener, std::shared_ptr<Socket> socket) {
  Timer deadline(listener.loop_, kGoodbyeTime);
  // The handler shares the socket: it may be queued already when this coroutine ends.
  deadline.async_wait([socket](const ErrorCode& cancelled) {
    ErrorCode ignored;
    if (!cancelled) socket->close(ignored);
  });
  Reply reply;
  reply.clear();
  reply.set_problem(http_problem(503, "every connection this server holds is taken"));
  std::string text;
  append_response_head(reply, false, text);
  text += reply.body;

  ErrorCode error;
  co_await asio::async_write(*socket, asio::buffer(text), asio::redirect_error(kAwait, error));
  if (!error) socket->shutdown(asio::socket_base::shutdown_send, error);
  // The client's own bytes are read, or the kernel would throw the answer away with them.
  std::array<char, 1024> unread{};
  while (!error) {
    co_await socket->async_read_some(asio::buffer(unread), asio::redirect_error(kAwait, error));
  }
  --listener.turning_away_;
}

}  // namespace penchant::serving
