#pragma once

// An engine at work: it takes events and knows them in the next request; where it has policies, it
// decides, logs what it decided with which probability, takes rewards, and learns from them.
// Python's Pipeline and the HTTP server both hold one.
//
//   auto live = Live::open(engine, {.folder = "state"});
//   live->recommend_json(R"({"subject": "17850", "placement": "home"})", now, body);
//   live->reward_json(R"({"decision_id": "281474976710657", "value": 1})", body);
//
// Requests for other placements are the engine's alone, byte for byte. Safe to call from any number
// of threads. The core has no clock: `now` is the caller's.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "penchant/bandits/loop.h"
#include "penchant/engine/engine.h"
#include "penchant/engine/live_events.h"

namespace penchant::engine {

struct Placement;

inline constexpr std::size_t kMaxRewards = 10'000;  // of one call

struct LiveOptions {
  std::filesystem::path folder = {};       // of the logs; empty: in memory
  std::uint64_t snapshot_every = 100'000;  // records
  bandits::Retention keep = {};            // of decisions and rewards
  int threads = 1;                         // of replaying
  std::string identity_key = {};           // where the bundle's identity has one
};

class Live {
 public:
  // Replays what the folder holds. Throws what bandits::Loop::open throws.
  [[nodiscard]] static std::shared_ptr<Live> open(std::shared_ptr<const Engine> engine,
                                                  const LiveOptions& options);

  // As Engine::recommend_json. Where the placement has a policy, the answer also holds
  // "decision_id", "policy", and each item's "propensity". The moment of the decision is the
  // request's, or else `now`.
  void recommend_json(std::string_view request, Timestamp now, std::string& body);

  // {"decision_id": "...", "value": 1, "item": ..., "slot": 0, "reward_id": "...", "time": "..."}
  // (all but the first two may be left out), or {"rewards": [these, ...]}; replaces `body` by
  // {"outcome": "accepted"} or {"outcomes": [...]} (bandits::Outcome). Accepted rewards are on the
  // disk when it returns. Without a time, a reward is of the latest decision's moment. Throws
  // kInvalidArgument on what makes no sense; then nothing was done.
  void reward_json(std::string_view request, std::string& body);

  // Events as they happen; see LiveEvents.
  void events_json(std::string_view request, Timestamp now, std::string& body);

  // What people decide about who is who; see LiveEvents::order_json.
  void identity_json(std::string_view request, std::string& body);

  // What is known of a person now: {"subject", "profile", "events"} and, where there are segments,
  // those that they are in. Throws kInvalidArgument on what no subject can be.
  void subject_json(std::string_view subject, std::string& body) const;

  // Appends what is kept, in numbers, as Prometheus text.
  void metrics_text(std::string& text) const;

  // What the log has of a decision, by the id of its answer (docs/openapi.yaml, Decision). Throws
  // kNotFound where there is none, also where it was of someone who was forgotten.
  void decision_json(std::string_view id, std::string& body) const;

  // The bundle with the policies as they are now: what Engine::from_bundle reads. It says what of
  // the folder's log they have learnt, so that opened there it goes on from that.
  [[nodiscard]] std::shared_ptr<const bundle::Reader> bundle() const;

  [[nodiscard]] const std::shared_ptr<const Engine>& engine() const { return engine_; }
  // Whether a placement has a policy: without one there is no loop.
  [[nodiscard]] bool learns() const { return loop_ != nullptr; }
  [[nodiscard]] bandits::Loop& loop() { return *loop_; }  // where it learns
  [[nodiscard]] LiveEvents& events() { return *events_; }
  [[nodiscard]] const LiveEvents& events() const { return *events_; }

 private:
  Live(std::shared_ptr<const Engine> engine, std::unique_ptr<bandits::Loop> loop,
       std::unique_ptr<LiveEvents> events);
  [[nodiscard]] const Placement* find(std::string_view name) const;
  [[nodiscard]] Decision choose_item(const Placement& placement, const Request& request,
                                     Timestamp at);
  [[nodiscard]] Decision choose_offer(const Placement& placement, const Request& request,
                                      Timestamp at);

  std::shared_ptr<const Engine> engine_;
  std::unique_ptr<bandits::Loop> loop_;
  std::unique_ptr<LiveEvents> events_;
};

}  // namespace penchant::engine
