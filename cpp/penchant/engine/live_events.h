#pragma once

// Events as they happen: on the disk before they are acknowledged, counted once, and known to the
// next request.
//
//   auto events = LiveEvents::open(engine, "state/events", key);
//   events->take_json(R"({"type": "purchase", "event_id": "e1", "subject": "17850", ...})", now,
//                     body);                       // body: {"outcome": "accepted"}
//   events->bring_up(request);                     // what the person did since training
//
// What is known is a fold over the set of what was taken: reading it again gives the same, and so
// does any order of arrival. Events of one profile and moment count in an order that their ids fix.
// Thread-safe: readers wait for no disk, and writers that wait for it at the same time share one
// flush.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "penchant/engine/engine.h"
#include "penchant/engine/event_journal.h"
#include "penchant/engine/people.h"
#include "penchant/events/deduplicator.h"
#include "penchant/events/taxonomy.h"
#include "penchant/features/live_profiles.h"
#include "penchant/features/segment_index.h"

namespace penchant::engine {

inline constexpr std::size_t kMaxEvents = 10'000;  // of one call

class LiveEvents {
 public:
  // folder: of a log of its own; empty: in memory. key: of the bundle's identity, where it has one.
  // Throws what store::Log::open and People throw, and kBadData on a record that is no event.
  [[nodiscard]] static std::unique_ptr<LiveEvents> open(std::shared_ptr<const Engine> engine,
                                                        const std::filesystem::path& folder,
                                                        std::string_view key = {});
  // What a folder has now, beside whoever has it open: see read_lines. Throws as open, kNotFound
  // where there is no log.
  static store::LogPosition read_folder(std::shared_ptr<const Engine> engine,
                                        const std::filesystem::path& folder, std::string_view key,
                                        const std::function<void(std::string_view line)>& use);

  // An event (docs/events.md), or {"events": [...]}; `received` is the caller's clock. Replaces
  // `body` by {"outcome": "accepted" | "duplicate"} or {"outcome": "rejected", "reason",
  // "message", "payload_hash"}, or {"outcomes": [...]} in the order of the events. Throws
  // kInvalidArgument where the whole is neither; kIo where it may not be on the disk.
  void take_json(std::string_view text, Timestamp received, std::string& body);

  // {"unlink": [a, b]}, "relink", "unmerge" of two identifiers ("cookie:c1"; a subject's id), or
  // {"block": a}, "unblock". Replaces `body` by {"links": [[a, b], ...], "events": n}: what was cut
  // or came back, and how many events are another profile's now. Throws kInvalidArgument,
  // kNotFound, kIo.
  void order_json(std::string_view text, std::string& body);

  // Gives a request's subject the profile's id, where there is an identity.
  void resolve(Request& request) const;
  // Adds what the subject did before the request's moment, as the request itself could say it. The
  // moment of a request that has none is just after the latest event.
  void bring_up(Request& request) const;

  // Names of the segments that a person is in, strictly before a moment (unknown: just after the
  // latest event). Empty where the bundle has none, as all that follows.
  [[nodiscard]] std::vector<std::string> segments_of(std::string_view subject,
                                                     Timestamp moment) const;
  // [segments]: how many are in each, and who, as of just after the latest event. O(subjects) the
  // first time, then those of whom something may have changed.
  [[nodiscard]] std::vector<std::int64_t> segment_sizes() const;
  [[nodiscard]] std::vector<std::string> segment_members(std::size_t segment) const;

  // Of the bundle's plan; null where it has none.
  [[nodiscard]] std::shared_ptr<const features::LiveProfiles> profiles() const;
  [[nodiscard]] std::size_t taken() const;
  // The id of a person's profile, and how many events it has.
  [[nodiscard]] std::string profile_of(std::string_view subject) const;
  [[nodiscard]] std::size_t events_of(std::string_view profile) const;
  // Events that the plan's sums had no room for: a number counts within +-1e9, and a sum that
  // leaves 64 bits stays behind.
  [[nodiscard]] std::size_t untotaled() const;
  // Identifiers that are known, those of the bundle among them.
  [[nodiscard]] std::size_t identifiers() const;
  // The names under which a person may be known elsewhere: their profile's and its identifiers'.
  [[nodiscard]] std::vector<std::string> names_of(std::string_view subject) const;
  [[nodiscard]] bool has_identity() const;

  // All that is kept, as JSON lines of events (docs/events.md) whose subjects are profiles and that
  // name no identifiers; and what of the log that is, for who trains on it. Throws kIo.
  store::LogPosition read_lines(const std::function<void(std::string_view line)>& use);

  // Takes a person's events out of the log and out of all that is known, with the identifiers that
  // they brought, as if they had never been. O(log).
  struct Forgotten {
    std::uint64_t events = 0;
    std::uint64_t identifiers = 0;
  };
  Forgotten forget(std::string_view subject);

 private:
  // An event of a profile, by its place among the profile's.
  struct Told {
    Timestamp time;
    std::uint64_t tie = 0;  // of its id
    std::uint64_t number = 0;
    friend auto operator<=>(const Told&, const Told&) = default;
  };
  struct Profile {
    std::vector<Told> events;         // ascending
    std::vector<RecentEvent> recent;  // the latest lines, ascending
  };

  LiveEvents(std::shared_ptr<const Engine> engine, const std::filesystem::path& folder,
             std::string key, bool read_only = false);
  store::LogPosition write_lines(const std::function<void(std::string_view line)>& use) const;
  void load();
  void load_people();
  [[nodiscard]] events::Event read_event(std::uint64_t number, std::string_view record) const;
  [[nodiscard]] events::Event event_of(std::uint64_t number) const;
  [[nodiscard]] bool was_taken(const events::Event& event) const;
  [[nodiscard]] std::string profile_of(const events::Event& event, std::uint64_t number) const;
  // What came of each, as JSON; on its way to the disk, not yet there.
  [[nodiscard]] std::vector<std::string> take(std::span<const std::string> texts,
                                              Timestamp received);
  void apply(const events::Event& event, std::uint64_t number);
  void follow(const std::vector<People::Move>& moves);
  void place(const events::Event& event, std::uint64_t number, const std::string& profile);
  void withdraw(const events::Event& event, std::uint64_t number, const std::string& profile);
  [[nodiscard]] std::vector<events::Event> events_at(const Profile& profile, Timestamp time) const;
  void add_rows(const events::Event& event, std::string_view profile);
  void remove_rows(const events::Event& event, std::string_view profile);
  void add_lines(const events::Event& event, std::vector<RecentEvent>& out) const;
  void leave(std::string_view profile);
  void touch(const events::Event& event, std::string_view profile);
  [[nodiscard]] Timestamp now() const;
  features::SegmentIndex& index() const;
  void refill(Profile& profile, Timestamp time) const;

  std::shared_ptr<const Engine> engine_;
  std::shared_ptr<const events::Taxonomy> taxonomy_;
  std::string key_;
  EventJournal journal_;
  std::uint64_t trained_ = 0;        // events until there are in the bundle, whose they were then
  std::mutex writing_;               // who takes events
  mutable std::shared_mutex mutex_;  // of what follows
  std::unique_ptr<People> people_;
  std::shared_ptr<features::LiveProfiles> profiles_;
  // Made by who asks first, and brought up to date by who asks next.
  mutable std::mutex segments_mutex_;
  mutable std::unique_ptr<features::SegmentIndex> segments_;
  events::Deduplicator seen_;
  std::unordered_map<std::string, Profile> by_profile_;
  // Codes of profiles that had events, and have none now nor had any in training.
  std::unordered_set<std::int32_t> left_;
  Timestamp latest_{};
  std::size_t taken_ = 0;
  std::size_t untotaled_ = 0;
};

}  // namespace penchant::engine
