#include "penchant/serving/server.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <vector>

#include "penchant/base/build_info.h"
#include "penchant/base/error.h"
#include "penchant/base/simd.h"
#include "penchant/serving/listener.h"
#include "penchant/serving/log.h"
#include "penchant/serving/worker.h"

namespace penchant::serving {
namespace {

void check_options(const ServerOptions& options) {
  constexpr std::size_t kMostHeader = std::size_t{1} << 20;
  constexpr std::size_t kMostBody = std::size_t{1} << 30;
  const auto positive = [](std::chrono::milliseconds time) { return time.count() > 0; };
  check_argument(options.threads <= 1024, "threads is ", options.threads, "; at most 1024");
  check_argument(options.max_body_bytes >= 1 && options.max_body_bytes <= kMostBody,
                 "max_body_bytes is ", options.max_body_bytes, "; give 1 to ", kMostBody);
  check_argument(options.max_header_bytes >= 256 && options.max_header_bytes <= kMostHeader,
                 "max_header_bytes is ", options.max_header_bytes, "; give 256 to ", kMostHeader);
  check_argument(options.max_connections >= 1, "max_connections is 0; give at least 1");
  check_argument(positive(options.request_timeout), "request_timeout must be above zero");
  check_argument(positive(options.idle_timeout), "idle_timeout must be above zero");
  check_argument(options.shutdown_timeout.count() >= 0, "shutdown_timeout is negative");
  check_argument(options.drain_delay.count() >= 0, "drain_delay is negative");
}

ServerOptions checked(ServerOptions options) {
  check_options(options);
  if (options.threads == 0) options.threads = std::max(1U, std::thread::hardware_concurrency());
  return options;
}

std::uint16_t parse_port(std::string_view text, std::string_view whole) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  check_argument(!text.empty() && error == std::errc{} && end == text.data() + text.size(), "'",
                 whole, "' has no port from 0 to 65535; write for example 127.0.0.1:8080");
  return port;
}

}  // namespace

ListenAddress parse_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  check_argument(colon != std::string_view::npos && colon > 0, "'", text,
                 "' is not ADDRESS:PORT; write for example 127.0.0.1:8080 or [::1]:8080");
  std::string_view address = text.substr(0, colon);
  const std::uint16_t port = parse_port(text.substr(colon + 1), text);
  if (address.front() == '[') {
    check_argument(address.size() > 2 && address.back() == ']', "'", text,
                   "': an IPv6 address goes in brackets, as in [::1]:8080");
    address = address.substr(1, address.size() - 2);
  } else {
    check_argument(address.find(':') == std::string_view::npos, "'", text,
                   "': an IPv6 address goes in brackets, as in [::1]:8080");
  }
  if (address != "localhost") {
    ErrorCode error;
    asio::ip::make_address(std::string(address), error);
    check_argument(!error, "'", address, "' is not an IP address; give one such as 127.0.0.1");
  }
  return {std::string(address), port};
}

class Server::Impl {
 public:
  Impl(Service service, ServerOptions options)
      : options_(checked(std::move(options))),
        facts_{.version = version(),
               .simd = simd_target(),
               .bundle_version = service.bundle_version,
               .bundle_fingerprint = service.bundle_fingerprint,
               .bundle_format = service.bundle_format,
               .items = service.items,
               .max_connections = options_.max_connections},
        metrics_(options_.threads + 1),
        handlers_(
            std::move(service), [this] { return ready_.load(std::memory_order_relaxed); },
            [this](std::string& out) { render_metrics(out); }),
        listener_(options_, metrics_.shard(options_.threads),
                  [this](int descriptor) { return adopt(descriptor); }) {
    for (unsigned i = 0; i < options_.threads; ++i) {
      workers_.push_back(std::make_unique<Worker>(options_, handlers_, metrics_.shard(i), draining_,
                                                  [this] { connection_closed(); }));
    }
  }

  ~Impl() { stop(); }

  void start() {
    check_argument(state_ == State::kNew, "a server starts once; make another");
    // Bind first: a server that can't listen leaves no threads behind.
    listener_.start();
    started_ = Clock::now();
    state_ = State::kRunning;
    ready_ = true;
    for (auto& worker : workers_) worker->start();
  }

  bool stop() {
    if (state_ != State::kRunning) return true;
    state_ = State::kStopped;
    ready_ = false;
    if (options_.drain_delay.count() > 0) std::this_thread::sleep_for(options_.drain_delay);
    listener_.stop();
    draining_ = true;
    for (auto& worker : workers_) worker->drain();
    const bool clean = wait_until_closed(options_.shutdown_timeout);
    if (!clean) {
      log(LogLevel::kWarning, "connections_cut_off", {{"connections", connections()}});
      for (auto& worker : workers_) worker->abort();
    }
    for (auto& worker : workers_) worker->join();
    return clean;
  }

  void render_metrics(std::string& out) const {
    MetricsFacts facts = facts_;
    facts.ready = ready_;
    facts.connections = connections();
    facts.uptime_seconds = std::chrono::duration<double>(Clock::now() - started_).count();
    metrics_.render(facts, out);
  }

  [[nodiscard]] asio::ip::tcp::endpoint endpoint() const { return listener_.endpoint(); }
  [[nodiscard]] std::size_t connections() const { return connections_.load(); }
  [[nodiscard]] std::uint64_t requests() const { return metrics_.requests(); }

 private:
  enum class State : std::uint8_t { kNew, kRunning, kStopped };

  // On the listener's thread only, so that the limit can't be overrun between look and leap.
  bool adopt(int descriptor) {
    if (connections_.load() >= options_.max_connections) return false;
    connections_.fetch_add(1);
    const auto least = std::min_element(
        workers_.begin(), workers_.end(),
        [](const auto& a, const auto& b) { return a->connections() < b->connections(); });
    (*least)->adopt(descriptor);
    return true;
  }

  void connection_closed() {
    if (connections_.fetch_sub(1) == 1) {
      const std::lock_guard lock(closed_mutex_);
      all_closed_.notify_all();
    }
  }

  bool wait_until_closed(std::chrono::milliseconds timeout) {
    std::unique_lock lock(closed_mutex_);
    return all_closed_.wait_for(lock, timeout, [this] { return connections_.load() == 0; });
  }

  const ServerOptions options_;
  MetricsFacts facts_;
  Clock::time_point started_{};
  State state_ = State::kNew;  // of the thread that starts and stops
  std::atomic<bool> ready_{false};
  std::atomic<bool> draining_{false};
  std::atomic<std::size_t> connections_{0};
  std::mutex closed_mutex_;
  std::condition_variable all_closed_;
  Metrics metrics_;
  Handlers handlers_;
  std::vector<std::unique_ptr<Worker>> workers_;
  Listener listener_;
};

Server::Server(Service service, ServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(service), std::move(options))) {}

Server::~Server() = default;

void Server::start() {
  // Writing to a client that has left is an error code here, never a signal.
  std::signal(SIGPIPE, SIG_IGN);
  impl_->start();
}

bool Server::stop() { return impl_->stop(); }
std::uint16_t Server::port() const { return impl_->endpoint().port(); }
std::size_t Server::connections() const { return impl_->connections(); }
std::uint64_t Server::requests() const { return impl_->requests(); }

std::string Server::address() const {
  const auto endpoint = impl_->endpoint();
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? concat("[", address, "]:", endpoint.port())
                                    : concat(address, ":", endpoint.port());
}

std::string Server::metrics_text() const {
  std::string text;
  impl_->render_metrics(text);
  return text;
}

}  // namespace penchant::serving
