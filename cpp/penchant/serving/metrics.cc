#include "penchant/serving/metrics.h"

#include <algorithm>
#include <charconv>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include "penchant/base/error.h"

namespace penchant::serving {
namespace {

constexpr std::array<std::string_view, kRoutes> kRouteNames = {
    "recommend", "events", "identity", "rewards", "decision", "subject",
    "healthz",   "readyz", "metrics",  "root",    "other"};
constexpr std::array<std::string_view, kTimeoutPhases> kPhaseNames = {"idle", "request",
                                                                      "response"};

std::size_t status_slot(int status) {
  const auto& known = Metrics::kStatuses;
  const auto at = std::find(known.begin(), known.end(), status);
  if (at != known.end()) return static_cast<std::size_t>(at - known.begin());
  return static_cast<std::size_t>(std::find(known.begin(), known.end(), 500) - known.begin());
}

void declare(std::string& out, std::string_view name, std::string_view type,
             std::string_view help) {
  out += concat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

// A label's value, with what the format wants escaped.
std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

// 0.00005 rather than 5e-05: bounds are read by people and compared as text.
void append_fixed(double value, std::string& out) {
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  out.append(text.data(), end.ptr);
}

template <class Value>
void single(std::string& out, std::string_view name, std::string_view type, std::string_view help,
            Value value) {
  declare(out, name, type, help);
  out += concat(name, " ", value, "\n");
}

void render_process(std::string& out) {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& at) {
      return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_usec) * 1e-6;
    };
    single(out, "process_cpu_seconds_total", "counter", "User and system time used.",
           seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  std::ifstream statm("/proc/self/statm");
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (statm >> pages >> resident) {
    single(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
           resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
  }
}

}  // namespace

std::string_view route_name(Route route) { return kRouteNames[static_cast<std::size_t>(route)]; }

void Metrics::Shard::count_request(Route route, int status, std::chrono::nanoseconds handling) {
  const auto at = static_cast<std::size_t>(route);
  requests[at][status_slot(status)].add();
  const double seconds = std::chrono::duration<double>(handling).count();
  const auto bucket = static_cast<std::size_t>(
      std::lower_bound(kLatencyBounds.begin(), kLatencyBounds.end(), seconds) -
      kLatencyBounds.begin());
  latency[at].buckets[bucket].add();
  latency[at].nanoseconds.add(
      static_cast<std::uint64_t>(std::max<std::int64_t>(handling.count(), 0)));
}

Metrics::Metrics(std::size_t shards) : count_(shards), shards_(std::make_unique<Shard[]>(shards)) {}

std::uint64_t Metrics::requests() const {
  std::uint64_t sum = 0;
  for (std::size_t route = 0; route < kRoutes; ++route) {
    for (std::size_t slot = 0; slot < kStatuses.size(); ++slot) {
      sum += total([&](const Shard& shard) -> auto& { return shard.requests[route][slot]; });
    }
  }
  return sum;
}

void Metrics::render(const MetricsFacts& facts, std::string& out) const {
  render_requests(out);
  render_latency(out);
  render_connections(facts, out);
  declare(out, "penchant_bundle_info", "gauge", "The bundle that is served.");
  out += concat("penchant_bundle_info{version=", quoted(facts.bundle_version),
                ",fingerprint=", quoted(facts.bundle_fingerprint), ",format_version=\"",
                facts.bundle_format, "\"} 1\n");
  single(out, "penchant_bundle_items", "gauge", "Items in the bundle's catalogue.", facts.items);
  declare(out, "penchant_build_info", "gauge", "The server itself.");
  out += concat("penchant_build_info{version=", quoted(facts.version), ",simd=", quoted(facts.simd),
                "} 1\n");
  single(out, "penchant_ready", "gauge", "1 while /readyz answers 200.", facts.ready ? 1 : 0);
  single(out, "penchant_uptime_seconds", "gauge", "Seconds since the server started.",
         facts.uptime_seconds);
  render_process(out);
}

void Metrics::render_requests(std::string& out) const {
  constexpr std::string_view kName = "penchant_http_requests_total";
  declare(out, kName, "counter", "Requests answered, by route and status.");
  for (std::size_t route = 0; route < kRoutes; ++route) {
    for (std::size_t slot = 0; slot < kStatuses.size(); ++slot) {
      const auto count =
          total([&](const Shard& shard) -> auto& { return shard.requests[route][slot]; });
      // Zeros only for the series that alarms are written on before they first move.
      const bool expected = kStatuses[slot] == 200 && kRouteNames[route] != "other";
      if (count == 0 && !expected) continue;
      out += concat(kName, "{route=\"", kRouteNames[route], "\",code=\"", kStatuses[slot], "\"} ",
                    count, "\n");
    }
  }
}

void Metrics::render_latency(std::string& out) const {
  constexpr std::string_view kName = "penchant_http_request_duration_seconds";
  declare(out, kName, "histogram",
          "From a request's last byte to its answer being ready to send, by route.");
  for (std::size_t route = 0; route < kRoutes; ++route) {
    const std::string label = concat("{route=\"", kRouteNames[route], "\"");
    std::uint64_t cumulative = 0;
    for (std::size_t bucket = 0; bucket <= kLatencyBounds.size(); ++bucket) {
      cumulative +=
          total([&](const Shard& shard) -> auto& { return shard.latency[route].buckets[bucket]; });
      out += concat(kName, "_bucket", label, ",le=\"");
      if (bucket < kLatencyBounds.size()) {
        append_fixed(kLatencyBounds[bucket], out);
      } else {
        out += "+Inf";
      }
      out += concat("\"} ", cumulative, "\n");
    }
    const auto nanoseconds =
        total([&](const Shard& shard) -> auto& { return shard.latency[route].nanoseconds; });
    out += concat(kName, "_sum", label, "} ", static_cast<double>(nanoseconds) / 1e9, "\n");
    out += concat(kName, "_count", label, "} ", cumulative, "\n");
  }
}

void Metrics::render_connections(const MetricsFacts& facts, std::string& out) const {
  single(out, "penchant_http_requests_in_flight", "gauge", "Requests begun and not yet answered.",
         total([](const Shard& shard) -> auto& { return shard.in_flight; }));
  single(out, "penchant_http_connections", "gauge", "Open connections.", facts.connections);
  single(out, "penchant_http_connections_limit", "gauge", "The most connections held at once.",
         facts.max_connections);
  single(out, "penchant_http_connections_total", "counter", "Connections accepted.",
         total([](const Shard& shard) -> auto& { return shard.accepted; }));
  single(out, "penchant_http_connections_rejected_total", "counter",
         "Connections answered 503 because the limit was reached.",
         total([](const Shard& shard) -> auto& { return shard.rejected; }));
  declare(out, "penchant_http_timeouts_total", "counter",
          "Connections closed because time ran out, by what they were doing.");
  for (std::size_t phase = 0; phase < kTimeoutPhases; ++phase) {
    out += concat("penchant_http_timeouts_total{phase=\"", kPhaseNames[phase], "\"} ",
                  total([&](const Shard& shard) -> auto& { return shard.timeouts[phase]; }), "\n");
  }
  single(out, "penchant_http_read_bytes_total", "counter", "Bytes read from clients.",
         total([](const Shard& shard) -> auto& { return shard.bytes_read; }));
  single(out, "penchant_http_written_bytes_total", "counter", "Bytes written to clients.",
         total([](const Shard& shard) -> auto& { return shard.bytes_written; }));
}

}  // namespace penchant::serving
