// An open-loop HTTP load: requests leave at their own times, whether or not earlier ones have been
// answered, and each is timed from the moment it was meant to leave. A client that waits for an
// answer before it asks again (a closed loop, as wrk is) asks less of a server that stalls, and so
// hides the stall; see Gil Tene, "How NOT to Measure Latency" (coordinated omission).
//
//   paced_client PORT RATE SECONDS CONNECTIONS BODIES_FILE [even|poisson]
//
// BODIES_FILE holds one JSON request a line, sent in turn to POST /v1/recommend on 127.0.0.1.
// The first second is sent but not reported. One line of JSON on standard output; times in
// microseconds. One thread that sleeps between events, so that it leaves the CPU to the server.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using std::chrono::nanoseconds;

constexpr double kWarmupSeconds = 1.0;
constexpr std::chrono::seconds kPatience{10};  // for the last answers

struct Plan {
  std::uint16_t port = 0;
  double rate = 0;
  double seconds = 0;
  std::size_t connections = 0;
  bool poisson = false;
  std::vector<std::string> messages;
};

struct Results {
  std::vector<double> latency;  // from the intended time, microseconds
  std::vector<double> service;  // from the actual send
  std::vector<double> lag;      // actual send minus intended: the client's, or a full pipe's
  std::size_t errors = 0;
  std::size_t answered = 0;
  std::size_t bytes = 0;
  std::uint64_t checksum = 0;  // sum of the FNV-1a of every body: the same work, the same sum
  double wall_seconds = 0;
};

double micros(Time from, Time to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

std::string message_of(std::string_view body) {
  std::string out =
      "POST /v1/recommend HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: ";
  out += std::to_string(body.size());
  out += "\r\n\r\n";
  out += body;
  return out;
}

class Connection {
 public:
  Connection(std::uint16_t port, int poll, std::uint32_t id) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error(std::string("can't connect: ") + std::strerror(errno));
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = id;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, descriptor_, &event);
  }
  ~Connection() { ::close(descriptor_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void send(std::string_view message, Time intended, bool counted) {
    intended_ = intended;
    counted_ = counted;
    sent_ = Clock::now();
    while (!message.empty()) {
      const auto count = ::send(descriptor_, message.data(), message.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw std::runtime_error("the server closed a connection");
      message.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  // Reads what there is; true once the whole response has come.
  bool receive() {
    char bytes[65536];
    const auto count = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (count <= 0) throw std::runtime_error("the server closed a connection");
    input_.append(bytes, static_cast<std::size_t>(count));
    const auto end = input_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const auto at = input_.find("Content-Length: ");
    if (at == std::string::npos || at > end) throw std::runtime_error("no Content-Length");
    body_start_ = end + 4;
    return input_.size() >= body_start_ + std::strtoul(input_.c_str() + at + 16, nullptr, 10);
  }

  void record(Results& results) {
    const Time now = Clock::now();
    const bool fine = input_.compare(0, 13, "HTTP/1.1 200 ") == 0;
    ++results.answered;
    results.errors += fine ? 0 : 1;
    results.bytes += input_.size();
    std::uint64_t hash = 14695981039346656037ULL;
    for (std::size_t i = body_start_; i < input_.size(); ++i) {
      hash = (hash ^ static_cast<unsigned char>(input_[i])) * 1099511628211ULL;
    }
    results.checksum += hash;
    if (counted_) {
      results.latency.push_back(micros(intended_, now));
      results.service.push_back(micros(sent_, now));
      results.lag.push_back(micros(intended_, sent_));
    }
    input_.clear();
  }

 private:
  int descriptor_ = -1;
  Time intended_{};
  Time sent_{};
  bool counted_ = false;
  std::string input_;
  std::size_t body_start_ = 0;
};

// When each request is meant to leave, in nanoseconds from the start.
std::vector<std::int64_t> schedule(const Plan& plan) {
  const auto count = static_cast<std::size_t>(plan.rate * (plan.seconds + kWarmupSeconds));
  std::vector<std::int64_t> times(count);
  std::mt19937_64 random(1);
  std::exponential_distribution<double> gap(plan.rate);
  double at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    times[i] = static_cast<std::int64_t>(at * 1e9);
    at = plan.poisson ? at + gap(random) : static_cast<double>(i + 1) / plan.rate;
  }
  return times;
}

Results run(const Plan& plan) {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Connection>> connections;
  std::deque<std::uint32_t> idle;  // in turn, so that all of the server's threads have work
  for (std::uint32_t i = 0; i < plan.connections; ++i) {
    connections.push_back(std::make_unique<Connection>(plan.port, poll, i));
    idle.push_back(i);
  }
  Results results;
  const std::vector<std::int64_t> times = schedule(plan);
  const Time start = Clock::now() + std::chrono::milliseconds(10);
  const auto due = [&](std::size_t i) { return start + nanoseconds(times[i]); };
  std::size_t next = 0;
  std::vector<epoll_event> events(plan.connections);
  while (results.answered < times.size()) {
    // A request that finds every connection taken waits, and its time runs.
    while (next < times.size() && !idle.empty() && due(next) <= Clock::now()) {
      const bool counted = static_cast<double>(times[next]) >= kWarmupSeconds * 1e9;
      connections[idle.front()]->send(plan.messages[next % plan.messages.size()], due(next),
                                      counted);
      idle.pop_front();
      ++next;
    }
    const bool sending = next < times.size() && !idle.empty();
    const auto wait = sending ? std::max(nanoseconds(0), nanoseconds(due(next) - Clock::now()))
                              : nanoseconds(kPatience);
    const timespec timeout{static_cast<time_t>(wait.count() / 1'000'000'000),
                           static_cast<long>(wait.count() % 1'000'000'000)};
    const int ready =
        ::epoll_pwait2(poll, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    if (ready == 0 && !sending) throw std::runtime_error("no answer for ten seconds");
    for (int i = 0; i < ready; ++i) {
      const std::uint32_t id = events[static_cast<std::size_t>(i)].data.u32;
      if (!connections[id]->receive()) continue;
      connections[id]->record(results);
      idle.push_back(id);
    }
  }
  results.wall_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  ::close(poll);
  return results;
}

// The smallest value that at least `share` of all stay within.
double percentile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::min(sorted.size() - 1, rank == 0 ? 0 : rank - 1)];
}

void print_times(const char* name, std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  std::printf(R"("%s":{"p50":%.1f,"p90":%.1f,"p99":%.1f,"p999":%.1f,"max":%.1f},)", name,
              percentile(values, 0.5), percentile(values, 0.9), percentile(values, 0.99),
              percentile(values, 0.999), values.empty() ? 0 : values.back());
}

Plan plan_of(int count, char** arguments) {
  if (count < 6) {
    throw std::runtime_error(
        "usage: paced_client PORT RATE SECONDS CONNECTIONS BODIES_FILE [even|poisson]");
  }
  Plan plan;
  plan.port = static_cast<std::uint16_t>(std::stoul(arguments[1]));
  plan.rate = std::stod(arguments[2]);
  plan.seconds = std::stod(arguments[3]);
  plan.connections = std::stoul(arguments[4]);
  plan.poisson = count > 6 && std::string_view(arguments[6]) == "poisson";
  std::ifstream bodies(arguments[5]);
  for (std::string line; std::getline(bodies, line);) plan.messages.push_back(message_of(line));
  if (plan.messages.empty()) throw std::runtime_error("the file of bodies is empty");
  if (plan.rate <= 0 || plan.connections == 0) throw std::runtime_error("rate or connections is 0");
  return plan;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const Plan plan = plan_of(count, arguments);
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // wake on time, not within the usual 50 microseconds
    Results results = run(plan);
    std::printf(R"({"rate":%.0f,"connections":%zu,"answered":%zu,"errors":%zu,)", plan.rate,
                plan.connections, results.answered, results.errors);
    std::printf(R"("achieved":%.1f,"bytes":%zu,"checksum":"%016llx",)",
                static_cast<double>(results.answered) / results.wall_seconds, results.bytes,
                static_cast<unsigned long long>(results.checksum));
    print_times("latency", results.latency);
    print_times("service", results.service);
    print_times("lag", results.lag);
    std::printf(R"("counted":%zu})"
                "\n",
                results.latency.size());
    return results.errors == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "paced_client: %s\n", error.what());
    return 2;
  }
}
