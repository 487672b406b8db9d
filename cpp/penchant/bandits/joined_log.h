#pragma once

// A loop's log with what came of each decision.
//
//   read_folder("state", {.deadline = parse_duration("2h")}, [&](const JoinedSlot& slot) { ... });

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "penchant/bandits/joiner.h"
#include "penchant/bandits/log_base.h"
#include "penchant/bandits/record.h"

namespace penchant::bandits {

class Journal;

// One slot of the joined log.
struct JoinedSlot {
  std::shared_ptr<const Decided> decision;
  std::uint32_t slot = 0;
  bool rewarded = false;  // at least one reward counted
  bool closed = false;    // its reward is final
  double reward = 0;      // NaN while it is open and unrewarded, and where the default is
};

using VisitSlot = std::function<void(const JoinedSlot&)>;
using JoinOptionsByPolicy = std::map<std::string, JoinOptions>;

// Slots of all decisions that are kept, in the order they were made. `base`: what waited where the
// log begins (BaseFile::joiner), empty where it begins with nothing. O(log), read twice. Throws
// kBadData.
void read_joined(const Journal& journal, const JoinOptionsByPolicy& options,
                 const JoinLimits& limits, std::string_view base, const VisitSlot& visit);

// The same of a folder that no loop has open, its policies' rewards all joined alike; and what its
// log no longer has. Throws kNotFound where there is no log, kUnavailable where it is open.
Dropped read_folder(const std::filesystem::path& folder, const JoinOptions& options,
                    const VisitSlot& visit);

// A decision by itself.
struct JoinedDecision {
  std::vector<JoinedSlot> slots{};  // at least one
  std::vector<Rewarded> rewards{};  // those that were taken, in the order they came
};

// `records` are those of one decision, as Loop keeps them; nothing where it is not among them (it
// was forgotten). `closed`: its rewards are final.
[[nodiscard]] std::optional<JoinedDecision> join_decision(std::vector<Record> records,
                                                          const JoinOptionsByPolicy& options,
                                                          const JoinLimits& limits, bool closed);

// Throws as decode, saying which record.
[[nodiscard]] Record decode_at(std::uint64_t number, std::string_view bytes);

}  // namespace penchant::bandits
