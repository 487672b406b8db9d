#include "penchant/serving/server.h"

#include <string>
#include <thread>
#include <vector>

#include "serving/server_fixture.h"

namespace penchant::serving::testing {
namespace {

TEST_F(ServerTest, AnswersWithTheRecommendFunctionsVeryBytes) {
  start();
  const Response response = ask(post(R"({"subject":"17850"})"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"([{"subject":"17850"}])");
  EXPECT_EQ(response.field("content-type"), "application/json");
  EXPECT_EQ(response.field("content-length"), std::to_string(response.body.size()));
  EXPECT_EQ(response.field("connection"), "keep-alive");
  EXPECT_TRUE(response.field("server").starts_with("penchant/0."));
  EXPECT_TRUE(response.field("date").ends_with(" GMT"));
}

TEST_F(ServerTest, PacketsMayBreakAnywhere) {
  start();
  const std::string request = post(R"({"k":3})", "X-Something: else\r\n");
  Connection connection = connect();
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    ASSERT_TRUE(connection.send(request.substr(0, cut)));
    std::this_thread::sleep_for(milliseconds(1));
    ASSERT_TRUE(connection.send(request.substr(cut)));
    const auto response = connection.receive();
    ASSERT_TRUE(response.has_value()) << "cut at " << cut;
    EXPECT_EQ(response->body, R"([{"k":3}])");
  }
  for (const char byte : request) ASSERT_TRUE(connection.send({&byte, 1}));
  EXPECT_EQ(connection.receive().value_or(Response{}).body, R"([{"k":3}])");
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start();
  std::string requests;
  for (int i = 0; i < 500; ++i) {
    requests += i % 5 == 4 ? get("/healthz") : post(std::to_string(i));
  }
  Connection connection = connect();
  std::thread sender([&] { EXPECT_TRUE(connection.send(requests)); });
  for (int i = 0; i < 500; ++i) {
    const auto response = connection.receive();
    ASSERT_TRUE(response.has_value()) << i;
    EXPECT_EQ(response->body,
              i % 5 == 4 ? std::string(R"({"status":"ok"})") : "[" + std::to_string(i) + "]");
  }
  sender.join();
}

TEST_F(ServerTest, ConnectionLastsAsHttpSays) {
  start();
  Connection closing = connect();
  ASSERT_TRUE(closing.send(post("1", "Connection: close\r\n")));
  EXPECT_EQ(closing.receive().value_or(Response{}).field("connection"), "close");
  EXPECT_TRUE(closing.ends());

  Connection old = connect();
  ASSERT_TRUE(old.send("GET /healthz HTTP/1.0\r\n\r\n"));
  EXPECT_EQ(old.receive().value_or(Response{}).status, 200);
  EXPECT_TRUE(old.ends());

  Connection kept = connect();
  ASSERT_TRUE(kept.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_EQ(kept.receive().value_or(Response{}).field("connection"), "keep-alive");
  ASSERT_TRUE(kept.send("\r\n\r\n" + get("/healthz")));  // stray line endings between requests
  EXPECT_EQ(kept.receive().value_or(Response{}).status, 200);
}

TEST_F(ServerTest, ChunkedBodiesAreRead) {
  start();
  Connection connection = connect();
  ASSERT_TRUE(connection.send(
      "POST /v1/recommend HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nHost: trailer\r\n\r\n"));
  EXPECT_EQ(connection.receive().value_or(Response{}).body, "[abcdefg]");
  ASSERT_TRUE(connection.send(post("2")));
  EXPECT_EQ(connection.receive().value_or(Response{}).body, "[2]");
}

TEST_F(ServerTest, SaysContinueOnlyWhenTheBodyIsAwaited) {
  start();
  Connection connection = connect();
  const std::string request = post("abc", "Expect: 100-continue\r\n");
  ASSERT_TRUE(connection.send(request.substr(0, request.size() - 3)));
  EXPECT_EQ(connection.receive().value_or(Response{}).status, 100);
  ASSERT_TRUE(connection.send("abc"));
  EXPECT_EQ(connection.receive().value_or(Response{}).body, "[abc]");
  ASSERT_TRUE(connection.send(request));
  EXPECT_EQ(connection.receive().value_or(Response{}).status, 200);
  EXPECT_EQ(ask(post("abc", "Expect: tea\r\n")).status, 417);
}

TEST_F(ServerTest, HeadIsGetWithoutTheBody) {
  start();
  for (const char* path : {"/", "/healthz", "/readyz", "/metrics"}) {
    Connection connection = connect();
    ASSERT_TRUE(connection.send(get(path, "HEAD")));
    const auto head = connection.receive(true);
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(head->status, 200) << path;
    EXPECT_GT(std::stoi(head->field("content-length")), 10);
    ASSERT_TRUE(connection.send(get("/healthz")));  // would read the body as a response
    EXPECT_EQ(connection.receive().value_or(Response{}).body, R"({"status":"ok"})");
  }
}

TEST_F(ServerTest, OtherMethodsAreToldWhatIsAllowed) {
  start();
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"}) {
    const Response response = ask(get("/v1/recommend", method), std::string(method) == "HEAD");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(response.field("allow"), "POST");
  }
  const Response response = ask(get("/healthz", "DELETE"));
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.field("allow"), "GET, HEAD");
}

TEST_F(ServerTest, TargetsComeInSeveralForms) {
  start();
  EXPECT_EQ(ask(get("/healthz?verbose=1")).status, 200);
  EXPECT_EQ(ask(get("http://test/healthz")).status, 200);
  EXPECT_EQ(ask(get("http://test")).status, 200);
  EXPECT_EQ(ask(get("/healthz/")).status, 404);
  EXPECT_EQ(ask(get("/v1/")).status, 404);
}

TEST_F(ServerTest, FaultsOfHttpAreProblems) {
  start();
  EXPECT_EQ(ask(get("/nothing")).status, 404);
  EXPECT_EQ(ask("GET /healthz HTTP/1.1\r\n\r\n").status, 400);  // no Host
  EXPECT_EQ(ask("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /healthz HTTP/9.1\r\nHost: a\r\n\r\n").status, 400);
  EXPECT_EQ(ask("GET /healthz\r\n\r\n").status, 400);
  EXPECT_EQ(ask(post("1", "Transfer-Encoding: gzip, chunked\r\n")).status, 400);
  // Two lengths are how requests are smuggled past a proxy.
  EXPECT_EQ(ask(post("1", "Transfer-Encoding: chunked\r\n")).status, 400);
  EXPECT_EQ(ask(post("1", "Content-Length: 2\r\n")).status, 400);
  EXPECT_EQ(ask("POST /v1/recommend HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n").status,
            400);
  EXPECT_EQ(ask("POST /v1/recommend HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
                "0\r\n\r\n")
                .status,
            501);
  const Response response = ask(get("/nothing"));
  EXPECT_EQ(response.field("content-type"), "application/problem+json");
  EXPECT_NE(response.body.find(R"("type":"urn:penchant:problem:not-found")"), std::string::npos);
  EXPECT_NE(response.body.find(R"("status":404)"), std::string::npos);
}

TEST_F(ServerTest, ErrorsOfTheServiceAreProblems) {
  start();
  const Response invalid = ask(post("invalid"));
  EXPECT_EQ(invalid.status, 400);
  EXPECT_NE(invalid.body.find("'k' is -3"), std::string::npos);
  const Response unavailable = ask(post("unavailable"));
  EXPECT_EQ(unavailable.status, 503);
  EXPECT_EQ(unavailable.field("retry-after"), "1");
  for (const char* broken : {"corrupt", "strange"}) {
    const Response response = ask(post(broken));
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body.find("secret"), std::string::npos);
  }
  // An error leaves nothing behind on its connection.
  Connection connection = connect();
  ASSERT_TRUE(connection.send(post("invalid") + post("fine")));
  EXPECT_EQ(connection.receive().value_or(Response{}).status, 400);
  EXPECT_EQ(connection.receive().value_or(Response{}).body, "[fine]");
}

TEST_F(ServerTest, HalfClosedClientsGetTheirAnswer) {
  start();
  Connection whole = connect();
  ASSERT_TRUE(whole.send(post("1") + post("2")));
  whole.half_close();
  EXPECT_EQ(whole.receive().value_or(Response{}).body, "[1]");
  EXPECT_EQ(whole.receive().value_or(Response{}).body, "[2]");
  EXPECT_TRUE(whole.ends());

  Connection broken = connect();
  ASSERT_TRUE(broken.send(post("12345").substr(0, post("12345").size() - 1)));
  broken.half_close();
  EXPECT_EQ(broken.receive().value_or(Response{}).status, 400);
  EXPECT_TRUE(broken.ends());
}

TEST_F(ServerTest, LargeAnswersReachSlowReaders) {
  start();
  constexpr std::size_t kBytes = 16 << 20;
  Connection connection = connect(4096);
  ASSERT_TRUE(connection.send(post("big " + std::to_string(kBytes)) + post("next")));
  const auto response = connection.receive(false, 3 * kPatience);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->body, std::string(kBytes, 'x'));
  EXPECT_EQ(connection.receive().value_or(Response{}).body, "[next]");
}

TEST_F(ServerTest, ManyConnectionsAtOnce) {
  start();
  constexpr int kThreads = 10;
  constexpr int kConnectionsEach = 10;
  constexpr int kRounds = 50;
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int t = 0; t < kThreads; ++t) {
    clients.emplace_back([&, t] {
      std::vector<Connection> connections;
      for (int c = 0; c < kConnectionsEach; ++c) connections.push_back(connect());
      for (int round = 0; round < kRounds; ++round) {
        for (int c = 0; c < kConnectionsEach; ++c) {
          connections[c].send(post(std::to_string(t * 1'000'000 + c * 1'000 + round)));
        }
        for (int c = 0; c < kConnectionsEach; ++c) {
          const auto response = connections[c].receive();
          right += response &&
                   response->body == "[" + std::to_string(t * 1'000'000 + c * 1'000 + round) + "]";
        }
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(right.load(), kThreads * kConnectionsEach * kRounds);
  EXPECT_EQ(metric(R"(penchant_http_requests_total{route="recommend",code="200"})"), right.load());
  EXPECT_EQ(metric("penchant_http_connections_total"), kThreads * kConnectionsEach);
}

TEST_F(ServerTest, MetricsCountWhatHappened) {
  start();
  ask(post("1"));
  ask(post("invalid"));
  ask(get("/nothing"));
  const Response response = ask(get("/metrics"));
  EXPECT_EQ(response.field("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(metric(R"(penchant_http_requests_total{route="recommend",code="200"})"), 1);
  EXPECT_EQ(metric(R"(penchant_http_requests_total{route="recommend",code="400"})"), 1);
  EXPECT_EQ(metric(R"(penchant_http_requests_total{route="other",code="404"})"), 1);
  EXPECT_EQ(metric(R"(penchant_http_requests_total{route="metrics",code="200"})"), 1);
  EXPECT_EQ(metric(R"(penchant_http_request_duration_seconds_count{route="recommend"})"), 2);
  EXPECT_EQ(metric("penchant_bundle_info{version=\"fedcba9876543210\","
                   "fingerprint=\"0123456789abcdef\",format_version=\"1\"}"),
            1);
  EXPECT_EQ(metric("penchant_bundle_items"), 42);
  EXPECT_EQ(metric("penchant_ready"), 1);
  EXPECT_EQ(server_->requests(), 4U);
}

TEST_F(ServerTest, RootSaysWhatIsHere) {
  start();
  const Response response = ask(get("/"));
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.body.find(R"("bundle":"fedcba9876543210","items":42)"), std::string::npos);
  EXPECT_NE(response.body.find(R"({"path":"/v1/recommend","methods":"POST"})"), std::string::npos);
}

TEST_F(ServerTest, TakenAddressIsAnError) {
  start();
  Service service;
  service.recommend = answer;
  ServerOptions options = default_options();
  options.port = server_->port();
  Server second(std::move(service), options);
  try {
    second.start();
    FAIL() << "started on a taken port";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kIo);
    EXPECT_NE(std::string(error.what()).find("--listen"), std::string::npos);
  }
}

TEST(ServerOptions, NonsenseIsRefused) {
  const auto refused = [](auto change) {
    ServerOptions options;
    change(options);
    Service service;
    service.recommend = [](std::string_view, std::string&) {};
    EXPECT_THROW(Server(std::move(service), options), Error);
  };
  refused([](ServerOptions& options) { options.max_body_bytes = 0; });
  refused([](ServerOptions& options) { options.max_header_bytes = 10; });
  refused([](ServerOptions& options) { options.max_connections = 0; });
  refused([](ServerOptions& options) { options.request_timeout = milliseconds(0); });
  refused([](ServerOptions& options) { options.idle_timeout = milliseconds(-1); });
  refused([](ServerOptions& options) { options.threads = 5'000; });
  refused([](ServerOptions& options) { options.address = "shop.example"; });
  EXPECT_THROW(Server(Service{}, ServerOptions{}), Error);
}

TEST(ListenAddress, IsAnAddressAndAPort) {
  EXPECT_EQ(parse_listen_address("127.0.0.1:8080").address, "127.0.0.1");
  EXPECT_EQ(parse_listen_address("127.0.0.1:8080").port, 8080);
  EXPECT_EQ(parse_listen_address("[::1]:0").address, "::1");
  EXPECT_EQ(parse_listen_address("localhost:65535").port, 65535);
  for (const char* wrong : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                            "127.0.0.1:-1", "127.0.0.1:80x", "::1:80", "[::1:80", "[]:80",
                            "shop.example:80", "999.0.0.1:80", "127.0.0.1: 80"}) {
    EXPECT_THROW((void)parse_listen_address(wrong), Error) << wrong;
  }
}

}  // namespace
}  // namespace penchant::serving::testing
