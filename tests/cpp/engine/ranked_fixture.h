#pragma once

// The small funnel of fixture.h with a ranker: every feature that it can have, in a random forest.

#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "engine/fixture.h"

#include "penchant/base/random.h"
#include "penchant/engine/ranker.h"

namespace penchant::testing {

inline constexpr std::size_t kRankedDepth = 25;

// Numbers and categories of the items, some of which nobody knows.
inline std::shared_ptr<const data::AttributeTable> some_attributes(std::size_t items) {
  data::AttributeTable::Column price{.name = "price", .numeric = true};
  std::vector<double> numbers;
  std::vector<std::int64_t> offsets{0};
  std::vector<std::int32_t> codes;
  for (std::size_t i = 0; i < items; ++i) {
    numbers.push_back(i % 7 == 0 ? std::numeric_limits<double>::quiet_NaN()
                                 : 0.5 + static_cast<double>(i));
    if (i % 5 != 0) codes.push_back(static_cast<std::int32_t>(i % 3));
    if (i % 11 == 3) codes.push_back(2);
    offsets.push_back(static_cast<std::int64_t>(codes.size()));
  }
  price.numbers = SharedArray<double>::own(std::move(numbers));
  data::AttributeTable::Column kind{.name = "kind"};
  kind.texts = data::IdMap::from_strings({"cup", "hat", "toy"});
  kind.offsets = SharedArray<std::int64_t>::own(std::move(offsets));
  kind.codes = SharedArray<std::int32_t>::own(std::move(codes));
  return std::make_shared<const data::AttributeTable>(
      items, std::vector<data::AttributeTable::Column>{std::move(price), std::move(kind)});
}

// A forest whose every split is one of the features, at values that they have.
inline ranking::ForestData made_forest(std::size_t features, std::uint64_t seed) {
  const Philox random(seed, 5);
  ranking::ForestData data;
  data.num_features = static_cast<std::int32_t>(features);
  data.base = {-0.25};
  for (std::uint32_t t = 0; t < 30; ++t) {
    for (std::int32_t n = 0; n < 3; ++n) {
      const auto draw = static_cast<std::uint32_t>(n);
      data.nodes.push_back({.threshold = std::round(40 * random.uniform(t, draw)) / 8 - 0.5,
                            .feature = static_cast<std::int32_t>(
                                random.below(static_cast<std::uint32_t>(features), t, draw + 10)),
                            .left = n == 0 ? 1 : ~(2 * (n - 1)),
                            .right = n == 0 ? 2 : ~(2 * (n - 1) + 1),
                            .missing_left = random.uniform(t, draw + 20) < 0.5,
                            .gain = 1,
                            .cover = n == 0 ? 40.0 : 20.0});
    }
    for (std::uint32_t leaf = 0; leaf < 4; ++leaf) {
      data.leaves.push_back(random.uniform(t, leaf + 30) - 0.5);
      data.leaf_cover.push_back(10);
    }
    data.end_tree();
  }
  return data;
}

inline engine::EngineParts ranked_parts(const data::Dataset& data, bool covers = true) {
  engine::EngineParts parts = small_parts(data);
  engine::RankerParts ranker;
  ranker.attributes = some_attributes(data.items().size());
  ranker.names = engine::CandidateFeatures::all_names(
      engine::feature_basis(parts.sources, *parts.context, ranker.attributes, nullptr));
  ranking::ForestData forest = made_forest(ranker.names.size(), 3);
  if (!covers) forest.leaf_cover.clear();
  ranker.forest = std::make_shared<const ranking::Forest>(std::move(forest));
  ranker.depth = kRankedDepth;
  parts.ranker = std::move(ranker);
  return parts;
}

}  // namespace penchant::testing
