#pragma once

// Small random interactions and datasets for the models' tests.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "penchant/base/random.h"
#include "penchant/data/dataset.h"

namespace penchant::testing {

inline constexpr std::int64_t kDay = 86'400'000'000;

// Subjects s0.., items i0.., `events` purchases over a hundred days, the popular items first.
inline data::Dataset random_dataset(std::size_t subjects, std::size_t items, std::size_t events,
                                    std::uint64_t seed, bool with_names = false) {
  const Philox random(seed, 77);
  std::vector<std::string> subject_ids;
  std::vector<std::string> item_ids;
  for (std::size_t i = 0; i < subjects; ++i) subject_ids.push_back("s" + std::to_string(1000 + i));
  for (std::size_t i = 0; i < items; ++i) item_ids.push_back("i" + std::to_string(1000 + i));
  data::EventColumns columns;
  // Ids that no event uses would be dropped: everyone and everything has one.
  for (std::size_t e = 0; e < std::max(subjects, items) && events > 1; ++e) {
    columns.subjects.emplace_back(static_cast<std::int32_t>(e % subjects));
    columns.items.emplace_back(static_cast<std::int32_t>(e % items));
    columns.times.push_back(Timestamp{static_cast<std::int64_t>(e % 100) * kDay});
    columns.types.push_back(0);
    columns.values.push_back(1);
  }
  for (std::size_t e = 0; e < events; ++e) {
    const double skew = random.uniform(e, 1) * random.uniform(e, 2);
    columns.subjects.emplace_back(
        static_cast<std::int32_t>(random.below(static_cast<std::uint32_t>(subjects), e, 0)));
    columns.items.emplace_back(static_cast<std::int32_t>(skew * static_cast<double>(items)));
    columns.times.push_back(
        Timestamp{static_cast<std::int64_t>(random.uniform(e, 3) * 100) * kDay});
    columns.types.push_back(0);
    columns.values.push_back(1.0F + static_cast<float>(random.below(3, e, 4)));
  }
  data::Catalogue catalogue;
  if (with_names) {
    for (std::size_t i = 0; i < items; ++i)
      catalogue.names.push_back("Item \"" + std::to_string(i));
  }
  return data::Dataset(data::IdMap::from_strings(subject_ids), data::IdMap::from_strings(item_ids),
                       std::move(columns), {{"purchase", 1.0F}}, std::move(catalogue), {});
}

}  // namespace penchant::testing
