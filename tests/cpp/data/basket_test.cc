#include "penchant/data/basket.h"

#include <vector>

#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

// One user with items 1 (twice) and 4 of a catalogue of six.
Interactions sample() {
  return Interactions(6, SharedArray<std::int64_t>::own(std::vector<std::int64_t>{0, 2}),
                      SharedArray<ItemIndex>::own(std::vector{ItemIndex(1), ItemIndex(4)}),
                      SharedArray<float>::own(std::vector<float>{2.5F, 1.0F}),
                      SharedArray<std::int32_t>::own(std::vector<std::int32_t>{2, 1}),
                      SharedArray<Timestamp>::own(std::vector{Timestamp{10}, Timestamp{30}}),
                      SharedArray<Timestamp>::own(std::vector{Timestamp{20}, Timestamp{30}}));
}

std::vector<std::int32_t> items_of(const History& history) {
  std::vector<std::int32_t> out;
  for (const ItemIndex item : history.items) out.push_back(item.value);
  return out;
}

TEST(Basket, AddsOneOfEachToWhatWasThere) {
  const std::vector basket = {ItemIndex(0), ItemIndex(1), ItemIndex(5)};
  OwnedHistory out;
  merge_basket(sample().history(UserIndex(0)), basket, Timestamp{99}, out);
  EXPECT_EQ(items_of(out.view()), (std::vector<std::int32_t>{0, 1, 4, 5}));
  EXPECT_EQ(out.values, (std::vector<float>{1.0F, 3.5F, 1.0F, 1.0F}));
  EXPECT_EQ(out.counts, (std::vector<std::int32_t>{1, 3, 1, 1}));
  EXPECT_EQ(out.first[1].micros, 10);
  EXPECT_EQ(out.last[1].micros, 99);
  EXPECT_EQ(out.first[2].micros, 30);
  EXPECT_EQ(out.last[2].micros, 30);
  EXPECT_EQ(out.first[3].micros, 99);
}

TEST(Basket, ServesKnownAndUnknownPeople) {
  const std::vector rows = {UserIndex(-1), UserIndex(0), UserIndex(0)};
  const std::vector basket = {ItemIndex(2)};
  const Interactions merged = with_basket(sample(), rows, basket, Timestamp{99});
  ASSERT_EQ(merged.num_users(), 3U);
  EXPECT_EQ(items_of(merged.history(UserIndex(0))), (std::vector<std::int32_t>{2}));
  EXPECT_EQ(items_of(merged.history(UserIndex(1))), (std::vector<std::int32_t>{1, 2, 4}));
  EXPECT_EQ(items_of(merged.history(UserIndex(2))), (std::vector<std::int32_t>{1, 2, 4}));
}

TEST(Basket, RefusesWhatIsNotAscendingOrNotInTheCatalogue) {
  const std::vector rows = {UserIndex(0)};
  using Items = std::vector<ItemIndex>;
  for (const Items& basket :
       {Items{ItemIndex(6)}, Items{ItemIndex(-1)}, Items{ItemIndex(3), ItemIndex(3)},
        Items{ItemIndex(3), ItemIndex(2)}}) {
    EXPECT_THROW((void)with_basket(sample(), rows, basket, Timestamp{0}), Error);
  }
}

}  // namespace
}  // namespace penchant::data
