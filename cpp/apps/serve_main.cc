// penchant-serve: a bundle behind HTTP.
//
//   penchant-serve shop.penchant --listen 127.0.0.1:8080
//
// With --data FOLDER, events that it is sent, decisions of placements that learn, and what came of
// them, are kept there.
//
// Prints one line, "listening on ADDRESS:PORT", on standard output once requests are answered; logs
// go to standard error. SIGTERM or SIGINT stops it gently, a second one at once.
// Exit codes: 0 stopped as asked, 1 failed, 2 wrong arguments, 3 the bundle was refused, 4 the
// address could not be had.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <string>

#include <CLI/CLI.hpp>
#include <pthread.h>
#include <sys/resource.h>

#include "penchant/base/build_info.h"
#include "penchant/base/error.h"
#include "penchant/base/simd.h"
#include "penchant/base/time.h"
#include "penchant/bundle/bundle.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/erasure.h"
#include "penchant/engine/live.h"
#include "penchant/serving/log.h"
#include "penchant/serving/server.h"

namespace penchant {
namespace {

using serving::LogLevel;

enum ExitCode : int { kStopped = 0, kFailed = 1, kUsage = 2, kBundleRefused = 3, kNoAddress = 4 };

struct Arguments {
  std::string bundle;
  std::string data;
  std::string keep_decisions;
  std::uint64_t keep_decision_bytes = 0;
  std::string identity_key;
  std::string listen = "127.0.0.1:8080";
  std::string request_timeout = "10s";
  std::string idle_timeout = "60s";
  std::string shutdown_timeout = "10s";
  std::string drain_delay = "0s";
  std::string log_level = "info";
  bool skip_goldens = false;
  serving::ServerOptions options;
};

void declare(CLI::App& app, Arguments& arguments) {
  auto& options = arguments.options;
  std::string simd;
  for (const auto& name : simd_targets()) simd += (simd.empty() ? "" : ", ") + name;
  app.set_version_flag("--version",
                       concat("penchant-serve ", version(), " (simd ", simd_target(), ")"));
  app.footer(
      concat("Durations: 500ms, 10s, 2m. Sizes: 4096, 64KiB, 1MiB.\n"
             "PENCHANT_SIMD in the environment forces an instruction set (here: ",
             simd, ").\nRoutes, metrics and problem types: docs/serving.md."));
  app.add_option("bundle", arguments.bundle, "The bundle to serve, as Pipeline.save wrote it")
      ->type_name("FILE")
      ->required();
  const auto shown = [&](const char* name, auto& target, const char* help) {
    return app.add_option(name, target, help)->capture_default_str();
  };
  // Without its own description, which lists every unit.
  const CLI::Validator bytes = CLI::Validator(CLI::AsSizeValue(false)).description("");
  shown("--listen", arguments.listen, "Port 0 takes any free one")->type_name("ADDRESS:PORT");
  app.add_option("--data", arguments.data,
                 "Where events, and decisions and rewards of placements whose policy learns, are "
                 "kept; made if it is not there")
      ->type_name("FOLDER");
  app.add_option("--keep-decisions", arguments.keep_decisions,
                 "How old decisions and rewards may get in that folder, such as 90d; what they "
                 "taught stays. Without it they are kept for ever")
      ->type_name("DURATION");
  app.add_option("--keep-decision-bytes", arguments.keep_decision_bytes,
                 "How much of them is kept, the latest")
      ->type_name("SIZE")
      ->transform(bytes);
  app.add_option("--identity-key", arguments.identity_key,
                 "File with the key of the bundle's identity, where it has one; a line break at "
                 "its end is no part of it")
      ->type_name("FILE");
  shown("--threads", options.threads, "Event loops; 0 for one a core")->type_name("COUNT");
  shown("--max-body", options.max_body_bytes, "Largest request body")
      ->transform(bytes)
      ->type_name("SIZE");
  shown("--max-header", options.max_header_bytes, "Largest request line and fields")
      ->transform(bytes)
      ->type_name("SIZE");
  shown("--max-connections", options.max_connections, "Beyond them: 503")->type_name("COUNT");
  const auto duration = [&](const char* name, std::string& target, const char* help) {
    shown(name, target, help)->type_name("DURATION");
  };
  duration("--request-timeout", arguments.request_timeout, "For a request to arrive, or be taken");
  duration("--idle-timeout", arguments.idle_timeout, "Between requests of one connection");
  duration("--shutdown-timeout", arguments.shutdown_timeout, "For what is in flight when stopping");
  duration("--drain-delay", arguments.drain_delay, "From /readyz saying 503 to the port closing");
  shown("--log-level", arguments.log_level, "debug, info, warning, error or none")
      ->type_name("LEVEL");
  app.add_flag("--no-golden-check", arguments.skip_goldens,
               "Serve even if the bundle's golden requests come out differently");
}

std::chrono::milliseconds milliseconds_of(const char* option, const std::string& text) {
  try {
    return std::chrono::milliseconds(parse_duration(text).micros / 1'000);
  } catch (const Error& error) {
    fail(ErrorKind::kInvalidArgument, concat(option, ": ", error.what()));
  }
}

// What the library checks by itself it checks when the server is made.
serving::ServerOptions options_of(const Arguments& arguments) {
  serving::ServerOptions options = arguments.options;
  const auto listen = serving::parse_listen_address(arguments.listen);
  options.address = listen.address;
  options.port = listen.port;
  options.request_timeout = milliseconds_of("--request-timeout", arguments.request_timeout);
  options.idle_timeout = milliseconds_of("--idle-timeout", arguments.idle_timeout);
  options.shutdown_timeout = milliseconds_of("--shutdown-timeout", arguments.shutdown_timeout);
  options.drain_delay = milliseconds_of("--drain-delay", arguments.drain_delay);
  return options;
}

Timestamp wall_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}

bandits::Retention kept_of(const Arguments& arguments) {
  bandits::Retention out{.bytes = arguments.keep_decision_bytes};
  if (arguments.keep_decisions.empty()) return out;
  try {
    out.age = parse_duration(arguments.keep_decisions);
  } catch (const Error& error) {
    fail(error.kind(), concat("--keep-decisions: ", error.what()));
  }
  return out;
}

std::string key_in(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  std::string key{std::istreambuf_iterator<char>(file), {}};
  while (key.ends_with('\n') || key.ends_with('\r')) key.pop_back();
  if (!file || key.empty()) fail(ErrorKind::kIo, concat("--identity-key: no key in '", path, "'"));
  return key;
}

// Without a folder, and without a placement that decides, nothing is taken that would be kept. An
// identity still tells who asks.
std::shared_ptr<engine::Live> live_of(const std::shared_ptr<const engine::Engine>& engine,
                                      const Arguments& arguments) {
  if (arguments.data.empty()) {
    const engine::Assets& assets = engine->assets();
    if (assets.placements.empty() && !assets.has_identity()) return nullptr;
    serving::log(LogLevel::kWarning, "nothing_is_kept",
                 {{"why", "no --data: what policies learn is lost when the server stops"}});
  }
  return engine::Live::open(engine, {.folder = arguments.data,
                                     .keep = kept_of(arguments),
                                     .identity_key = key_in(arguments.identity_key)});
}

serving::Service service_of(const std::shared_ptr<const engine::Engine>& engine,
                            const std::shared_ptr<engine::Live>& live) {
  serving::Service service;
  if (live) {
    service.recommend = [live](std::string_view request, std::string& body) {
      live->recommend_json(request, wall_clock(), body);
    };
    service.events = [live](std::string_view request, std::string& body) {
      live->events_json(request, wall_clock(), body);
    };
    service.subject = [live](std::string_view subject, std::string& body) {
      live->subject_json(subject, body);
    };
    service.metrics = [live](std::string& text) { live->metrics_text(text); };
    if (engine->assets().has_identity()) {
      service.identity = [live](std::string_view request, std::string& body) {
        live->identity_json(request, body);
      };
    }
    if (!engine->assets().placements.empty()) {
      service.reward = [live](std::string_view request, std::string& body) {
        live->reward_json(request, body);
      };
      service.decision = [live](std::string_view id, std::string& body) {
        live->decision_json(id, body);
      };
    }
  } else {
    service.recommend = [engine](std::string_view request, std::string& body) {
      engine->recommend_json(request, body);
    };
  }
  service.erase = [live](std::string_view subject, std::string& body) {
    engine::erase_json(live.get(), subject, body);
  };
  service.bundle_version = engine->fingerprint();
  service.bundle_fingerprint = engine->bundle()->fingerprint();
  service.bundle_format = bundle::kFormatVersion;
  service.items = engine->num_items();
  return service;
}

int refuse(ExitCode code, const char* event, const std::exception& error) {
  serving::log(LogLevel::kError, event, {{"error", error.what()}});
  return code;
}

// Each connection is a descriptor; take as many as we may.
void raise_descriptor_limit(std::size_t connections) {
  constexpr rlim_t kSpare = 64;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < connections + kSpare) {
    serving::log(LogLevel::kWarning, "few_descriptors",
                 {{"limit", limit.rlim_cur}, {"max_connections", connections}});
  }
}

class StopSignals {
 public:
  // Before any other thread starts, so that all of them inherit the mask.
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  [[nodiscard]] const char* wait() const {
    int signal = 0;
    while (sigwait(&set_, &signal) != 0) {
    }
    return signal == SIGINT ? "SIGINT" : "SIGTERM";
  }
  // From now on one of them ends the process, as it would any other.
  void release() const { pthread_sigmask(SIG_UNBLOCK, &set_, nullptr); }

 private:
  sigset_t set_{};
};

int serve(serving::Server& server, const StopSignals& signals) {
  try {
    server.start();
  } catch (const Error& error) {
    return refuse(kNoAddress, "listen_failed", error);
  }
  std::printf("listening on %s\n", server.address().c_str());
  std::fflush(stdout);
  const char* signal = signals.wait();
  serving::log(LogLevel::kInfo, "stopping",
               {{"signal", signal}, {"connections", server.connections()}});
  signals.release();
  const bool clean = server.stop();
  serving::log(LogLevel::kInfo, "stopped", {{"requests", server.requests()}, {"clean", clean}});
  return kStopped;
}

int run(const Arguments& arguments) {
  std::unique_ptr<serving::Server> server;
  const StopSignals signals;
  std::shared_ptr<const engine::Engine> engine;
  std::shared_ptr<engine::Live> live;
  try {
    engine = engine::Engine::open(arguments.bundle, !arguments.skip_goldens);
  } catch (const Error& error) {
    return refuse(kBundleRefused, "bundle_refused", error);
  }
  try {
    live = live_of(engine, arguments);
  } catch (const Error& error) {
    return refuse(kFailed, "data_refused", error);
  }
  try {
    const serving::ServerOptions options = options_of(arguments);
    raise_descriptor_limit(options.max_connections);
    server = std::make_unique<serving::Server>(service_of(engine, live), options);
  } catch (const Error& error) {
    return refuse(kUsage, "wrong_arguments", error);
  }
  serving::log(LogLevel::kInfo, "bundle_opened",
               {{"bundle", engine->fingerprint()},
                {"fingerprint", engine->bundle()->fingerprint()},
                {"items", engine->num_items()},
                {"simd", simd_target()},
                {"version", version()}});
  const int code = serve(*server, signals);
  if (live && live->learns() && code == kStopped)
    live->loop().snapshot();  // the next start replays less
  return code;
}

}  // namespace
}  // namespace penchant

// What escapes here is memory running out while an error is told.
// NOLINTNEXTLINE(bugprone-exception-escape)
int main(int argc, char** argv) {
  using namespace penchant;
  CLI::App app{"Serves the recommendations of a Penchant bundle over HTTP."};
  Arguments arguments;
  try {
    force_simd_target_from_environment();
    declare(app, arguments);
    app.parse(argc, argv);
    serving::set_log_level(serving::parse_log_level(arguments.log_level));
    (void)options_of(arguments);  // wrong ones are told before a large bundle is read
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kStopped : kUsage;
  } catch (const Error& error) {
    return refuse(kUsage, "wrong_arguments", error);
  }
  try {
    return run(arguments);
  } catch (const std::exception& error) {
    return refuse(kFailed, "failed", error);
  }
}
