#pragma once

// What the server counts, as Prometheus text (exposition format 0.0.4).
//
//   Metrics metrics(workers);
//   metrics.shard(worker).count_request(Route::kRecommend, 200, elapsed);   // that worker only
//   metrics.render(facts, out);                                            // any thread
//
// Every shard has one writing thread and cache lines of its own, so that counting costs a plain
// addition and no core waits for another; a scrape adds the shards up.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace penchant::serving {

enum class Route : std::uint8_t {
  kRecommend,
  kEvents,
  kIdentity,
  kRewards,
  kDecision,
  kSubject,
  kHealth,
  kReady,
  kMetrics,
  kRoot,
  kOther
};
inline constexpr std::size_t kRoutes = 11;
[[nodiscard]] std::string_view route_name(Route route);

// Where a connection was when its time ran out.
enum class TimeoutPhase : std::uint8_t { kIdle, kRequest, kResponse };
inline constexpr std::size_t kTimeoutPhases = 3;

// Upper bounds of the latency histogram, in seconds; a last bucket takes the rest.
inline constexpr std::array<double, 15> kLatencyBounds = {0.00005, 0.0001, 0.0002, 0.0005, 0.001,
                                                          0.002,   0.005,  0.01,   0.02,   0.05,
                                                          0.1,     0.2,    0.5,    1.0,    5.0};

// Written by one thread, read by any.
class Counter {
 public:
  void add(std::uint64_t by = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t by = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - by, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// What the text says besides the counts.
struct MetricsFacts {
  std::string version = {};
  std::string simd = {};
  std::string bundle_version = {};
  std::string bundle_fingerprint = {};
  std::uint32_t bundle_format = 0;
  std::size_t items = 0;
  bool ready = false;
  std::size_t connections = 0;
  std::size_t max_connections = 0;
  double uptime_seconds = 0;
};

class Metrics {
 public:
  // Statuses that are counted by themselves; any other counts under 500.
  static constexpr std::array<int, 12> kStatuses = {200, 400, 404, 405, 408, 413,
                                                    415, 417, 431, 500, 501, 503};

  struct Latency {
    std::array<Counter, kLatencyBounds.size() + 1> buckets;
    Counter nanoseconds;
  };

  struct alignas(128) Shard {
    void count_request(Route route, int status, std::chrono::nanoseconds handling);

    std::array<std::array<Counter, kStatuses.size()>, kRoutes> requests;
    std::array<Latency, kRoutes> latency;
    std::array<Counter, kTimeoutPhases> timeouts;
    Counter in_flight;  // first byte read, answer not yet handed over
    Counter accepted;   // connections
    Counter rejected;   // connections beyond the limit
    Counter bytes_read;
    Counter bytes_written;
  };

  explicit Metrics(std::size_t shards);

  [[nodiscard]] Shard& shard(std::size_t index) { return shards_[index]; }
  [[nodiscard]] std::uint64_t requests() const;

  void render(const MetricsFacts& facts, std::string& out) const;

 private:
  template <class Read>
  [[nodiscard]] std::uint64_t total(Read read) const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < count_; ++i) sum += read(shards_[i]).value();
    return sum;
  }
  void render_requests(std::string& out) const;
  void render_latency(std::string& out) const;
  void render_connections(const MetricsFacts& facts, std::string& out) const;

  std::size_t count_;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace penchant::serving
