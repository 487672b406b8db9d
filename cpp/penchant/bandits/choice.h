#pragma once

// From a proposal to what is shown, with the probability of each step: arms that must not be shown
// are taken out, a floor is mixed in, slots are drawn without repetition.
//
//   guard(proposal, blocked);            // renormalized exactly
//   mix_floor(proposal, blocked, 0.01);
//   position = draw(proposal, u);        // u uniform on [0, 1)

#include <cstdint>
#include <span>

namespace penchant::bandits {

// Zeroes the blocked entries ([arms], or empty: none) and divides by what is left. Returns false,
// with all entries 0, when nothing is left.
[[nodiscard]] bool guard(std::span<double> probabilities, std::span<const std::uint8_t> blocked);

// p = (1 - m f) p + f over the m arms that are not blocked, f = min(floor, 1 / m).
void mix_floor(std::span<double> probabilities, std::span<const std::uint8_t> blocked,
               double floor);

// The position whose step of the running sum holds u * sum; never one of probability 0.
[[nodiscard]] std::size_t draw(std::span<const double> probabilities, double u);

// The log-probability of a slate under Plackett-Luce: sum over slots of the logarithm of
// p[slot] / (sum of p over arms not yet taken). Harville, "Assigning probabilities to the outcomes
// of multi-entry competitions" (1973). -infinity when a slot has probability 0.
[[nodiscard]] double slate_log_probability(std::span<const double> probabilities,
                                           std::span<const std::int32_t> positions);

}  // namespace penchant::bandits
