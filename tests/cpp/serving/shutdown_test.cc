// Stopping: nothing that was begun is lost, nothing new is begun, and it takes no longer than told.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "serving/server_fixture.h"

namespace penchant::serving::testing {
namespace {

class ShutdownTest : public ServerTest {};

TEST_F(ShutdownTest, RequestsInFlightAreAnswered) {
  start();
  Connection busy = connect();
  ASSERT_TRUE(busy.send(post("sleep 300")));
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_TRUE(server_->stop());
  const auto response = busy.receive();
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body, "slept");
  EXPECT_EQ(response->field("connection"), "close");
  EXPECT_TRUE(busy.ends());
}

TEST_F(ShutdownTest, IdleConnectionsLeaveAtOnce) {
  start();
  Connection idle = connect();
  ASSERT_TRUE(idle.send(get("/healthz")));
  ASSERT_TRUE(idle.receive().has_value());
  Connection silent = connect();
  const auto begun = std::chrono::steady_clock::now();
  std::thread client([&] {
    EXPECT_TRUE(idle.ends());
    idle.close();
    EXPECT_TRUE(silent.ends());
  });
  EXPECT_TRUE(server_->stop());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(5'000));
  client.join();
}

// A timer that has fired but not yet run can't be cancelled, and once kept its loop going for ever.
TEST_F(ShutdownTest, StopsWheneverATickIsDue) {
  ServerOptions options = default_options();
  options.request_timeout = milliseconds(20);  // a tick each 5 ms
  for (int i = 0; i < 200; ++i) {
    start(options);
    std::this_thread::sleep_for(std::chrono::microseconds(4'500 + 5 * i));
    EXPECT_TRUE(server_->stop());
  }
}

TEST_F(ShutdownTest, SlowRequestsAreCutOffInTheEnd) {
  ServerOptions options = default_options();
  options.shutdown_timeout = milliseconds(200);
  options.request_timeout = milliseconds(60'000);
  start(options);
  Connection slow = connect();
  ASSERT_TRUE(slow.send("POST /v1/recommend HTTP/1.1\r\n"));
  std::this_thread::sleep_for(milliseconds(100));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_FALSE(server_->stop());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, milliseconds(5'000));
  EXPECT_TRUE(slow.ends());
}

TEST_F(ShutdownTest, ReadinessGoesFirst) {
  ServerOptions options = default_options();
  options.drain_delay = milliseconds(500);
  start(options);
  EXPECT_EQ(ask(get("/readyz")).status, 200);
  std::thread stopper([&] { EXPECT_TRUE(server_->stop()); });
  std::this_thread::sleep_for(milliseconds(150));
  // The port is still open, the answers still come, but a load balancer is told to look elsewhere.
  const Response unready = ask(get("/readyz"));
  EXPECT_EQ(unready.status, 503);
  EXPECT_EQ(unready.field("retry-after"), "1");
  EXPECT_EQ(ask(post("1")).status, 200);
  EXPECT_EQ(ask(get("/healthz")).status, 200);
  stopper.join();
  EXPECT_FALSE(connect().connected());
}

TEST_F(ShutdownTest, UnderLoadEveryAnswerIsWhole) {
  for (int round = 0; round < 5; ++round) {
    start();
    std::atomic<int> answered{0};
    std::atomic<int> torn{0};
    std::vector<std::thread> clients;
    for (int t = 0; t < 8; ++t) {
      clients.emplace_back([&] {
        Connection connection = connect();
        for (int i = 0; i < 1'000'000; ++i) {
          if (!connection.send(post("big 2000"))) break;
          const auto response = connection.receive();
          if (!response) {
            torn += connection.has_unread();
            break;
          }
          ++answered;
          if (response->field("connection") == "close") break;
        }
      });
    }
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_TRUE(server_->stop());
    for (auto& client : clients) client.join();
    EXPECT_EQ(torn.load(), 0);
    EXPECT_GT(answered.load(), 0);
    EXPECT_EQ(server_->connections(), 0U);
    EXPECT_EQ(metric(R"(penchant_http_requests_total{route="recommend",code="200"})"),
              answered.load());
  }
}

TEST_F(ShutdownTest, StoppingTwiceOrNeverStartedIsNothing) {
  start();
  EXPECT_TRUE(server_->stop());
  EXPECT_TRUE(server_->stop());
  EXPECT_THROW(server_->start(), Error);
  Service service;
  service.recommend = answer;
  Server never(std::move(service), default_options());
  EXPECT_TRUE(never.stop());
}

}  // namespace
}  // namespace penchant::serving::testing
