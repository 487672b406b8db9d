#pragma once

// How much a (subject, item) pair counts in a model: a function of its summed value and of how long
// ago its last event was. Shared by the models so that the same names mean the same thing.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "penchant/base/time.h"
#include "penchant/data/interactions.h"

namespace penchant::models {

enum class ValueWeighting : std::uint8_t {
  kLinear,  // value
  kLog,     // ln(1 + value)
  kBinary,  // 1
  kCapped,  // min(value, 1): a purchase counts one however often, a mere view less
};

struct PairWeighting {
  ValueWeighting value = ValueWeighting::kLinear;
  // Halves a pair's weight for each half-life since its last event; none: time doesn't matter.
  std::optional<Duration> half_life;
};

// weight = f(value) * 2^(-(as_of - last) / half_life); events after `as_of` count as just now.
[[nodiscard]] float pair_weight(const PairWeighting& weighting, float value, Timestamp last,
                                Timestamp as_of);

[[nodiscard]] ValueWeighting parse_value_weighting(std::string_view name);  // "linear", "log", ...
[[nodiscard]] std::string_view value_weighting_name(ValueWeighting weighting);

// 2^(-(as_of - at) / half_life), 1 when `at` is not before `as_of`.
[[nodiscard]] double recency(Timestamp at, Timestamp as_of, Duration half_life);

// The weights of all pairs, in the order of the interactions' entries.
[[nodiscard]] std::vector<float> pair_weights(const PairWeighting& weighting,
                                              const data::Interactions& pairs, Timestamp as_of);

}  // namespace penchant::models
