#include "penchant/serving/worker.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <unistd.h>

namespace penchant::serving {

Worker::Worker(const ServerOptions& options, const Handlers& handlers, Metrics::Shard& metrics,
               const std::atomic<bool>& draining, std::function<void()> on_close)
    : context_{options, handlers, metrics, draining,
               [this, closed = std::move(on_close)] {
                 connections_.fetch_sub(1);
                 closed();
               }},
      // A deadline is kept to a quarter of itself, and to a quarter of a second.
      tick_period_(std::clamp(std::min(options.request_timeout, options.idle_timeout) / 4,
                              std::chrono::milliseconds{5}, std::chrono::milliseconds{250})),
      work_(asio::make_work_guard(loop_)),
      timer_(loop_) {}

// A thread that can't be joined ends the program, as it should.
// NOLINTNEXTLINE(bugprone-exception-escape)
Worker::~Worker() {
  if (thread_.joinable()) {
    abort();
    join();
  }
}

void Worker::start() {
  schedule_tick();
  thread_ = std::thread([this] { loop_.run(); });
}

void Worker::adopt(int descriptor) {
  connections_.fetch_add(1);
  asio::post(loop_, [this, descriptor] {
    Socket socket(loop_);
    ErrorCode error;
    // The protocol matters to none of the calls made here; v6 sockets work alike.
    socket.assign(asio::ip::tcp::v4(), descriptor, error);
    if (error) {
      ::close(descriptor);
      context_.on_close();
      return;
    }
    socket.set_option(asio::ip::tcp::no_delay(true), error);
    socket.non_blocking(true, error);
    context_.metrics.accepted.add();
    const auto session = std::make_shared<HttpSession>(std::move(socket), context_);
    sessions_.push_back(*session);
    session->start();
  });
}

template <class Action>
void Worker::for_each_session(Action action) {
  // A session can leave the list while it is acted upon.
  for (auto at = sessions_.begin(); at != sessions_.end();) {
    HttpSession& session = *at++;
    action(session);
  }
}

void Worker::drain() {
  asio::post(loop_, [this] { for_each_session([](HttpSession& session) { session.drain(); }); });
}

void Worker::abort() {
  asio::post(loop_, [this] { for_each_session([](HttpSession& session) { session.abort(); }); });
}

void Worker::join() {
  asio::post(loop_, [this] {
    // A tick that is due already can't be cancelled; it must not set the next one.
    stopping_ = true;
    timer_.cancel();
    work_.reset();
  });
  if (thread_.joinable()) thread_.join();
}

void Worker::schedule_tick() {
  if (stopping_) return;
  timer_.expires_after(tick_period_);
  timer_.async_wait([this](const ErrorCode& error) {
    if (!error) tick();
  });
}

void Worker::tick() {
  const auto now = Clock::now();
  for_each_session([now](HttpSession& session) { session.expire_if_due(now); });
  schedule_tick();
}

}  // namespace penchant::serving
