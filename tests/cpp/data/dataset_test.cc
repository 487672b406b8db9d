#include "penchant/data/dataset.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <set>
#include <thread>
#include <tuple>

#include "data/sample.h"
#include "reference/interactions.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/data/time_column.h"

namespace penchant::data {
namespace {

const Duration kTwoDays{2 * 86'400'000'000};

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const Philox random(seed, 1);
  for (std::size_t i = count; i > 1; --i) {
    std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i), i, 0)]);
  }
  return order;
}

TEST(Dataset, DependsOnTheSetOfEventsAlone) {
  const SampleOptions options{.interactions = {.half_life = kTwoDays}};
  const Parts parts = sample_parts(options);
  const Dataset data = sample(options);
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    // Types in another order too, with one that nothing uses, and ids that nothing uses.
    EventColumns columns = in_order(parts.columns, shuffled(parts.columns.size(), seed));
    for (auto& type : columns.types) type = static_cast<std::uint8_t>(3 - type);
    std::vector<std::string> subjects = {"s0a", "zz"};  // nobody's; "s0a" comes between others
    for (std::size_t i = 0; i < parts.subjects.size(); ++i)
      subjects.push_back(parts.subjects.text(i));
    const IdMap more = IdMap::from_strings(subjects);
    for (auto& subject : columns.subjects) {
      if (!subject.known()) continue;
      subject.value = more.find(parts.subjects.string(static_cast<std::size_t>(subject.value)));
    }
    const std::vector<EventType> types = {
        {"nothing", 2}, parts.types[2], parts.types[1], parts.types[0]};
    const Dataset other(more, parts.items, columns, types, parts.catalogue,
                        {.half_life = kTwoDays});
    EXPECT_EQ(other.hash(), data.hash());
    EXPECT_EQ(other.subjects(), data.subjects());
    EXPECT_EQ(other.types().size(), 3U);
    EXPECT_TRUE(std::ranges::equal(other.interactions()->values(), data.interactions()->values()));
    EXPECT_TRUE(std::ranges::equal(other.interactions()->items(), data.interactions()->items()));
  }
}

TEST(Dataset, HashesEverythingThatModelsSee) {
  const SampleOptions options;
  const Parts parts = sample_parts(options);
  std::set<std::string> hashes = {sample(options).hash()};
  const auto changed = [&](const std::function<void(Parts&, InteractionOptions&)>& change) {
    Parts other = parts;
    InteractionOptions interactions;
    change(other, interactions);
    const Dataset data(other.subjects, other.items, other.columns, other.types, other.catalogue,
                       interactions);
    EXPECT_TRUE(hashes.insert(data.hash()).second) << hashes.size();
  };
  changed([](Parts& p, auto&) { p.columns.values[17] += 1; });
  changed([](Parts& p, auto&) { p.columns.times[17].micros += 1; });
  changed([](Parts& p, auto&) { p.columns.types[17] = p.columns.types[17] == 0 ? 1 : 0; });
  changed([](Parts& p, auto&) { p.columns.subjects[17] = UserIndex{}; });
  changed([](Parts& p, auto&) { p.columns.items[17].value ^= 1; });
  changed([](Parts& p, auto&) { p.types[0].weight = 0.2F; });
  changed([](Parts& p, auto&) { p.types[0].name = "look"; });
  changed([](Parts&, InteractionOptions& o) { o.half_life = kTwoDays; });
  changed([](Parts& p, auto&) {
    std::vector<std::string> texts;  // the same ids as text, in text's order
    for (std::size_t i = 0; i < p.items.size(); ++i) texts.push_back(p.items.text(i));
    p.items = IdMap::from_strings(texts);
  });
  Parts unnamed = parts;
  unnamed.catalogue = {};
  EXPECT_EQ(Dataset(unnamed.subjects, unnamed.items, unnamed.columns, unnamed.types, {}, {}).hash(),
            *hashes.find(sample(options).hash()));
  Parts signed_zero = parts;
  for (float& value : signed_zero.columns.values) value = value == 0 ? -0.0F : value;
  EXPECT_EQ(Dataset(signed_zero.subjects, signed_zero.items, signed_zero.columns, signed_zero.types,
                    {}, {})
                .hash(),
            sample(options).hash());
}

TEST(Dataset, KeepsRowsSortedAndNamesWithTheirItems) {
  const Dataset data = sample();
  const EventColumns& events = data.events();
  for (std::size_t row = 1; row < data.size(); ++row) {
    const auto key = [&](std::size_t r) {
      return std::tuple(events.times[r], events.subjects[r], events.items[r], events.types[r],
                        events.values[r]);
    };
    ASSERT_LE(key(row - 1), key(row));
  }
  EXPECT_EQ(data.first_time(), events.times.front());
  EXPECT_EQ(data.last_time(), events.times.back());
  std::vector<std::uint8_t> keep(data.size());
  for (std::size_t row = 0; row < keep.size(); ++row) keep[row] = events.items[row].value > 4;
  const Dataset part = data.filtered(keep);
  EXPECT_EQ(part.items().size(), data.items().size() - 5);
  for (std::size_t i = 0; i < part.items().size(); ++i) {
    EXPECT_EQ(part.catalogue().names[i], concat("item ", part.items().integer(i)));
  }
}

TEST(Dataset, InteractionsEqualThePlainTwin) {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    SampleOptions options{.seed = seed, .events = 1500};
    if (seed % 2 == 0) options.interactions.half_life = kTwoDays;
    const Dataset data = sample(options);
    const auto expected = reference::interactions(data);
    const auto pairs = data.interactions();
    ASSERT_EQ(pairs->num_users(), data.subjects().size());
    ASSERT_EQ(pairs->num_items(), data.items().size());
    ASSERT_EQ(pairs->nnz(), expected.size());
    auto at = expected.begin();
    for (std::size_t user = 0; user < pairs->num_users(); ++user) {
      const History history = pairs->history(UserIndex{static_cast<std::int32_t>(user)});
      for (std::size_t j = 0; j < history.size(); ++j, ++at) {
        ASSERT_EQ(at->first.first, static_cast<std::int32_t>(user));
        ASSERT_EQ(at->first.second, history.items[j].value);
        ASSERT_NEAR(at->second.value, static_cast<double>(history.values[j]), 1e-5);
        ASSERT_EQ(static_cast<std::int32_t>(at->second.times.size()), history.counts[j]);
        ASSERT_EQ(*at->second.times.begin(), history.first[j].micros);
        ASSERT_EQ(*at->second.times.rbegin(), history.last[j].micros);
      }
    }
    EXPECT_EQ(data.interactions(), pairs);  // made once
  }
}

TEST(Dataset, WithoutTimesEveryEventCounts) {
  Parts parts = sample_parts({});
  for (auto& time : parts.columns.times) time = Timestamp{};
  const Dataset data(parts.subjects, parts.items, parts.columns, parts.types, {}, {});
  EXPECT_FALSE(data.last_time().known());
  const auto expected = reference::interactions(data);
  const auto pairs = data.interactions();
  ASSERT_EQ(pairs->nnz(), expected.size());
  std::size_t j = 0;
  for (const auto& [key, pair] : expected) EXPECT_EQ(pairs->counts()[j++], pair.events);
}

TEST(Dataset, ExtremeWeightsStayFiniteAndPositive) {
  EventColumns columns;
  columns.subjects.assign(3, UserIndex{0});
  columns.items = {ItemIndex{0}, ItemIndex{1}, ItemIndex{1}};
  columns.times = {Timestamp{0}, Timestamp{4'000'000'000'000'000},
                   Timestamp{4'000'000'000'000'000}};
  columns.types.assign(3, 0);
  columns.values = {1, std::numeric_limits<float>::max(), std::numeric_limits<float>::max()};
  const Dataset data(IdMap::from_strings({"u"}), IdMap::from_strings({"old", "new"}), columns,
                     {{"event", 1}}, {}, {.half_life = Duration{1'000'000}});
  const auto pairs = data.interactions();
  ASSERT_EQ(pairs->nnz(), 2U);
  EXPECT_EQ(pairs->values()[0], std::numeric_limits<float>::min());
  EXPECT_EQ(pairs->values()[1], std::numeric_limits<float>::max());
}

TEST(Dataset, EmptyIsADataset) {
  const Dataset empty({}, {}, {}, {}, {}, {});
  EXPECT_EQ(empty.size(), 0U);
  EXPECT_FALSE(empty.first_time().known());
  EXPECT_EQ(empty.interactions()->nnz(), 0U);
  const Dataset data = sample();
  const Dataset nothing = data.filtered(std::vector<std::uint8_t>(data.size(), 0));
  EXPECT_EQ(nothing.subjects().size(), 0U);
  EXPECT_EQ(nothing.types().size(), 0U);
  EXPECT_NE(nothing.hash(), data.hash());
}

TEST(Dataset, AFilteredLogEqualsTheLogOfItsRows) {
  const Parts parts = sample_parts({});
  const Dataset data = sample();
  // Without subject 3, from the whole and from scratch: erasing equals never having seen.
  std::vector<std::uint8_t> keep(data.size());
  for (std::size_t row = 0; row < keep.size(); ++row) {
    keep[row] = data.events().subjects[row] != UserIndex{3};
  }
  std::vector<std::size_t> kept;
  for (std::size_t row = 0; row < parts.columns.size(); ++row) {
    if (parts.columns.subjects[row] != UserIndex{3}) kept.push_back(row);
  }
  const Dataset fresh(parts.subjects, parts.items, in_order(parts.columns, kept), parts.types,
                      parts.catalogue, {});
  EXPECT_EQ(data.filtered(keep).hash(), fresh.hash());
  EXPECT_EQ(data.filtered(std::vector<std::uint8_t>(data.size(), 1)).hash(), data.hash());
  EXPECT_THROW((void)data.filtered(std::vector<std::uint8_t>(3)), Error);
}

TEST(Dataset, MarksRepeatedRows) {
  Parts parts = sample_parts({.events = 40});
  const auto order = shuffled(40, 3);
  EventColumns twice = parts.columns;
  for (const std::size_t row : order) {
    if (row % 4 != 0) continue;
    const EventColumns one = in_order(parts.columns, {row});
    twice.subjects.push_back(one.subjects[0]);
    twice.items.push_back(one.items[0]);
    twice.times.push_back(one.times[0]);
    twice.types.push_back(one.types[0]);
    twice.values.push_back(one.values[0]);
  }
  const Dataset once(parts.subjects, parts.items, parts.columns, parts.types, {}, {});
  const Dataset doubled(parts.subjects, parts.items, twice, parts.types, {}, {});
  const auto count = [](const Dataset& data) {
    const auto marks = data.repeated_rows();
    return std::accumulate(marks.begin(), marks.end(), 0);
  };
  EXPECT_EQ(count(doubled), count(once) + 10);
  auto keep = doubled.repeated_rows();
  for (auto& mark : keep) mark = mark == 0 ? 1 : 0;
  EXPECT_EQ(count(doubled.filtered(keep)), 0);
}

TEST(Dataset, RefusesWhatMakesNoSense) {
  const Parts parts = sample_parts({.events = 5});
  const std::vector<std::function<void(Parts&, InteractionOptions&)>> faults = {
      [](Parts& p, auto&) { p.columns.subjects[2] = UserIndex{20}; },
      [](Parts& p, auto&) { p.columns.subjects[2] = UserIndex{-2}; },
      [](Parts& p, auto&) { p.columns.items[2] = ItemIndex{}; },
      [](Parts& p, auto&) { p.columns.items[2] = ItemIndex{15}; },
      [](Parts& p, auto&) { p.columns.types[2] = 3; },
      [](Parts& p, auto&) { p.columns.values[2] = -1; },
      [](Parts& p, auto&) { p.columns.values[2] = std::numeric_limits<float>::infinity(); },
      [](Parts& p, auto&) { p.columns.values[2] = std::numeric_limits<float>::quiet_NaN(); },
      [](Parts& p, auto&) { p.columns.times[2] = Timestamp{}; },
      [](Parts& p, auto&) { p.columns.times.pop_back(); },
      [](Parts& p, auto&) { p.types[1].weight = -1; },
      [](Parts& p, auto&) { p.types[1].weight = std::numeric_limits<float>::infinity(); },
      [](Parts& p, auto&) {
        p.types = {{"a", 1}, {"a", 1}, {"a", 1}};
      },
      [](Parts& p, auto&) { p.types.resize(257); },
      [](Parts& p, auto&) { p.catalogue.names.pop_back(); },
      [](Parts&, InteractionOptions& o) { o.half_life = Duration{0}; },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    Parts bad = parts;
    InteractionOptions options;
    faults[i](bad, options);
    EXPECT_THROW(Dataset(bad.subjects, bad.items, bad.columns, bad.types, bad.catalogue, options),
                 Error)
        << "fault " << i;
  }
}

TEST(Dataset, ManyThreadsMayAskForTheInteractions) {
  const Dataset data = sample({.events = 3000});
  std::vector<std::shared_ptr<const Interactions>> seen(8);
  std::vector<std::thread> threads;
  for (auto& slot : seen) threads.emplace_back([&] { slot = data.interactions(); });
  for (auto& thread : threads) thread.join();
  for (const auto& slot : seen) EXPECT_EQ(slot, seen.front());
}

TEST(TimeColumn, MarksWhatIsNoTime) {
  const std::string text = "2011-12-09x1970-01-01T00:00:01Z";
  const std::vector<std::int64_t> offsets = {0, 10, 10, 11, static_cast<std::int64_t>(text.size())};
  const auto times = parse_times(offsets, std::span<const char>(text.data(), text.size()));
  ASSERT_EQ(times.size(), 4U);
  EXPECT_TRUE(times[0].known());
  EXPECT_FALSE(times[1].known());
  EXPECT_FALSE(times[2].known());
  EXPECT_EQ(times[3].micros, 1'000'000);
  EXPECT_TRUE(parse_times({}, {}).empty());
  const std::vector<std::int64_t> beyond = {0, 99};
  EXPECT_THROW((void)parse_times(beyond, std::span<const char>(text.data(), text.size())), Error);
}

}  // namespace
}  // namespace penchant::data
