#pragma once

// Whether an event id was there before: exact, within a horizon of event time.
//
//   Deduplicator seen({.horizon = parse_duration("7d")});
//   if (seen.fold(event.id, event.time) == Seen::kNew) ...
//
// State: for each id its latest time, of the `max_ids` latest (time, id) not older than the horizon
// before the latest time of all. So it is the same in any order of arrival, when an id comes with
// one time. About 80 bytes an id, and the bytes of ids longer than 15; max_ids bounds it.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "penchant/base/time.h"

namespace penchant::events {

enum class Seen : std::uint8_t {
  kNew,
  kDuplicate,
  kUnknown,  // too old to tell: before the horizon, or before what there was room for
};
[[nodiscard]] std::string_view seen_name(Seen seen);  // "new", "duplicate", "unknown"

struct DeduplicatorOptions {
  Duration horizon{7 * 86'400'000'000};
  std::size_t max_ids = std::size_t{1} << 24;  // at most 2^31 - 1
  std::uint64_t seed = 0;  // of the hash table: no part of the state, a secret from senders
};

class Deduplicator {
 public:
  // Throws kInvalidArgument on a horizon that is negative or no room at all.
  explicit Deduplicator(const DeduplicatorOptions& options);
  ~Deduplicator();
  Deduplicator(Deduplicator&&) noexcept;
  Deduplicator& operator=(Deduplicator&&) noexcept;

  // O(log ids). An empty id is always new, and not kept.
  Seen fold(std::string_view id, Timestamp time);
  // What fold would answer; nothing changes.
  [[nodiscard]] Seen classify(std::string_view id, Timestamp time) const;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t bytes() const;  // of memory held
  [[nodiscard]] Timestamp latest() const;   // unknown before the first

  // A function of the state alone; restore takes nothing for granted and throws kBadData.
  [[nodiscard]] std::string save() const;
  [[nodiscard]] static Deduplicator restore(const DeduplicatorOptions& options,
                                            std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::events
