#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>

#include "reference/plain_lists.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/features/code_places.h"
#include "penchant/features/state.h"

namespace penchant::features {
namespace {

using reference::PlainEvent;

// Types: 0 add, 1 remove, 2 buy, 3 view.
const char* const kPlan = R"({
  "types": ["add", "remove", "buy", "view", "*"], "numbers": ["quantity"],
  "codes": ["\u0000subject"], "item_codes": ["category"], "item_numbers": ["cost"],
  "embeddings": ["look"],
  "filters": [{"types": [0]}, {"types": [1]}, {"types": [2]}, {"types": [0, 1, 2]}, {}],
  "values": [{"factors": [0]}],
  "lists": [
    {"kind": "cart", "filter": 3, "adds": 0, "removes": 1, "ends": 2, "quantity": 0, "price": 0,
     "within": 9, "most": 3},
    {"kind": "latest", "filter": 2, "within": 50, "most": 4},
    {"kind": "favorites", "filter": 4, "attribute": 0, "most": 2}],
  "features": [
    {"name": "items", "kind": "list_items", "list": 0},
    {"name": "pieces", "kind": "cart_pieces", "list": 0},
    {"name": "value", "kind": "cart_value", "list": 0},
    {"name": "margin", "kind": "cart_margin", "list": 0, "attribute": 0},
    {"name": "categories", "kind": "list_values", "list": 0, "attribute": 0},
    {"name": "has", "kind": "list_has", "list": 0},
    {"name": "same", "kind": "list_same", "list": 1, "attribute": 0},
    {"name": "rank", "kind": "list_rank", "list": 0},
    {"name": "fond", "kind": "list_rank", "list": 2},
    {"name": "count", "kind": "together_count", "list": 1, "filter": 2, "within": 20, "sample": 6,
     "depth": 3, "pool": "sum"},
    {"name": "share", "kind": "together_share", "list": 0, "filter": 4, "sample": 9, "depth": 9},
    {"name": "lift", "kind": "together_lift", "list": 1, "filter": 2, "within": 20, "sample": 6,
     "depth": 3, "pool": "max", "strength": 1.5},
    {"name": "like", "kind": "similarity", "list": 1, "embedding": 0},
    {"name": "likest", "kind": "similarity", "list": 0, "embedding": 0, "pool": "max"}
  ]})";

constexpr std::int32_t kItems = 9;
constexpr std::int32_t kSubjects = 6;
constexpr std::int64_t kEnd = 140;

std::shared_ptr<const Plan> plan() { return std::make_shared<const Plan>(Plan::from_json(kPlan)); }

ItemTable items() {
  ItemTable table;
  table.items = kItems;
  table.codes = {{{0, 1, 2, 0, 1, 2, 0, -1, 1}, 3}};
  table.numbers = {{1, 2, 3, 4, std::numeric_limits<double>::quiet_NaN(), 6, 7, 8, 9}};
  std::mt19937 random(3);
  std::vector<float> vectors(kItems * 5);
  for (float& x : vectors) x = static_cast<float>(random() % 100) - 50;
  std::fill_n(vectors.begin() + 10, 5, 0.0F);
  table.vectors = {ItemVectors::of({vectors.data(), kItems, 5})};
  return table;
}

struct Log {
  std::vector<std::int64_t> times;
  std::vector<std::uint16_t> types;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> items;
  std::vector<std::int64_t> quantities;

  Log(std::size_t rows, unsigned seed, bool distinct_times) {
    std::mt19937 random(seed);
    const auto below = [&](int end) {
      return static_cast<int>(random() % static_cast<unsigned>(end));
    };
    for (std::size_t i = 0; i < rows; ++i) {
      times.push_back(distinct_times ? static_cast<std::int64_t>(i) : below(120));
      types.push_back(static_cast<std::uint16_t>(std::array{0, 0, 0, 1, 1, 2, 2, 3}[random() % 8]));
      subjects.push_back(below(kSubjects + 1) - 1);
      items.push_back(below(kItems + 1) - 1);
      quantities.push_back((below(5) - 1) * kUnit);
    }
  }

  [[nodiscard]] EventBatch batch(std::size_t first, std::size_t count) const {
    const auto part = [&](const auto& column) { return std::span(column).subspan(first, count); };
    return {part(times), part(types),        part(subjects),
            part(items), {part(quantities)}, {part(subjects)}};
  }

  [[nodiscard]] std::vector<std::size_t> order(unsigned seed) const {
    std::vector<std::size_t> out(times.size());
    std::iota(out.begin(), out.end(), std::size_t{0});
    if (seed == 0) {
      std::ranges::stable_sort(out, {}, [&](std::size_t i) { return times[i]; });
    } else {
      std::shuffle(out.begin(), out.end(), std::mt19937(seed));
    }
    return out;
  }
};

struct Asked {
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> items;

  Asked() {
    for (std::int64_t t = 0; t < kEnd; t += 3) {
      for (std::int32_t s = -1; s < kSubjects; ++s) {
        for (std::int32_t i = -1; i < kItems; ++i) {
          times.push_back(t);
          subjects.push_back(s);
          items.push_back(i);
        }
      }
    }
  }
};

std::vector<std::vector<double>> answers(const State& state, int threads = 1) {
  const Asked asked;
  std::vector<std::vector<double>> columns(state.plan().features().size(),
                                           std::vector<double>(asked.times.size()));
  std::vector<double*> out;
  for (auto& column : columns) out.push_back(column.data());
  state.read({asked.times, asked.subjects, asked.items}, threads, out);
  return columns;
}

std::vector<std::uint64_t> bits(const std::vector<std::vector<double>>& columns) {
  std::vector<std::uint64_t> out;
  for (const auto& column : columns) {
    for (const double x : column)
      out.push_back(std::isnan(x) ? 1 : std::bit_cast<std::uint64_t>(x));
  }
  return out;
}

TEST(Lists, EqualTheSlowWay) {
  for (unsigned seed = 0; seed < 6; ++seed) {
    const Log log(300, seed, false);
    State state(plan(), items());
    state.replay(log.batch(0, 300), 1);
    std::vector<PlainEvent> events;
    for (const std::size_t i : log.order(0)) {
      events.push_back(
          {log.times[i], log.types[i], log.subjects[i], log.items[i], log.quantities[i] / kUnit});
    }
    const Asked asked;
    const auto columns = answers(state);
    for (std::size_t p = 0; p < asked.times.size(); ++p) {
      const std::int32_t candidate = asked.items[p];
      const auto cart =
          reference::plain_cart(events, {.adds = 0, .removes = 1, .ends = 2, .expires = 9},
                                asked.subjects[p], asked.times[p]);
      ASSERT_EQ(columns[0][p], static_cast<double>(cart.size()));
      double pieces = 0;
      for (const auto& one : cart) pieces += static_cast<double>(one.pieces);
      ASSERT_EQ(columns[1][p], pieces);
      const auto place = std::ranges::find(cart, candidate, &reference::PlainCartItem::item);
      if (candidate >= 0) {
        ASSERT_EQ(columns[5][p], place == cart.end() ? 0 : 1);
      }
      const auto rank = place - cart.begin();
      if (candidate >= 0 && place != cart.end() && rank < 3) {
        ASSERT_EQ(columns[7][p], static_cast<double>(rank + 1));
      } else {
        ASSERT_TRUE(std::isnan(columns[7][p]));
      }
      double sum = 0;
      int counted = 0;
      for (std::size_t j = 0; j < std::min<std::size_t>(cart.size(), 3); ++j) {
        if (cart[j].item == candidate) continue;
        // Any event is having.
        auto any = events;
        for (PlainEvent& event : any) event.type = 0;
        const auto [people, with] =
            reference::plain_companions(any, {.had = 0, .within = kEnd, .sample = 9, .depth = 9},
                                        cart[j].item, candidate, asked.subjects[p], asked.times[p]);
        if (people == 0) continue;
        sum += static_cast<double>(with) / people;
        ++counted;
      }
      if (counted == 0 || candidate < 0) {
        ASSERT_TRUE(std::isnan(columns[10][p]));
      } else {
        ASSERT_NEAR(columns[10][p], sum / counted, 1e-12);
      }
    }
  }
}

TEST(Lists, OneBatchOrManyInAnyOrderAreTheSame) {
  for (unsigned seed = 1; seed < 6; ++seed) {
    const Log log(200, seed, true);
    State once(plan(), items());
    once.replay(log.batch(0, 200), 1);
    const auto expected = bits(answers(once));
    State slowly(plan(), items());
    for (const std::size_t i : log.order(seed)) slowly.replay(log.batch(i, 1), 1);
    EXPECT_EQ(bits(answers(slowly)), expected) << seed;
  }
}

TEST(Lists, ThreadsDoNotShow) {
  const Log log(20'000, 1, false);
  State one(plan(), items());
  one.replay(log.batch(0, 20'000), 1);
  const auto expected = bits(answers(one));
  for (const int threads : {2, 8}) {
    State many(plan(), items());
    many.replay(log.batch(0, 20'000), threads);
    EXPECT_EQ(bits(answers(many, threads)), expected);
  }
}

TEST(Lists, RefuseWhatMakesNoSense) {
  const std::string whole(kPlan);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = whole;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  EXPECT_NO_THROW((void)Plan::from_json(whole));
  for (const auto& [from, to] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"("most": 4)", R"("most": 65)"},
           {R"("most": 4)", R"("most": 0)"},
           {R"("removes": 1)", R"("removes": 5)"},
           {R"("kind": "latest")", R"("kind": "first")"},
           {R"("kind": "list_items", "list": 0)", R"("kind": "list_items", "list": 3)"},
           {R"("kind": "cart_pieces", "list": 0)", R"("kind": "cart_pieces", "list": 1)"},
           {R"("kind": "list_items", "list": 0)", R"("kind": "list_items", "list": 2)"},
           {R"("sample": 6)", R"("sample": 1025)"},
           {R"("pool": "sum")", R"("pool": "all")"},
           {R"("strength": 1.5)", R"("strength": -1)"},
           {R"("embedding": 0)", R"("embedding": 1)"},
           {R"("\u0000subject")", R"("order")"}}) {
    EXPECT_THROW((void)Plan::from_json(with(from, to)), Error) << from << " -> " << to;
  }
  ItemTable table = items();
  table.vectors.clear();
  EXPECT_THROW(State(plan(), table), Error);
  const std::vector<float> few(12, 1.0F);
  table.vectors = {ItemVectors::of({few.data(), 4, 3})};
  EXPECT_THROW(State(plan(), table), Error);
  EXPECT_THROW((void)ItemVectors::of({few.data(), 4, 0}), Error);
}

TEST(ItemVectors, AreOfLengthOneOrUnknown) {
  const float huge = std::numeric_limits<float>::max();
  const std::vector<float> raw{3, 4, 0, 0, huge, huge, INFINITY, 1, 1e-40F, 0};
  const ItemVectors unit = ItemVectors::of({raw.data(), 5, 2});
  EXPECT_FLOAT_EQ(unit.view().row(0)[0], 0.6F);
  EXPECT_FLOAT_EQ(unit.view().row(0)[1], 0.8F);
  EXPECT_TRUE(std::isnan(unit.view().row(1)[0]));
  EXPECT_FLOAT_EQ(unit.view().row(2)[0], std::sqrt(0.5F));
  EXPECT_TRUE(std::isnan(unit.view().row(3)[0]));
  EXPECT_FLOAT_EQ(unit.view().row(4)[0], 1.0F);
}

TEST(CodePlaces, AreThoseOfTheFirstMeeting) {
  CodePlaces places(100);
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    places.clear();
    std::vector<std::int32_t> met;
    for (int i = 0; i < 100; ++i) {
      const auto code = static_cast<std::int32_t>(random() % 300 * 4096);
      auto at = std::ranges::find(met, code);
      EXPECT_EQ(places.find(code) != CodePlaces::kNone, at != met.end());
      if (at == met.end()) at = met.insert(at, code);
      EXPECT_EQ(places.put(code), static_cast<std::uint32_t>(at - met.begin()));
    }
    EXPECT_EQ(places.size(), met.size());
  }
}

}  // namespace
}  // namespace penchant::features
