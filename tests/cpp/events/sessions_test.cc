#include "penchant/events/sessions.h"

#include <algorithm>
#include <map>
#include <random>

#include "events/sample.h"
#include "reference/plain_events.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::events {
namespace {

using reference::Visit;

EventTable table_of(const std::vector<Visit>& visits) {
  const auto taxonomy = Taxonomy::builtin();
  EventTable table(taxonomy);
  Event event;
  event.type = static_cast<std::uint16_t>(taxonomy->find_type("page_view"));
  for (const Visit& one : visits) {
    event.subject = one.subject;
    event.time = {one.time};
    table.append(event);
  }
  return table;
}

TEST(SessionsTest, EqualTheTwinInAnyOrder) {
  std::mt19937 random(2);
  for (int round = 0; round < 50; ++round) {
    std::vector<Visit> visits;
    for (int i = 0; i < 120; ++i) {
      visits.push_back(
          {"s" + std::to_string(random() % 5), static_cast<std::int64_t>(random() % 400)});
    }
    std::map<std::pair<std::string, std::int64_t>, std::uint64_t> ids;
    for (int order = 0; order < 3; ++order) {
      std::shuffle(visits.begin(), visits.end(), random);
      const Sessions found = sessions(table_of(visits), {.gap = Duration{6}});
      ASSERT_EQ(found.number, reference::session_numbers(visits, 6));
      for (std::size_t i = 0; i < visits.size(); ++i) {
        const auto [at, fresh] =
            ids.emplace(std::pair(visits[i].subject, visits[i].time), found.id[i]);
        ASSERT_EQ(at->second, found.id[i]);
      }
    }
  }
}

TEST(SessionsTest, APauseAsLongAsTheGapIsNone) {
  const std::int64_t minute = 60'000'000;
  const Sessions found =
      sessions(table_of({{"s", 0}, {"s", 30 * minute}, {"s", 60 * minute + 1}, {"t", 0}}), {});
  EXPECT_EQ(found.number, (std::vector<std::int32_t>{0, 0, 1, 0}));
  EXPECT_EQ(found.count, 3U);
  EXPECT_EQ(found.start[2].micros, 60 * minute + 1);
  EXPECT_NE(found.id[0], found.id[3]);
  EXPECT_THROW(sessions(table_of({}), {.gap = Duration{-1}}), Error);
}

TEST(SessionsTest, WhatOthersDoIsInNone) {
  const auto taxonomy = Taxonomy::builtin();
  EventTable table(taxonomy);
  table.append(testing::read_good(*taxonomy,
                                  R"({"type":"login","subject":"s","time":"2026-01-01T00:00Z"})"));
  table.append(testing::read_good(
      *taxonomy, R"({"type":"email_sent","subject":"s","time":"2026-01-01T00:20Z"})"));
  table.append(testing::read_good(*taxonomy,
                                  R"({"type":"login","identifiers":{"c":1},"time":"2026-01-01"})"));
  table.append(testing::read_good(*taxonomy,
                                  R"({"type":"login","subject":"s","time":"2026-01-01T00:40Z"})"));
  const Sessions found = sessions(table, {});
  EXPECT_EQ(found.number, (std::vector<std::int32_t>{0, -1, -1, 1}));
  EXPECT_EQ(found.id[1], 0U);
}

TEST(BasketsTest, OrdersAreBasketsInTheOrderOfTime) {
  const auto taxonomy = Taxonomy::builtin();
  const auto order = [](std::string_view id, std::string_view time) {
    return concat(R"({"type":"purchase","subject":"s","time":")", time,
                  R"(","fields":{"order_id":")", id, R"(","lines":[{"item":"a"},{"item":"b"}]}})");
  };
  EventTable table(taxonomy);
  for (const auto& [id, time] : {std::pair("z", "2026-01-02"), std::pair("b", "2026-01-03"),
                                 std::pair("a", "2026-01-03"), std::pair("z", "2026-01-01")}) {
    table.append(testing::read_good(*taxonomy, order(id, time)));
  }
  table.append(
      testing::read_good(*taxonomy, R"({"type":"login","subject":"s","time":"2026-01-01"})"));
  const Baskets found = baskets(table);
  EXPECT_EQ(found.basket, (std::vector<std::int32_t>{0, 0, 2, 2, 1, 1, 0, 0, -1}));
  ASSERT_EQ(found.order.size(), 3U);
  EXPECT_EQ(table.orders().text(found.order[0]), "z");
  EXPECT_EQ(found.time[0], parse_timestamp("2026-01-01"));
}

}  // namespace
}  // namespace penchant::events
