#include <random>

#include "events/sample.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/events/event_table.h"
#include "penchant/events/taxonomy.h"

namespace penchant::events {
namespace {

using testing::kNoon;
using testing::kPurchase;
using testing::read_bad;
using testing::read_good;

std::string view(std::string_view rest) {
  return concat(R"({"type":"page_view","time":"2026-11-29T10:00:00Z","subject":"s")", rest, "}");
}

TEST(ReadTest, PurchaseBecomesLinesThatShareTheOrder) {
  const auto taxonomy = Taxonomy::builtin();
  const Event event = read_good(*taxonomy, kPurchase, kNoon);
  EXPECT_EQ(event.id, "e-1");
  EXPECT_EQ(event.subject, "17850");
  EXPECT_EQ(event.order, "o-1");
  EXPECT_EQ(event.received, kNoon);
  EXPECT_EQ(event.time, parse_timestamp("2026-11-29T10:00:00.25Z"));
  ASSERT_EQ(event.identifiers.size(), 2U);
  EXPECT_EQ(event.identifiers[0], (Identifier{"card", "42"}));
  ASSERT_EQ(event.lines.size(), 2U);
  EXPECT_EQ(event.lines[0].quantity, 6'000'000);
  EXPECT_EQ(event.lines[0].price, 2'550'000);
  EXPECT_EQ(event.lines[1].item, "71053");
  EXPECT_EQ(event.lines[1].quantity, 1'000'000);
  EXPECT_EQ(event.lines[1].price, 3'390'000);
  EXPECT_EQ(event.lines[1].extra, R"({"gift":true})");
  EXPECT_EQ(event.extra, R"({"coupon":{"code":"X"}})");
  EXPECT_EQ(event.context, R"({"hour":10})");

  EventTable table(taxonomy);
  table.append(event);
  table.append(read_good(*taxonomy, view(R"(,"item":"85123A")")));
  ASSERT_EQ(table.rows(), 3U);
  EXPECT_EQ(table.events(), 2U);
  EXPECT_EQ(table.order()[0], table.order()[1]);
  EXPECT_EQ(table.order()[2], -1);
  EXPECT_EQ(table.item()[0], table.item()[2]);
  EXPECT_EQ(table.event()[1], 0);
  EXPECT_EQ(table.id(0), "e-1");
  EXPECT_EQ(table.id(1), "");
  EXPECT_EQ(table.quantity()[2], kAbsent);
  const auto currency = static_cast<std::size_t>(taxonomy->find_slot("currency"));
  const SlotColumn& slot = table.slot(currency);
  EXPECT_EQ(slot.texts.text(slot.codes[1]), "GBP");
  EXPECT_EQ(slot.codes[2], -1);
  EXPECT_EQ(table.identifiers(0).size(), 2U);
  EXPECT_TRUE(table.identifiers(1).empty());
  table.set_subject(0, "merged");
  EXPECT_EQ(table.subjects().text(table.subject()[1]), "merged");
  EXPECT_EQ(table.subjects().text(table.subject()[2]), "s");
}

TEST(ReadTest, WhatIsWrittenReadsAsTheSame) {
  const auto taxonomy = Taxonomy::builtin();
  for (const std::string& json :
       {std::string(kPurchase), view(""),
        view(R"(,"fields":{"zeta":[1,{"a":null}],"alpha":"\"x\\"})"),
        std::string(R"({"type":"add_to_cart","time":"1970-01-01","identifiers":{"c":"1"},"item":"a",
                        "fields":{"price":"5000000000.25"}})")}) {
    const Event event = read_good(*taxonomy, json);
    EXPECT_EQ(read_good(*taxonomy, taxonomy->write(event)), event) << taxonomy->write(event);
  }
}

TEST(ReadTest, RejectsWithReasonPlaceAndHash) {
  const auto taxonomy = Taxonomy::builtin();
  const auto reason = [&](std::string_view json, std::string_view place) {
    const Rejection rejection = read_bad(*taxonomy, json, kNoon);
    EXPECT_NE(rejection.message.find(place), std::string::npos) << rejection.message;
    EXPECT_NE(rejection.payload_hash, 0U);
    return rejection.reason;
  };
  EXPECT_EQ(reason(std::string(kMaxEventBytes + 1, ' '), "bytes"), Reason::kTooLarge);
  EXPECT_EQ(reason("", "JSON"), Reason::kNotJson);
  EXPECT_EQ(reason("{\"type\":", "JSON"), Reason::kNotJson);
  EXPECT_EQ(reason("[1]", "object"), Reason::kNotAnObject);
  EXPECT_EQ(reason(view(R"(,"sujbect":"x")"), "sujbect"), Reason::kUnknownMember);
  EXPECT_EQ(reason(view(R"(,"subject":"x")"), "subject"), Reason::kTwice);
  EXPECT_EQ(reason(R"({"type":"buy"})", "buy"), Reason::kUnknownType);
  EXPECT_EQ(reason(view(R"(,"version":2)"), "version"), Reason::kNewerVersion);
  EXPECT_EQ(reason(R"({"type":"page_view"})", "subject"), Reason::kNobody);
  EXPECT_EQ(reason(R"({"type":"search","subject":1})", "fields.query"), Reason::kMissing);
  EXPECT_EQ(reason(R"({"type":"add_to_cart","subject":1})", "item"), Reason::kMissing);
  EXPECT_EQ(reason(R"({"type":"login","subject":1,"item":2})", "item"), Reason::kUnknownMember);
  EXPECT_EQ(reason(R"({"type":"click","subject":1,"fields":{"position":1.5}})", "fields.position"),
            Reason::kWrongKind);
  EXPECT_EQ(reason(R"({"type":"click","subject":1,"fields":{"position":-1}})", "at least 0"),
            Reason::kOutOfRange);
  EXPECT_EQ(reason(R"({"type":"click","subject":1,"fields":{"position":18446744073709551615}})",
                   "64 bits"),
            Reason::kOutOfRange);
  EXPECT_EQ(reason(R"({"type":"page_view","subject":1,"time":"yesterday"})", "time"),
            Reason::kBadTime);
  EXPECT_EQ(reason(R"({"type":"page_view","subject":1,"time":"2300-01-01"})", "time"),
            Reason::kBadTime);
  EXPECT_EQ(reason(R"({"type":"page_view","subject":1,"time":"2026-11-29T13:00:01Z"})", "receipt"),
            Reason::kFuture);
  EXPECT_EQ(reason(view(concat(R"(,"item":")", std::string(1025, 'x'), '"')), "item"),
            Reason::kTooLong);
  EXPECT_EQ(reason(R"({"type":"purchase","subject":1,"fields":{"order_id":"o","currency":"EURO",
                       "lines":[{"item":1}]}})",
                   "fields.currency"),
            Reason::kTooLong);
  EXPECT_EQ(reason(R"({"type":"purchase","subject":1,"fields":{"order_id":"o","lines":[]}})",
                   "fields.lines"),
            Reason::kMissing);
  EXPECT_EQ(reason(R"({"type":"purchase","subject":1,"fields":{"order_id":"o",
                       "lines":[{"item":1},{"item":2,"quantity":0}]}})",
                   "fields.lines[1].quantity"),
            Reason::kOutOfRange);
  EXPECT_EQ(reason(R"({"type":"purchase","subject":1,"fields":{"order_id":"o",
                       "lines":[{"item":1,"price":"1.x"}]}})",
                   "fields.lines[0].price"),
            Reason::kWrongKind);
  EXPECT_EQ(reason(view(R"(,"identifiers":{"a":"1","a":"2"})"), "identifiers.a"), Reason::kTwice);
  EXPECT_EQ(reason(view(R"(,"fields":{"x":1,"x":2})"), "fields.x"), Reason::kTwice);
  // Half a surrogate pair: whoever finds it, it is no event.
  for (const char* rest :
       {R"(,"item":"\udc00")", R"(,"fields":{"x":"\udc00"})", R"(,"item":"\ud800x")"}) {
    const Reason found = reason(view(rest), "");
    EXPECT_TRUE(found == Reason::kNotJson || found == Reason::kBadText);
  }
}

TEST(ReadTest, TimesAreTheEventsAndTheDoors) {
  const auto taxonomy = Taxonomy::builtin();
  const std::string told = view(R"(,"received":"2026-11-29T10:00:05Z")");
  EXPECT_EQ(read_good(*taxonomy, told).received, parse_timestamp("2026-11-29T10:00:05Z"));
  EXPECT_EQ(read_good(*taxonomy, told, kNoon).received, kNoon);  // the door knows better
  EXPECT_EQ(read_good(*taxonomy, R"({"type":"login","subject":"s"})", kNoon).time, kNoon);
  EXPECT_EQ(read_bad(*taxonomy, R"({"type":"login","subject":"s"})").reason, Reason::kMissing);
  // On the edge of the tolerance.
  const std::string edge = R"({"type":"login","subject":"s","time":"2026-11-29T13:00:00Z"})";
  EXPECT_EQ(read_good(*taxonomy, edge, kNoon).time.micros - kNoon.micros, 3'600'000'000);
}

TEST(ReadTest, OlderVersionsBecomeTheNewest) {
  const auto taxonomy = Taxonomy::builtin()->extended(R"({"types": {"order": {"version": 3,
    "fields": {"order_id": {"kind": "text", "required": true}, "channel": "text",
               "lines": {"kind": "lines", "required": true, "fields": {
                 "item": {"kind": "text", "required": true}, "price": "decimal"}}},
    "migrate": {"1": [{"rename": ["products", "lines"]}, {"rename": ["lines.sku", "lines.item"]},
                      {"drop": "debug"}],
                "2": [{"scale": ["lines.price", 0.01]}, {"default": ["channel", "web"]}]}}}})");
  const std::string head = R"({"type":"order","subject":"s","time":"2026-11-29",)";
  const Event first = read_good(*taxonomy, head + R"("version":1,"fields":{"order_id":"o","debug":1,
    "products":[{"sku":"a","price":1299}]}})");
  const Event second = read_good(*taxonomy, head + R"("version":2,"fields":{"order_id":"o",
    "lines":[{"item":"a","price":1299}]}})");
  const Event third = read_good(*taxonomy, head + R"("version":3,"fields":{"order_id":"o",
    "channel":"web","lines":[{"item":"a","price":12.99}]}})");
  EXPECT_EQ(first, third);
  EXPECT_EQ(second, third);
  EXPECT_EQ(read_good(*taxonomy, taxonomy->write(third)), third);
  EXPECT_EQ(read_bad(*taxonomy, head + R"("version":4})").reason, Reason::kNewerVersion);
}

TEST(ReadTest, MinimalSchemasDropAndCount) {
  const auto taxonomy = Taxonomy::builtin()->extended(
      R"({"types": {"visit": {"minimal": true, "fields": {"area": "text"}}}})");
  const Event event = read_good(*taxonomy, R"({"type":"visit","subject":"s","time":"2026-11-29",
    "context":{"device":"tv","ip":"1.2.3.4"},"fields":{"area":"a","phone":"1","mail":null}})");
  EXPECT_EQ(event.dropped, 2U);
  EXPECT_EQ(event.extra, "");
  EXPECT_EQ(event.context, "");
  EXPECT_EQ(event.fields.size(), 2U);
}

TEST(ReadTest, AnyBytesAreAnEventOrARejection) {
  const auto taxonomy = Taxonomy::builtin();
  std::mt19937 random(3);
  Event event;
  Rejection rejection;
  for (int round = 0; round < 20'000; ++round) {
    std::string json(kPurchase);
    for (std::size_t changes = random() % 4 + 1; changes > 0; --changes) {
      const std::size_t at = random() % json.size();
      switch (random() % 3) {
        case 0:
          json[at] = static_cast<char>(random());
          break;
        case 1:
          json.erase(at, random() % 8);
          break;
        default:
          json.insert(at, json.substr(random() % json.size(), random() % 12));
      }
    }
    if (!taxonomy->read(json, kNoon, event, rejection)) {
      ASSERT_FALSE(rejection.message.empty());
      continue;
    }
    ASSERT_EQ(read_good(*taxonomy, taxonomy->write(event)), event) << json;
  }
}

}  // namespace
}  // namespace penchant::events
