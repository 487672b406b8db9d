#pragma once

// A real server on a free port over a recommend function that says what it was given.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "serving/http_client.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/serving/log.h"
#include "penchant/serving/server.h"

namespace penchant::serving::testing {

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::kNone); }

  // "sleep" and a number of milliseconds, "fail", "big" and a number of bytes; anything else comes
  // back in brackets.
  static void answer(std::string_view request, std::string& body) {
    if (request.starts_with("sleep ")) {
      std::this_thread::sleep_for(milliseconds(std::stoi(std::string(request.substr(6)))));
      body = "slept";
    } else if (request.starts_with("big ")) {
      body.assign(std::stoul(std::string(request.substr(4))), 'x');
    } else if (request == "invalid") {
      fail(ErrorKind::kInvalidArgument, "'k' is -3; give a number from 0 to 100000");
    } else if (request == "unavailable") {
      fail(ErrorKind::kUnavailable, "come back later");
    } else if (request == "corrupt") {
      fail(ErrorKind::kCorruptBundle, "secret detail");
    } else if (request == "strange") {
      throw std::logic_error("secret detail");
    } else {
      body = "[";
      body += request;
      body += "]";
    }
  }

  static ServerOptions default_options() {
    ServerOptions options;
    options.port = 0;
    options.threads = 2;
    return options;
  }

  Server& start(ServerOptions options = default_options()) {
    Service service;
    service.recommend = answer;
    service.bundle_version = "fedcba9876543210";
    service.bundle_fingerprint = "0123456789abcdef";
    service.bundle_format = 1;
    service.items = 42;
    options.port = 0;
    server_ = std::make_unique<Server>(std::move(service), options);
    server_->start();
    return *server_;
  }

  Connection connect(int receive_bytes = 0) { return Connection(server_->port(), receive_bytes); }

  // One request on a connection of its own.
  Response ask(std::string_view request, bool head = false) {
    Connection connection = connect();
    EXPECT_TRUE(connection.send(request));
    auto response = connection.receive(head);
    EXPECT_TRUE(response.has_value());
    return response.value_or(Response{});
  }

  void expect_alive() { EXPECT_EQ(ask(get("/healthz")).status, 200); }

  // The value of a metric line that starts with `name`.
  double metric(std::string_view name) {
    const std::string text = server_->metrics_text();
    const auto at = text.find("\n" + std::string(name) + " ");
    EXPECT_NE(at, std::string::npos) << name;
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }

  std::unique_ptr<Server> server_;
};

}  // namespace penchant::serving::testing
