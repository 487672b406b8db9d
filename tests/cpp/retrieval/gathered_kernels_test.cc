// The kernels that score several rows at once, against one row at a time: the same bits on every
// instruction set, whatever the tail.

#include <cstring>

#include "retrieval/vectors.h"
#include <gtest/gtest.h>

#include "penchant/base/kernels.h"
#include "penchant/base/simd.h"

namespace penchant {
namespace {

bool same_bits(float a, float b) { return std::memcmp(&a, &b, sizeof(float)) == 0; }

TEST(GatheredKernels, EqualOneRowAtATime) {
  const Philox random(1, 1);
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (std::size_t columns = 1; columns < 70; ++columns) {
      const Matrix<float> rows = retrieval::testing::random_vectors(23, columns, columns);
      const Matrix<float> query = retrieval::testing::random_vectors(1, columns, 99);
      std::vector<std::int32_t> picks;
      for (std::size_t i = 0; i < 23; ++i) {
        picks.push_back(static_cast<std::int32_t>(random.below(23, i, 0)));
      }
      for (std::size_t count = 0; count <= 23; count += 1 + count / 6) {
        const auto some = std::span<const std::int32_t>(picks).first(count);
        const MatrixView<const float> part{rows.view().data, count, columns};
        std::vector<float> product(count), distance(count), products(count), distances(count);
        dot_rows(part, query.row(0), products);
        squared_distance_rows(part, query.row(0), distances);
        dot_gathered(rows.view(), some, query.row(0), product);
        squared_distance_gathered(rows.view(), some, query.row(0), distance);
        for (std::size_t i = 0; i < count; ++i) {
          const auto picked = rows.row(static_cast<std::size_t>(picks[i]));
          ASSERT_TRUE(same_bits(products[i], dot(rows.row(i), query.row(0)))) << target;
          ASSERT_TRUE(same_bits(distances[i], squared_distance(rows.row(i), query.row(0))));
          ASSERT_TRUE(same_bits(product[i], dot(picked, query.row(0)))) << target << columns;
          ASSERT_TRUE(same_bits(distance[i], squared_distance(picked, query.row(0)))) << target;
        }
      }
    }
  }
  force_simd_target("best");
}

}  // namespace
}  // namespace penchant
