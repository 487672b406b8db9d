#pragma once

// A client on bare sockets, so that tests decide about every byte and every pause.

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penchant::serving::testing {

using std::chrono::milliseconds;
inline constexpr milliseconds kPatience{10'000};  // generous: sanitizers and busy machines

struct Response {
  int status = 0;
  std::map<std::string, std::string> fields;  // names in lower case
  std::string body;

  [[nodiscard]] std::string field(const std::string& name) const {
    const auto at = fields.find(name);
    return at == fields.end() ? "" : at->second;
  }
};

class Connection {
 public:
  // `receive_bytes` above zero makes the kernel's receive buffer that small.
  explicit Connection(std::uint16_t port, int receive_bytes = 0) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_bytes > 0) {
      ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    }
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~Connection() { close(); }
  Connection(Connection&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        connected_(other.connected_),
        unread_(std::move(other.unread_)) {}
  Connection& operator=(Connection&&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  // False when the other side no longer takes bytes.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  void half_close() { ::shutdown(descriptor_, SHUT_WR); }
  void close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  // The kernel sends a reset instead of an end.
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }

  // The next response; nullopt when the stream ends or `patience` does. `head` has no body.
  std::optional<Response> receive(bool head = false, milliseconds patience = kPatience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    std::size_t end = 0;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(until)) return std::nullopt;
    }
    Response response = parse_head(unread_.substr(0, end + 2));
    unread_.erase(0, end + 4);
    if (head || response.status == 100) return response;
    const std::size_t length = std::stoul("0" + response.field("content-length"));
    while (unread_.size() < length) {
      if (!fill(until)) return std::nullopt;
    }
    response.body = unread_.substr(0, length);
    unread_.erase(0, length);
    return response;
  }

  // Whether the stream ends (or is reset) within `patience`, with nothing more on it.
  bool ends(milliseconds patience = kPatience) {
    return unread_.empty() && !fill(std::chrono::steady_clock::now() + patience) && ended_;
  }

  [[nodiscard]] bool has_unread() const { return !unread_.empty(); }

 private:
  bool fill(std::chrono::steady_clock::time_point until) {
    for (;;) {
      const auto left =
          std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
      pollfd wait{descriptor_, POLLIN, 0};
      const int ready = ::poll(&wait, 1, static_cast<int>(std::max<long>(left.count(), 0)));
      if (ready == 0) return false;
      if (ready < 0) continue;
      char bytes[65536];
      const auto count = ::recv(descriptor_, bytes, sizeof bytes, 0);
      if (count <= 0) {
        ended_ = true;
        return false;
      }
      unread_.append(bytes, static_cast<std::size_t>(count));
      return true;
    }
  }

  static Response parse_head(std::string_view head) {
    Response response;
    EXPECT_TRUE(head.starts_with("HTTP/1.1 ")) << head;
    response.status = std::atoi(std::string(head.substr(9, 3)).c_str());
    head.remove_prefix(head.find("\r\n") + 2);
    while (!head.empty()) {
      const auto end = head.find("\r\n");
      const std::string_view line = head.substr(0, end);
      const auto colon = line.find(": ");
      EXPECT_NE(colon, std::string_view::npos) << line;
      std::string name(line.substr(0, colon));
      std::transform(name.begin(), name.end(), name.begin(), ::tolower);
      const bool fresh = response.fields.emplace(name, std::string(line.substr(colon + 2))).second;
      EXPECT_TRUE(fresh) << "twice: " << name;
      head.remove_prefix(end + 2);
    }
    return response;
  }

  int descriptor_ = -1;
  bool connected_ = false;
  bool ended_ = false;
  std::string unread_;
};

inline std::string post(std::string_view body, std::string_view more_fields = "") {
  std::string out =
      "POST /v1/recommend HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
  out += more_fields;
  out += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  out += body;
  return out;
}

inline std::string get(std::string_view target, std::string_view method = "GET") {
  return std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n\r\n";
}

}  // namespace penchant::serving::testing
