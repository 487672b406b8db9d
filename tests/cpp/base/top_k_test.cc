#include "penchant/base/top_k.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/base/random.h"

namespace penchant {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// The plain twin: drop NaN, sort everything, cut.
std::vector<Scored> best_by_sorting(const std::vector<float>& scores, std::size_t k) {
  std::vector<Scored> out;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isnan(scores[i])) out.push_back({scores[i], static_cast<std::int32_t>(i)});
  }
  std::sort(out.begin(), out.end(), ranks_before);
  if (out.size() > k) out.resize(k);
  return out;
}

void expect_same(const std::vector<Scored>& got, const std::vector<Scored>& wanted) {
  ASSERT_EQ(got.size(), wanted.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].index, wanted[i].index) << "rank " << i;
    EXPECT_EQ(got[i].score, wanted[i].score) << "rank " << i;
  }
}

TEST(TopK, EqualsSortingOnRandomScoresWithTiesNanAndInfinities) {
  const Philox random(3, 9);
  for (std::uint32_t trial = 0; trial < 400; ++trial) {
    const std::uint32_t size = random.below(300, trial, 0);
    const std::uint32_t levels = 1 + random.below(40, trial, 1);  // few levels: many ties
    std::vector<float> scores(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      const std::uint32_t draw = random.below(levels + 3, trial, 2 + i);
      scores[i] = draw < levels        ? static_cast<float>(draw) - 7
                  : draw == levels     ? kNan
                  : draw == levels + 1 ? kInfinity
                                       : -kInfinity;
    }
    for (const std::size_t k : {0U, 1U, 2U, 10U, 299U, 1000U}) {
      TopK best(k);
      best.push_all(scores);
      expect_same(best.take_sorted(), best_by_sorting(scores, k));
      // In another order and through push, ready for use again.
      for (std::size_t i = scores.size(); i-- > 0;) {
        best.push(scores[i], static_cast<std::int32_t>(i));
      }
      expect_same(best.take_sorted(), best_by_sorting(scores, k));
    }
  }
}

TEST(TopK, OffsetsIndices) {
  TopK best(2);
  best.push_all(std::vector<float>{1, 3, 2}, 100);
  expect_same(best.take_sorted(), {{3, 101}, {2, 102}});
}

}  // namespace
}  // namespace penchant
