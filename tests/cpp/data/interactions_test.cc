#include "penchant/data/interactions.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "data/sample.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

// Three users: {1, 3}, {}, {0}.
OwnedHistory columns() {
  OwnedHistory out;
  out.items = {ItemIndex{1}, ItemIndex{3}, ItemIndex{0}};
  out.values = {1.5F, 2.0F, 3.0F};
  out.counts = {1, 2, 1};
  out.first = {Timestamp{10}, Timestamp{20}, Timestamp{30}};
  out.last = {Timestamp{10}, Timestamp{25}, Timestamp{30}};
  return out;
}

Interactions make(const OwnedHistory& from, const std::vector<std::int64_t>& offsets,
                  std::size_t num_items = 4) {
  return {num_items,
          SharedArray<std::int64_t>::own(offsets),
          SharedArray<ItemIndex>::own(from.items),
          SharedArray<float>::own(from.values),
          SharedArray<std::int32_t>::own(from.counts),
          SharedArray<Timestamp>::own(from.first),
          SharedArray<Timestamp>::own(from.last)};
}

const std::vector<std::int64_t> kOffsets = {0, 2, 2, 3};

TEST(Interactions, GivesHistories) {
  const Interactions pairs = make(columns(), kOffsets);
  EXPECT_EQ(pairs.num_users(), 3U);
  EXPECT_EQ(pairs.nnz(), 3U);
  const History first = pairs.history(UserIndex{0});
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first.find(ItemIndex{3}), 1);
  EXPECT_EQ(first.find(ItemIndex{2}), -1);
  EXPECT_EQ(first.counts[1], 2);
  EXPECT_EQ(first.last[1], Timestamp{25});
  EXPECT_TRUE(pairs.history(UserIndex{1}).empty());
  EXPECT_TRUE(pairs.history(UserIndex{}).empty());
  EXPECT_TRUE(pairs.history(UserIndex{3}).empty());
  EXPECT_EQ(Interactions().num_users(), 0U);
  EXPECT_TRUE(Interactions().history(UserIndex{0}).empty());
}

TEST(Interactions, SurviveABundle) {
  const auto pairs = sample().interactions();
  bundle::Writer writer;
  pairs->save(writer, "train");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const Interactions loaded = Interactions::load(*reader, "train");
  EXPECT_EQ(loaded.num_items(), pairs->num_items());
  EXPECT_TRUE(std::ranges::equal(loaded.offsets(), pairs->offsets()));
  EXPECT_TRUE(std::ranges::equal(loaded.items(), pairs->items()));
  EXPECT_TRUE(std::ranges::equal(loaded.values(), pairs->values()));
  EXPECT_TRUE(std::ranges::equal(loaded.counts(), pairs->counts()));
  EXPECT_TRUE(std::ranges::equal(loaded.first(), pairs->first()));
  EXPECT_TRUE(std::ranges::equal(loaded.last(), pairs->last()));
}

TEST(Interactions, RefuseColumnsThatContradictThemselves) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<std::function<void(OwnedHistory&, std::vector<std::int64_t>&)>> faults = {
      [](auto& c, auto&) { c.items[1] = ItemIndex{4}; },
      [](auto& c, auto&) { c.items[2] = ItemIndex{-1}; },
      [](auto& c, auto&) { c.items[1] = ItemIndex{1}; },
      [](auto& c, auto&) { std::swap(c.items[0], c.items[1]); },
      [](auto& c, auto&) { c.values[0] = 0; },
      [](auto& c, auto&) { c.values[0] = -1; },
      [](auto& c, auto&) { c.values[0] = kInfinity; },
      [](auto& c, auto&) { c.values[0] = std::numeric_limits<float>::quiet_NaN(); },
      [](auto& c, auto&) { c.counts[2] = 0; },
      [](auto& c, auto&) { c.first[1] = Timestamp{26}; },
      [](auto& c, auto&) { c.values.pop_back(); },
      [](auto& c, auto&) { c.last.push_back(Timestamp{1}); },
      [](auto&, auto& o) { o = {}; },
      [](auto&, auto& o) { o = {0}; },
      [](auto&, auto& o) {
        o = {0, 2, 4};
      },
      [](auto&, auto& o) {
        o = {1, 3};
      },
      [](auto&, auto& o) {
        o = {0, 3, 2, 3};
      },
      [](auto&, auto& o) {
        o = {0, -1, 3};
      },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    OwnedHistory bad = columns();
    auto offsets = kOffsets;
    faults[i](bad, offsets);
    try {
      (void)make(bad, offsets);
      ADD_FAILURE() << "fault " << i << " went through";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData) << "fault " << i;
    }
  }
  EXPECT_THROW((void)make(columns(), kOffsets, std::size_t{1} << 31), Error);
}

TEST(Interactions, ABundlesContradictionsAreCorruption) {
  bundle::Writer writer;
  make(columns(), kOffsets).save(writer, "train");
  const auto whole = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  for (const std::int64_t num_items : {std::int64_t{3}, std::int64_t{-1}, std::int64_t{1} << 40}) {
    bundle::Writer lying;
    for (const bundle::Section& section : whole->sections()) {
      if (section.name == "train/num_items") {
        lying.add("train/num_items", std::span<const std::int64_t>(&num_items, 1));
      } else {
        lying.add_bytes(section.name, section.dtype, section.shape,
                        whole->file_bytes().subspan(section.offset, section.bytes));
      }
    }
    const auto reader = bundle::Reader::from_bytes(lying.to_bytes("{}"));
    try {
      (void)Interactions::load(*reader, "train");
      ADD_FAILURE() << num_items << " items went through";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    }
  }
}

}  // namespace
}  // namespace penchant::data
