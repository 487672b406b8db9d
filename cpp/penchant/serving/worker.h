#pragma once

// One event loop on one thread, and the connections that live on it. Internal: Boost shows.

#include <atomic>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>

#include "penchant/serving/http_session.h"

namespace penchant::serving {

class Worker {
 public:
  // `on_close` is called on the worker's thread as each connection ends.
  Worker(const ServerOptions& options, const Handlers& handlers, Metrics::Shard& metrics,
         const std::atomic<bool>& draining, std::function<void()> on_close);
  ~Worker();  // NOLINT(bugprone-exception-escape)
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Any thread: takes over a connected, non-blocking socket.
  void adopt(int descriptor);
  void drain();  // any thread: idle connections leave, the others after their answer
  void abort();  // any thread: all leave
  void join();   // after the last connection has gone

  [[nodiscard]] std::size_t connections() const { return connections_.load(); }

 private:
  using Sessions = boost::intrusive::list<HttpSession, boost::intrusive::constant_time_size<false>>;

  void schedule_tick();
  void tick();
  template <class Action>
  void for_each_session(Action action);

  std::atomic<std::size_t> connections_{0};
  SessionContext context_;
  Sessions sessions_;
  std::chrono::milliseconds tick_period_;
  asio::io_context loop_{1};
  asio::executor_work_guard<Executor> work_;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer_;
  bool stopping_ = false;  // on the loop's thread only
  std::thread thread_;
};

}  // namespace penchant::serving
