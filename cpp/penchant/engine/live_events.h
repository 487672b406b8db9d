#pragma once

// Events as they happen: on the disk before they are acknowledged, counted once, and known to the
// next request.
//
//   auto events = LiveEvents::open(engine, "state/events");
//   events->take_json(R"({"type": "purchase", "event_id": "e1", "subject": "17850", ...})", now,
//                     body);                       // body: {"outcome": "accepted"}
//   events->bring_up(request);                     // what the person did since training
//
// What is known is a fold over the log: reading it again gives the same. Thread-safe: readers wait
// for no disk, and writers that wait for it at the same time share one flush.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "penchant/engine/engine.h"
#include "penchant/events/deduplicator.h"
#include "penchant/events/taxonomy.h"
#include "penchant/features/live_profiles.h"
#include "penchant/store/log.h"

namespace penchant::engine {

inline constexpr std::size_t kMaxEvents = 10'000;  // of one call

class LiveEvents {
 public:
  // folder: of a log of its own; empty: in memory. Throws what store::Log::open throws, and
  // kBadData on a record that is no event.
  [[nodiscard]] static std::unique_ptr<LiveEvents> open(std::shared_ptr<const Engine> engine,
                                                        const std::filesystem::path& folder);

  // An event (docs/events.md), or {"events": [...]}; `received` is the caller's clock. Replaces
  // `body` by {"outcome": "accepted" | "duplicate"} or {"outcome": "rejected", "reason",
  // "message", "payload_hash"}, or {"outcomes": [...]} in the order of the events. Throws
  // kInvalidArgument where the whole is neither; kIo where it may not be on the disk.
  void take_json(std::string_view text, Timestamp received, std::string& body);

  // Adds what the subject did before the request's moment, as the request itself could say it. The
  // moment of a request that has none is just after the latest event.
  void bring_up(Request& request) const;

  // Of the bundle's plan; null where it has none.
  [[nodiscard]] std::shared_ptr<const features::LiveProfiles> profiles() const;
  [[nodiscard]] std::size_t taken() const;
  // Events that the plan's sums had no room for: a number counts within +-1e9, and a sum that
  // leaves 64 bits stays behind.
  [[nodiscard]] std::size_t untotaled() const;

  // Takes a person's events out of the log and out of all that is known, as if they had never
  // been; how many there were. O(log).
  std::uint64_t forget(std::string_view subject);

 private:
  explicit LiveEvents(std::shared_ptr<const Engine> engine);
  // Calls use(number, record, event) for all that is kept; forgotten ones are skipped.
  template <class Use>
  void read_kept(const Use& use) const;
  void start();
  // What came of each, as JSON; on its way to the disk, not yet there.
  [[nodiscard]] std::vector<std::string> take(std::span<const std::string> texts,
                                              Timestamp received);
  void apply(const events::Event& event);
  void remember(const events::Event& event, std::string_view item, float value);
  void add_row(const events::Event& event, std::string_view item, std::int64_t quantity,
               std::int64_t price);

  std::shared_ptr<const Engine> engine_;
  std::shared_ptr<const events::Taxonomy> taxonomy_;
  std::unique_ptr<store::Log> log_;
  std::vector<std::string> kept_;    // the records, without a log
  std::mutex writing_;               // who takes events
  mutable std::shared_mutex mutex_;  // of what follows
  std::shared_ptr<features::LiveProfiles> profiles_;
  events::Deduplicator seen_;
  std::unordered_map<std::string, std::vector<RecentEvent>> recent_;  // by subject
  Timestamp latest_{};
  std::size_t taken_ = 0;
  std::size_t untotaled_ = 0;  // events that a plan's sums had no room for
};

}  // namespace penchant::engine
