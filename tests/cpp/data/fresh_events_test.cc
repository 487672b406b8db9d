#include "penchant/data/fresh_events.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/data/dataset.h"

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

TEST(FreshEvents, ABasketAddsOneOfEachToWhatWasThere) {
  auto events = basket_events(std::vector{ItemIndex(0), ItemIndex(1), ItemIndex(5)}, Timestamp{99});
  OwnedHistory out;
  merge_events(sample().history(UserIndex(0)), events, out);
  EXPECT_EQ(items_of(out.view()), (std::vector<std::int32_t>{0, 1, 4, 5}));
  EXPECT_EQ(out.values, (std::vector<float>{1.0F, 3.5F, 1.0F, 1.0F}));
  EXPECT_EQ(out.counts, (std::vector<std::int32_t>{1, 3, 1, 1}));
  EXPECT_EQ(out.first[1].micros, 10);
  EXPECT_EQ(out.last[1].micros, 99);
  EXPECT_EQ(out.first[2].micros, 30);
  EXPECT_EQ(out.last[2].micros, 30);
  EXPECT_EQ(out.first[3].micros, 99);
}

TEST(FreshEvents, AddUpAsADatasetOfThemWould) {
  // Item 3 at one moment twice, and once later; item 1 before what is stored.
  std::vector<FreshEvent> events = {{ItemIndex(3), Timestamp{70}, 2.0F},
                                    {ItemIndex(1), Timestamp{5}, 0.5F},
                                    {ItemIndex(3), Timestamp{60}, 1.0F},
                                    {ItemIndex(3), Timestamp{60}, 4.0F}};
  OwnedHistory out;
  merge_events({}, events, out);
  EventColumns columns;
  for (const FreshEvent& event : events) {
    columns.subjects.emplace_back(0);
    columns.items.push_back(event.item);
    columns.times.push_back(event.time);
    columns.types.push_back(0);
    columns.values.push_back(event.value);
  }
  const Dataset data(IdMap::from_integers({7}), IdMap::from_integers({0, 1, 2, 3}), columns,
                     {{"event", 1.0F}}, {.listed = {1, 1, 1, 1}}, {});
  const auto pairs = data.interactions();
  const History expected = pairs->history(UserIndex(0));
  EXPECT_TRUE(std::ranges::equal(out.items, expected.items));
  EXPECT_TRUE(std::ranges::equal(out.values, expected.values));
  EXPECT_TRUE(std::ranges::equal(out.counts, expected.counts));
  EXPECT_TRUE(std::ranges::equal(out.first, expected.first));
  EXPECT_TRUE(std::ranges::equal(out.last, expected.last));
  merge_events(sample().history(UserIndex(0)), events, out);
  EXPECT_EQ(items_of(out.view()), (std::vector<std::int32_t>{1, 3, 4}));
  EXPECT_EQ(out.values, (std::vector<float>{3.0F, 7.0F, 1.0F}));
  EXPECT_EQ(out.counts, (std::vector<std::int32_t>{3, 2, 1}));
  EXPECT_EQ(out.first[0].micros, 5);
  EXPECT_EQ(out.last[0].micros, 20);
}

TEST(FreshEvents, WithoutTimesEveryOneCounts) {
  std::vector<FreshEvent> events = {{ItemIndex(2)}, {ItemIndex(2)}};
  OwnedHistory out;
  merge_events({}, events, out);
  EXPECT_EQ(out.counts, (std::vector<std::int32_t>{2}));
  EXPECT_FALSE(out.last[0].known());
}

TEST(FreshEvents, ManyOfGreatValueStayFinite) {
  const float most = std::numeric_limits<float>::max();
  std::vector<FreshEvent> events = {{ItemIndex(1), Timestamp{1}, most},
                                    {ItemIndex(1), Timestamp{2}, most}};
  OwnedHistory out;
  merge_events(sample().history(UserIndex(0)), events, out);
  EXPECT_EQ(out.values[0], most);
}

TEST(FreshEvents, ServeKnownAndUnknownPeople) {
  const std::vector rows = {UserIndex(-1), UserIndex(0), UserIndex(0)};
  const Interactions merged =
      with_events(sample(), rows, basket_events(std::vector{ItemIndex(2)}, Timestamp{99}));
  ASSERT_EQ(merged.num_users(), 3U);
  EXPECT_EQ(items_of(merged.history(UserIndex(0))), (std::vector<std::int32_t>{2}));
  EXPECT_EQ(items_of(merged.history(UserIndex(1))), (std::vector<std::int32_t>{1, 2, 4}));
  EXPECT_EQ(items_of(merged.history(UserIndex(2))), (std::vector<std::int32_t>{1, 2, 4}));
}

TEST(FreshEvents, WhatIsNotOfTheCatalogueOrNotPositiveIsRefused) {
  const std::vector rows = {UserIndex(0)};
  for (const FreshEvent& event :
       {FreshEvent{ItemIndex(6)}, FreshEvent{ItemIndex(-1)}, FreshEvent{ItemIndex(1), {}, 0.0F},
        FreshEvent{ItemIndex(1), {}, -1.0F},
        FreshEvent{ItemIndex(1), {}, std::numeric_limits<float>::infinity()}}) {
    EXPECT_THROW((void)with_events(sample(), rows, {event}), Error);
  }
}

}  // namespace
}  // namespace penchant::data
