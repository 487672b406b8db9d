// Clients that mean harm, or are broken: each meets its limit, and the server serves on.

#include <random>
#include <string>
#include <vector>

#include "serving/server_fixture.h"

namespace penchant::serving::testing {
namespace {

class LimitsTest : public ServerTest {
 protected:
  static ServerOptions tight() {
    ServerOptions options = default_options();
    options.max_body_bytes = 1'000;
    options.max_header_bytes = 1'024;
    options.request_timeout = milliseconds(300);
    options.idle_timeout = milliseconds(600);
    return options;
  }
};

TEST_F(LimitsTest, HeaderBeyondTheLimitIs431) {
  start(tight());
  const Response one =
      ask(get("/healthz")
              .insert(get("/healthz").size() - 2, "X-Long: " + std::string(2'000, 'a') + "\r\n"));
  EXPECT_EQ(one.status, 431);
  EXPECT_EQ(one.field("connection"), "close");
  std::string many = "GET /healthz HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 500; ++i) many += "X-" + std::to_string(i) + ": b\r\n";
  EXPECT_EQ(ask(many + "\r\n").status, 431);
  EXPECT_EQ(ask(many).status, 431);  // nor must it ever end
  EXPECT_EQ(ask("GET /" + std::string(5'000, 'a')).status, 431);
  // Just below is fine.
  EXPECT_EQ(
      ask("GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + std::string(900, 'a') + "\r\n\r\n").status,
      200);
  expect_alive();
}

TEST_F(LimitsTest, BodyBeyondTheLimitIs413) {
  start(tight());
  EXPECT_EQ(ask(post(std::string(1'000, 'a'))).status, 200);
  EXPECT_EQ(ask(post(std::string(1'001, 'a'))).status, 413);
  // Refused on its announcement, before a byte of it came.
  EXPECT_EQ(ask("POST /v1/recommend HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                "Content-Length: 99999999999\r\n\r\n")
                .status,
            413);
  const std::string chunked =
      "POST /v1/recommend HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(ask(chunked + "7fffffff\r\n").status, 413);
  std::string drops = chunked;
  for (int i = 0; i < 200; ++i) drops += "a\r\n0123456789\r\n";
  EXPECT_EQ(ask(drops).status, 413);
  EXPECT_EQ(ask(chunked + "1;" + std::string(20'000, 'e')).status, 431);  // an endless extension
  expect_alive();
}

TEST_F(LimitsTest, LargeUploadStillReadsItsRefusal) {
  start(tight());
  Connection connection = connect();
  // Without lingering the unread bytes would reset the connection and lose the answer.
  connection.send(post(std::string(4 << 20, 'a')));
  EXPECT_EQ(connection.receive().value_or(Response{}).status, 413);
}

TEST_F(LimitsTest, SlowSendersGet408) {
  start(tight());
  for (const std::string& request : {post("0123456789"), get("/healthz")}) {
    Connection connection = connect();
    const auto begun = std::chrono::steady_clock::now();
    std::size_t sent = 0;
    // One byte every 50 ms keeps no connection alive beyond the request's own time.
    while (sent + 1 < request.size() && connection.send(request.substr(sent, 1))) {
      ++sent;
      std::this_thread::sleep_for(milliseconds(50));
      if (std::chrono::steady_clock::now() - begun > milliseconds(700)) break;
    }
    EXPECT_EQ(connection.receive().value_or(Response{}).status, 408);
    EXPECT_TRUE(connection.ends());
  }
  EXPECT_EQ(metric(R"(penchant_http_timeouts_total{phase="request"})"), 2);
  expect_alive();
}

TEST_F(LimitsTest, SilentConnectionsAreClosed) {
  start(tight());
  Connection silent = connect();
  Connection idle = connect();
  ASSERT_TRUE(idle.send(get("/healthz")));
  EXPECT_EQ(idle.receive().value_or(Response{}).status, 200);
  EXPECT_TRUE(silent.ends());
  EXPECT_TRUE(idle.ends());
  EXPECT_EQ(metric(R"(penchant_http_timeouts_total{phase="idle"})"), 2);
}

TEST_F(LimitsTest, ReadersThatDoNotReadAreDropped) {
  start(tight());
  Connection connection = connect(4096);
  ASSERT_TRUE(connection.send(post("big 67108864")));
  const auto until = std::chrono::steady_clock::now() + kPatience;
  const auto dropped = [&] { return metric(R"(penchant_http_timeouts_total{phase="response"})"); };
  while (dropped() < 1 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(dropped(), 1);
  expect_alive();
}

TEST_F(LimitsTest, ConnectionsBeyondTheLimitGet503) {
  ServerOptions options = default_options();
  options.max_connections = 3;
  start(options);
  std::vector<Connection> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(connect());
    ASSERT_TRUE(held.back().send(get("/healthz")));
    ASSERT_EQ(held.back().receive().value_or(Response{}).status, 200);
  }
  Connection extra = connect();
  extra.send(get("/healthz"));
  const auto refused = extra.receive();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->field("retry-after"), "1");
  EXPECT_TRUE(extra.ends());
  EXPECT_EQ(metric("penchant_http_connections_rejected_total"), 1);

  // Those inside are served on, and one that leaves makes room.
  ASSERT_TRUE(held.front().send(get("/healthz")));
  EXPECT_EQ(held.front().receive().value_or(Response{}).status, 200);
  held.pop_back();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (server_->connections() > 2 && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(ask(get("/healthz")).status, 200);
}

TEST_F(LimitsTest, GarbageNeverBreaksTheServer) {
  start(tight());
  std::mt19937 random(7);
  const std::string valid = post(R"({"k":3})") + get("/metrics") + post("x", "A: b\r\n");
  for (int round = 0; round < 400; ++round) {
    std::string bytes = valid;
    if (round % 4 == 0) {
      bytes.resize(random() % 3'000);
      for (char& byte : bytes) byte = static_cast<char>(random());
    } else {
      for (int flips = 0; flips < 1 + round % 5; ++flips) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
    }
    Connection connection = connect();
    connection.send(bytes);
    if (round % 3 == 0)
      connection.reset();
    else
      connection.half_close();
  }
  expect_alive();
}

}  // namespace
}  // namespace penchant::serving::testing
