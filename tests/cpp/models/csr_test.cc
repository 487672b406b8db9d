#include "penchant/models/csr.h"

#include "models/sample.h"
#include <gtest/gtest.h>

namespace penchant::models {
namespace {

TEST(Csr, TransposesLikeAPlainLoop) {
  const auto pairs = testing::random_dataset(31, 23, 400, 5).interactions();
  const auto values = pairs->values();
  const Csr users = csr_of(*pairs, {values.begin(), values.end()});
  const Csr items = transpose(users, pairs->num_items());
  ASSERT_EQ(items.rows(), pairs->num_items());
  std::size_t at = 0;
  for (std::size_t item = 0; item < pairs->num_items(); ++item) {
    ASSERT_EQ(static_cast<std::size_t>(items.offsets[item]), at);
    for (std::size_t user = 0; user < pairs->num_users(); ++user) {
      const data::History history = pairs->history(UserIndex{static_cast<std::int32_t>(user)});
      const auto found = history.find(ItemIndex{static_cast<std::int32_t>(item)});
      if (found < 0) continue;
      ASSERT_EQ(items.index.at(at), static_cast<std::int32_t>(user));
      ASSERT_EQ(items.value.at(at), history.values[static_cast<std::size_t>(found)]);
      ++at;
    }
  }
  EXPECT_EQ(at, pairs->nnz());
  EXPECT_EQ(items.index.size(), at);
}

TEST(Csr, OfNothingHasNoRows) {
  const Csr none = csr_of(data::Interactions(), {});
  EXPECT_EQ(none.rows(), 0U);
  EXPECT_EQ(transpose(none, 0).rows(), 0U);
  EXPECT_EQ(transpose(none, 3).rows(), 3U);
}

}  // namespace
}  // namespace penchant::models
