#pragma once

#include <gtest/gtest.h>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking::testing {

// Two trained forests decide and score alike, to the bit.
inline void expect_same_forest(const ForestData& a, const ForestData& b) {
  EXPECT_EQ(a.base, b.base);
  EXPECT_EQ(a.node_begin, b.node_begin);
  EXPECT_EQ(a.leaves, b.leaves);
  EXPECT_EQ(a.leaf_cover, b.leaf_cover);
  EXPECT_EQ(a.category_words, b.category_words);
  EXPECT_EQ(a.category_begin, b.category_begin);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t n = 0; n < a.nodes.size(); ++n) {
    EXPECT_EQ(a.nodes[n].feature, b.nodes[n].feature);
    EXPECT_EQ(a.nodes[n].threshold, b.nodes[n].threshold);
    EXPECT_EQ(a.nodes[n].missing_left, b.nodes[n].missing_left);
    EXPECT_EQ(a.nodes[n].categories, b.nodes[n].categories);
  }
}

}  // namespace penchant::ranking::testing
