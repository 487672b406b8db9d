#pragma once

// Ways to hold out a part of a dataset. Each returns a byte a row: 1 for the test part.
// The two parts are `data.filtered(...)`, each with ids of its own.

#include <cstdint>
#include <vector>

#include "penchant/data/dataset.h"

namespace penchant::data {

// Events at or after `cut`.
[[nodiscard]] std::vector<std::uint8_t> temporal_test_rows(const Dataset& data, Timestamp cut);

// The events of each subject's last moment in time (all lines of a last basket go together);
// subjects with events at one time only are left in train.
[[nodiscard]] std::vector<std::uint8_t> leave_last_out_test_rows(const Dataset& data);

// A share of each subject's distinct items (all their events), by a random number keyed by
// (seed, subject id, item id): the same pair goes the same way whatever else is in the data.
// At least one item a subject stays in train.
[[nodiscard]] std::vector<std::uint8_t> random_test_rows(const Dataset& data, double share,
                                                         std::uint64_t seed);

// All events of a share of the subjects, by a random number keyed by (seed, subject id).
[[nodiscard]] std::vector<std::uint8_t> by_user_test_rows(const Dataset& data, double share,
                                                          std::uint64_t seed);

}  // namespace penchant::data
