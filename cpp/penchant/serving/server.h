#pragma once

// The HTTP face of a few functions: POST /v1/recommend, /v1/events, /v1/identity and /v1/rewards,
// GET /v1/decisions/{id}, GET and DELETE /v1/subjects/{id}, health, readiness, metrics.
//
//   Service service;
//   service.recommend = [engine](std::string_view request, std::string& body) {
//     engine->recommend_json(request, body);
//   };
//   Server server(std::move(service), {.port = 0});
//   server.start();                        // returns once the port answers
//   std::cout << server.port();
//   server.stop();                         // finishes what is in flight, then returns
//
// Each worker thread has an event loop of its own and keeps a connection for life, so that requests
// meet neither locks nor shared counters; a new connection goes to the worker that has fewest.
// Limits, routes and problem types are told in docs/serving.md, the messages in docs/openapi.yaml.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace penchant::serving {

// What is served. `recommend` replaces `body` with the answer to `request` (both JSON, UTF-8), is
// called from every worker at once, and throws penchant::Error where it can't answer.
struct Service {
  std::function<void(std::string_view request, std::string& body)> recommend = {};
  // The same of events; empty: none are taken.
  std::function<void(std::string_view request, std::string& body)> events = {};
  // The same of what people decide about identifiers; empty: the bundle has no identity.
  std::function<void(std::string_view request, std::string& body)> identity = {};
  // The same of what came of decisions; empty: nothing here learns.
  std::function<void(std::string_view request, std::string& body)> reward = {};
  // What is known of a decision, by its id; empty likewise.
  std::function<void(std::string_view id, std::string& body)> decision = {};
  // What is known of a person now, by the text of their id; empty: nothing is kept.
  std::function<void(std::string_view subject, std::string& body)> subject = {};
  // Appends what there is to tell beside the server's own counts, as Prometheus text; or empty.
  std::function<void(std::string& text)> metrics = {};
  // Forgets a person, by the text of their id, and says what went. Empty: nothing is kept.
  std::function<void(std::string_view subject, std::string& body)> erase = {};
  std::string bundle_version = {};      // as the answers carry it; shown at / and in /metrics
  std::string bundle_fingerprint = {};  // of the whole file, as `penchant inspect` shows it
  std::uint32_t bundle_format = 0;      // the bundle format's version
  std::size_t items = 0;                // in the catalogue
};

struct ServerOptions {
  std::string address = "127.0.0.1";                     // an IPv4 or IPv6 address, or "localhost"
  std::uint16_t port = 8080;                             // 0: any free one, see Server::port()
  unsigned threads = 0;                                  // event loops; 0: one a core
  std::size_t max_body_bytes = std::size_t{1} << 20;     // beyond: 413
  std::size_t max_header_bytes = std::size_t{16} << 10;  // request line and fields; beyond: 431
  std::size_t max_connections = 1024;                    // beyond: 503 and close
  // From a request's first byte to its last (beyond: 408), and the same for taking the answer.
  std::chrono::milliseconds request_timeout{10'000};
  std::chrono::milliseconds idle_timeout{60'000};      // between requests of one connection
  std::chrono::milliseconds shutdown_timeout{10'000};  // for what is in flight when stopping
  // How long /readyz says 503 before the port closes, for a load balancer to notice.
  std::chrono::milliseconds drain_delay{0};
};

struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
};

// "127.0.0.1:8080", "[::1]:8080", "localhost:0". Throws kInvalidArgument.
[[nodiscard]] ListenAddress parse_listen_address(std::string_view text);

class Server {
 public:
  // Throws kInvalidArgument on options that make no sense.
  Server(Service service, ServerOptions options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds, listens and starts the threads. Throws kIo when the address can't be had.
  void start();

  // Says 503 at /readyz, waits drain_delay, stops accepting, closes idle connections and lets
  // requests in flight finish within shutdown_timeout. True when none had to be cut off. Calling it
  // again, or before start, does nothing.
  bool stop();

  [[nodiscard]] std::uint16_t port() const;   // the bound one, after start
  [[nodiscard]] std::string address() const;  // "127.0.0.1:8080" as bound
  [[nodiscard]] std::size_t connections() const;
  [[nodiscard]] std::uint64_t requests() const;  // answered since start, whatever their status
  [[nodiscard]] std::string metrics_text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::serving
