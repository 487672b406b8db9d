#pragma once

// The listening socket on a thread of its own: takes connections while the workers compute, deals
// them out, and turns away those beyond the limit. Internal: Boost shows.

#include <functional>
#include <memory>
#include <thread>

#include <boost/asio/steady_timer.hpp>

#include "penchant/serving/http_session.h"

namespace penchant::serving {

class Listener {
 public:
  // `adopt` takes a connected descriptor and says whether there was room; it is left with the
  // listener, which answers 503, when there was not. Called on the listener's thread.
  Listener(const ServerOptions& options, Metrics::Shard& metrics, std::function<bool(int)> adopt);
  ~Listener();  // NOLINT(bugprone-exception-escape)
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();  // throws kIo when the address can't be had
  // Deals out what has connected already, then closes the port and ends the thread.
  void stop();

  [[nodiscard]] asio::ip::tcp::endpoint endpoint() const { return endpoint_; }

 private:
  using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

  Awaitable<void> accept_loop();
  // Takes everything that waits. False when the system is out of descriptors.
  bool accept_waiting();
  void turn_away(int descriptor);
  static Awaitable<void> answer_unavailable(Listener& listener, std::shared_ptr<Socket> socket);

  const ServerOptions& options_;
  Metrics::Shard& metrics_;
  std::function<bool(int)> adopt_;
  asio::ip::tcp::endpoint endpoint_;
  std::size_t turning_away_ = 0;
  bool stopped_ = false;
  asio::io_context loop_{1};
  asio::basic_socket_acceptor<asio::ip::tcp, Executor> acceptor_;
  Timer pause_;
  std::thread thread_;
};

}  // namespace penchant::serving
