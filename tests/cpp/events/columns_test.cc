#include "penchant/events/columns.h"

#include <random>

#include "events/sample.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/events/json_lines.h"

namespace penchant::events {
namespace {

// A column of texts with the memory that it lies in.
struct Texts {
  std::vector<std::int64_t> offsets{0};
  std::string bytes{};
  std::vector<std::int32_t> codes{};

  explicit Texts(const std::vector<std::string>& texts, std::vector<std::int32_t> coded = {})
      : codes(std::move(coded)) {
    for (const std::string& text : texts) {
      bytes += text;
      offsets.push_back(static_cast<std::int64_t>(bytes.size()));
    }
  }
  Column column(std::string name) const {
    return {.name = std::move(name), .codes = codes, .offsets = offsets, .bytes = bytes};
  }
};

TEST(ColumnsTest, SameRulesAsJson) {
  const auto taxonomy = Taxonomy::builtin()->extended(R"({"types": {"order": {"version": 2,
    "item": "none", "minimal": true,
    "fields": {"order_id": {"kind": "text", "required": true}, "note": {"kind": "text", "max_length": 3},
               "lines": {"kind": "lines", "required": true, "fields": {
                 "item": {"kind": "text", "required": true}, "margin": "decimal",
                 "price": {"kind": "decimal", "min": 0}, "quantity": {"kind": "decimal", "max": 9}}}},
    "migrate": {"1": [{"scale": ["lines.price", 0.01]}, {"default": ["note", "old"]}]}}}})");
  std::mt19937 random(4);
  const std::vector<std::string> subjects{"", "s1", "s2", "täglich", std::string(1025, 'x')};
  const std::vector<std::string> items{"a", "", "b", "\xff"};
  const std::vector<std::string> notes{"", "ok", "äöü", "long"};
  const std::size_t rows = 4000;
  std::vector<std::int32_t> subject_codes;
  std::vector<std::string> item_texts;
  std::vector<std::string> orders;
  std::vector<std::string> note_texts;
  std::vector<std::int64_t> times;
  std::vector<std::int64_t> versions;
  std::vector<double> prices;
  std::vector<double> margins;
  std::vector<std::int64_t> quantities;
  std::vector<std::uint8_t> has_quantity;
  std::vector<std::string> junk;
  std::string lines;
  const Timestamp day = parse_timestamp("2026-11-29");
  const auto pick = [&](const std::vector<std::string>& from) {
    return from[random() % 8 < from.size() ? random() % from.size() : 0];
  };
  for (std::size_t row = 0; row < rows; ++row) {
    subject_codes.push_back(static_cast<std::int32_t>(random() % 16 == 0 ? 4 : random() % 4));
    item_texts.push_back(random() % 9 == 0 ? items[3] : pick(items));
    orders.push_back(random() % 9 == 0 ? "" : "o" + std::to_string(row));
    note_texts.push_back(pick(notes));
    times.push_back(day.micros + static_cast<std::int64_t>(random() % 86'400) * 1'000'000);
    versions.push_back(1 + static_cast<std::int64_t>(random() % 20 == 0 ? 2 : random() % 2));
    prices.push_back(random() % 5 == 0 ? std::numeric_limits<double>::quiet_NaN()
                                       : static_cast<double>(random() % 20'000) / 100 - 2);
    margins.push_back(static_cast<double>(random() % 1000) / 1000);
    quantities.push_back(static_cast<std::int64_t>(random() % 11));
    has_quantity.push_back(random() % 4 == 0 ? 0 : 1);
    junk.push_back(random() % 3 == 0 ? "x" : "");
    if (item_texts.back() == "\xff") {
      // JSON can't say it; a column can.
      lines += "{\"\xff\":1}\n";
      continue;
    }
    lines +=
        concat(R"({"type":"order","version":)", versions.back(), R"(,"time":")",
               format_timestamp({times.back()}), R"(","subject":")",
               subjects[static_cast<std::size_t>(subject_codes.back())],
               R"(","fields":{"order_id":")", orders.back(), R"(","note":")", note_texts.back(),
               R"(","lines":[{"item":")", item_texts.back(), R"(","margin":)", margins.back());
    if (prices.back() == prices.back()) lines += concat(R"(,"price":)", prices.back());
    if (has_quantity.back() != 0) lines += concat(R"(,"quantity":)", quantities.back());
    if (!junk.back().empty()) lines += R"(,"junk":"x")";
    lines += "}]}}\n";
  }
  const Texts subject(subjects, subject_codes);
  const Texts item(item_texts);
  const Texts order(orders);
  const Texts note(note_texts);
  const Texts unknown(junk);
  const Frame frame{
      .rows = rows,
      .type = "order",
      .columns = {subject.column("subject"),
                  item.column("item"),
                  order.column("order_id"),
                  note.column("note"),
                  unknown.column("junk"),
                  {.name = "time", .kind = ColumnKind::kTime, .integers = times},
                  {.name = "version", .kind = ColumnKind::kInteger, .integers = versions},
                  {.name = "price", .kind = ColumnKind::kNumber, .numbers = prices},
                  {.name = "margin", .kind = ColumnKind::kNumber, .numbers = margins},
                  {.name = "quantity",
                   .kind = ColumnKind::kInteger,
                   .integers = quantities,
                   .valid = has_quantity}}};
  EventTable by_columns(taxonomy);
  EventTable by_json(taxonomy);
  const Quarantined a = read_columns(frame, by_columns);
  const Quarantined b = read_json_lines(lines, {}, by_json);
  ASSERT_EQ(a.rows, b.rows);
  EXPECT_GT(a.rows.size(), rows / 10);
  EXPECT_GT(by_columns.rows(), rows / 10);
  EXPECT_EQ(a.dropped, b.dropped);
  EXPECT_GT(a.dropped, 0U);
  for (std::size_t i = 0; i < a.rows.size(); ++i) {
    // Of several faults each door finds its own first.
    if (b.rejections[i].reason == Reason::kNotJson) {
      EXPECT_TRUE(!a.rejections[i].message.empty());
    }
  }
  ASSERT_EQ(by_columns.rows(), by_json.rows());
  ASSERT_EQ(by_columns.events(), by_json.events());
  const auto note_slot = static_cast<std::size_t>(taxonomy->find_slot("note"));
  const auto margin_slot = static_cast<std::size_t>(taxonomy->find_slot("lines.margin"));
  for (std::size_t row = 0; row < by_json.rows(); ++row) {
    ASSERT_EQ(by_columns.subjects().text(by_columns.subject()[row]),
              by_json.subjects().text(by_json.subject()[row]));
    ASSERT_EQ(by_columns.items().text(by_columns.item()[row]),
              by_json.items().text(by_json.item()[row]));
    ASSERT_EQ(by_columns.orders().text(by_columns.order()[row]),
              by_json.orders().text(by_json.order()[row]));
    ASSERT_EQ(by_columns.time()[row], by_json.time()[row]);
    ASSERT_EQ(by_columns.price()[row], by_json.price()[row]);
    ASSERT_EQ(by_columns.quantity()[row], by_json.quantity()[row]);
    ASSERT_EQ(by_columns.slot(margin_slot).numbers[row], by_json.slot(margin_slot).numbers[row]);
    const std::int32_t x = by_columns.slot(note_slot).codes[row];
    const std::int32_t y = by_json.slot(note_slot).codes[row];
    ASSERT_EQ(x < 0, y < 0);
    if (x >= 0) {
      ASSERT_EQ(by_columns.slot(note_slot).texts.text(x), by_json.slot(note_slot).texts.text(y));
    }
  }
}

TEST(ColumnsTest, RowsOfOneEventIdAreLinesOfOneEvent) {
  const auto taxonomy = Taxonomy::builtin();
  const Texts id({"e1", "e1", "e2", "", ""});
  const Texts item({"a", "b", "a", "a", "a"});
  const Texts order({"o1", "o1", "o2", "o3", "o3"});
  const std::vector<std::int64_t> times(5, 0);
  const std::vector<std::int64_t> subjects{7, 7, 7, 7, 7};
  EventTable table(taxonomy);
  const Quarantined bad = read_columns(
      {.rows = 5,
       .type = "purchase",
       .columns = {id.column("event_id"),
                   item.column("item"),
                   order.column("order_id"),
                   {.name = "time", .kind = ColumnKind::kTime, .integers = times},
                   {.name = "subject", .kind = ColumnKind::kInteger, .integers = subjects}}},
      table);
  EXPECT_TRUE(bad.rows.empty());
  EXPECT_EQ(table.rows(), 5U);
  EXPECT_EQ(table.events(), 4U);
  EXPECT_EQ(table.id(0), "e1");
  EXPECT_EQ(table.id(1), "e2");
  EXPECT_EQ(table.subjects().text(0), "7");
}

TEST(ColumnsTest, RefusesWhatMakesNoFrame) {
  const auto taxonomy = Taxonomy::builtin();
  const std::vector<std::int64_t> two{1, 2};
  const auto refused = [&](const Frame& frame) {
    EventTable table(taxonomy);
    try {
      (void)read_columns(frame, table);
    } catch (const Error& error) {
      return error.kind() == ErrorKind::kInvalidArgument;
    }
    return false;
  };
  const Column time{.name = "time", .kind = ColumnKind::kTime, .integers = two};
  EXPECT_TRUE(refused({.rows = 2, .columns = {time}}));                   // no type
  EXPECT_TRUE(refused({.rows = 2, .type = "buy", .columns = {time}}));    // unknown
  EXPECT_TRUE(refused({.rows = 3, .type = "login", .columns = {time}}));  // too short
  EXPECT_TRUE(refused({.rows = 2, .type = "login", .columns = {time, time}}));
  const Texts texts({"a"}, {0, 1});  // a code beyond
  EXPECT_TRUE(refused({.rows = 2, .type = "login", .columns = {texts.column("subject")}}));
  Texts back({"aa", "bb"});
  back.offsets = {0, 3, 2};
  EXPECT_TRUE(refused({.rows = 2, .type = "login", .columns = {back.column("subject")}}));
}

}  // namespace
}  // namespace penchant::events
