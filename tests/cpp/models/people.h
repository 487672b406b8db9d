#pragma once

// Random people for the models' tests: a region of four, an age, and tags; some of nothing.

#include <limits>
#include <string>
#include <vector>

#include "penchant/base/random.h"
#include "penchant/data/attributes.h"

namespace penchant::testing {

inline data::AttributeTable random_people(std::size_t people, std::uint64_t seed) {
  const Philox random(seed, 78);
  std::vector<double> ages;
  std::vector<std::int64_t> region_offsets{0};
  std::vector<std::int64_t> tag_offsets{0};
  std::vector<std::int32_t> regions;
  std::vector<std::int32_t> tags;
  for (std::uint32_t u = 0; u < people; ++u) {
    const bool known = random.uniform(u, 0) < 0.9;
    ages.push_back(known && random.uniform(u, 1) < 0.8 ? 20 + 50 * random.uniform(u, 2)
                                                       : std::numeric_limits<double>::quiet_NaN());
    if (known) regions.push_back(static_cast<std::int32_t>(random.below(4, u, 3)));
    for (std::uint32_t t = 0; known && t < random.below(3, u, 4); ++t) {
      tags.push_back(static_cast<std::int32_t>(random.below(3, u, 5 + t)));
    }
    region_offsets.push_back(static_cast<std::int64_t>(regions.size()));
    tag_offsets.push_back(static_cast<std::int64_t>(tags.size()));
  }
  std::vector<data::AttributeTable::Column> columns;
  columns.push_back({.name = "region",
                     .texts = data::IdMap::from_strings({"east", "north", "south", "west"}),
                     .offsets = SharedArray<std::int64_t>::own(std::move(region_offsets)),
                     .codes = SharedArray<std::int32_t>::own(std::move(regions))});
  columns.push_back({.name = "tags",
                     .texts = data::IdMap::from_strings({"Tea Time", "tea", "coffee"}),
                     .offsets = SharedArray<std::int64_t>::own(std::move(tag_offsets)),
                     .codes = SharedArray<std::int32_t>::own(std::move(tags))});
  columns.push_back(
      {.name = "age", .numeric = true, .numbers = SharedArray<double>::own(std::move(ages))});
  return {people, std::move(columns)};
}

inline data::Attributes attributes_of(const data::AttributeTable& table, std::size_t row) {
  data::Attributes out;
  table.read(UserIndex(static_cast<std::int32_t>(row)), out);
  return out;
}

}  // namespace penchant::testing
