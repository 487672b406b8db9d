#pragma once

// What a learning loop keeps: decisions, rewards, erasures. docs/decision_log.md is the format.
//
//   std::string bytes = encode(Rewarded{.decision = 17, .value = 1, .id = "order-4"});
//   Record record = decode(bytes);                        // throws kBadData on any other bytes
//   if (const auto* reward = std::get_if<Rewarded>(&record)) ...

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "penchant/base/time.h"

namespace penchant::bandits {

// Of an id or a name; a request's id of 4096 bytes has up to six times as many as JSON.
inline constexpr std::size_t kMaxTextBytes = std::size_t{1} << 15;
inline constexpr std::size_t kMaxNumbers = std::size_t{1} << 16;  // a context, an arm's attributes
inline constexpr std::size_t kMaxSlots = 1024;                    // of a decision

// One place that was filled.
struct Slot {
  std::string arm{};               // JSON text of a string or an integer: "\"banner-3\"", "17"
  double propensity = 0;           // with which it was drawn, given the slots before; (0, 1]
  std::vector<double> features{};  // [arm_dimension] as they were

  friend bool operator==(const Slot&, const Slot&) = default;
};

// Something was shown.
struct Decided {
  std::uint64_t id = 0;
  Timestamp time{};
  std::string placement{};
  std::string subject{};  // bytes; empty: nobody in particular
  std::string policy{};   // its name in the loop
  std::string policy_version{};
  std::uint64_t seed = 0;
  std::uint64_t candidates = 0;   // hash of what could have been shown (candidates_hash)
  std::vector<double> context{};  // [dimension]
  std::vector<Slot> slots{};      // in the order shown, from 1 to kMaxSlots, arms distinct

  friend bool operator==(const Decided&, const Decided&) = default;
};

// Something came of it. Which slot: `slot`, or else `arm`, or else the only one there is.
struct Rewarded {
  std::uint64_t decision = 0;
  std::optional<std::uint32_t> slot{};
  std::string arm{};  // as in Slot; empty: not said
  double value = 0;   // finite, within +-1e6
  std::string id{};   // the same id again changes nothing; empty: always another reward
  Timestamp time{};   // unknown: now

  friend bool operator==(const Rewarded&, const Rewarded&) = default;
};

// Time went by without a decision.
struct Passed {
  Timestamp time{};
  friend bool operator==(const Passed&, const Passed&) = default;
};

// A person is to be forgotten; empty once that is done.
struct Forgotten {
  std::string subject{};
  friend bool operator==(const Forgotten&, const Forgotten&) = default;
};

// What is left of a decision about someone who was forgotten: that there was one.
struct Blanked {
  std::uint64_t id = 0;
  Timestamp time{};
  std::string policy{};
  std::uint32_t slots = 0;
  friend bool operator==(const Blanked&, const Blanked&) = default;
};

// The log was opened; decision ids of this opening lie in a range of their own.
struct Opened {
  std::uint64_t epoch = 0;
  friend bool operator==(const Opened&, const Opened&) = default;
};

using Record = std::variant<Decided, Rewarded, Passed, Forgotten, Blanked, Opened>;

// Throws kInvalidArgument on what can't be a record, saying which member.
[[nodiscard]] std::string encode(const Record& record);

// Any bytes at all; equal records have equal bytes. Throws kBadData.
[[nodiscard]] Record decode(std::string_view bytes);

// XXH3-64 over the arms (JSON texts) that are not blocked, in order, each with its length, and
// their attributes' bytes. `features`: [arms, any]; `blocked`: [arms], or empty.
[[nodiscard]] std::uint64_t candidates_hash(std::span<const std::string_view> arms,
                                            std::span<const double> features,
                                            std::span<const std::uint8_t> blocked = {});

}  // namespace penchant::bandits
