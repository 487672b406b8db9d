#include "penchant/events/mapping.h"

#include <random>

#include "events/sample.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::events {
namespace {

constexpr std::string_view kMapping = R"({"name": "other",
  "common": {"event_id": "$.id", "time": ["$.at", "$.sent"], "subject": "$.user.id",
             "identifiers": {"cookie": "$.user.cookie"},
             "context": {"device": {"from": "$.agent", "values": {"iPhone": "phone"}, "default": "web"}}},
  "rules": [
    {"when": {"name": ["Bought", "Paid*"]}, "type": "purchase",
     "fields": {"order_id": "order", "currency": {"const": "EUR"},
                "lines": {"each": ["basket", "items"], "item": ["sku", "id"],
                          "quantity": {"from": "n", "default": 1}, "price": "$.prices.0"}}},
    {"when": {"name": "Seen"}, "each": {"in": "entities", "where": {"kind": "product/*"}, "take": "data"},
     "type": "page_view", "item": "id"}]})";

TEST(MappingTest, PathsConstantsAndLoops) {
  const auto mapping = Mapping::from_json(kMapping);
  const auto taxonomy = Taxonomy::builtin();
  std::vector<std::string> out;
  Rejection rejection;
  ASSERT_TRUE(mapping->apply(
      R"({"name":"Paid in full","id":7,"at":null,"sent":"2026-11-29","user":{"id":"s","cookie":"c"},
          "agent":"iPhone","order":12,"prices":[9.5],"items":[{"sku":"","id":"a"},{"sku":"b","n":2}]})",
      out, rejection));
  ASSERT_EQ(out.size(), 1U);
  const Event event = testing::read_good(*taxonomy, out[0]);
  EXPECT_EQ(event.id, "7");
  EXPECT_EQ(event.order, "12");
  EXPECT_EQ(event.identifiers[0], (Identifier{"cookie", "c"}));
  ASSERT_EQ(event.lines.size(), 2U);
  EXPECT_EQ(event.lines[0].item, "a");
  EXPECT_EQ(event.lines[1].quantity, 2 * kMillion);
  EXPECT_EQ(event.lines[1].price, 9'500'000);
}

TEST(MappingTest, ALoopingRuleMakesSeveralEvents) {
  const auto mapping = Mapping::from_json(kMapping);
  const auto taxonomy = Taxonomy::builtin();
  std::vector<std::string> out;
  Rejection rejection;
  ASSERT_TRUE(mapping->apply(
      R"({"name":"Seen","id":"x","at":"2026-11-29","entities":[{"kind":"product/1","data":{"id":"a"}},
          {"kind":"page/1","data":{"id":"z"}},{"kind":"product/2","data":{"id":"b"}}],"agent":"?"})",
      out, rejection));
  // The paths of a rule that loops start at the element; the whole event is "$".
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[1], R"({"type":"page_view","event_id":"x/1","time":"2026-11-29","item":"b",)"
                    R"("identifiers":{},"context":{"device":"web"},"fields":{}})");
  EXPECT_FALSE(mapping->apply(R"({"name":"Lost"})", out, rejection));
  EXPECT_EQ(rejection.reason, Reason::kUnmapped);
  EXPECT_FALSE(mapping->apply("[]", out, rejection));
  EXPECT_EQ(rejection.reason, Reason::kNotAnObject);
}

TEST(MappingTest, AnyBytesAreMappedOrRejected) {
  const auto mapping = Mapping::from_json(kMapping);
  const auto taxonomy = Taxonomy::builtin();
  const std::string good =
      R"({"name":"Bought","id":"x","at":"2026-11-29","user":{"id":"s"},"order":1,"prices":[2],
          "basket":[{"sku":"a"},{"sku":"\u00e4"}],"entities":[{"kind":"product/1","data":{}}]})";
  std::mt19937 random(9);
  std::vector<std::string> out;
  Rejection rejection;
  Event event;
  for (int round = 0; round < 20'000; ++round) {
    std::string json = good;
    for (std::size_t changes = random() % 3; changes > 0; --changes) {
      json[random() % json.size()] = static_cast<char>(random());
    }
    if (!mapping->apply(json, out, rejection)) continue;
    for (const std::string& one : out) (void)taxonomy->read(one, {}, event, rejection);
  }
}

TEST(MappingTest, FaultsAreSaidWithTheirPlace) {
  const auto refusal = [](std::string_view json) -> std::string {
    try {
      (void)Mapping::from_json(json);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(refusal("[").find("JSON"), std::string::npos);
  EXPECT_NE(refusal(R"({"rules": []})").find("rules"), std::string::npos);
  EXPECT_NE(refusal(R"({"rules": [{"when": {"a": "b"}}]})").find("rules[0]: want a 'type'"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"rules": [{"type": "t", "item": "a..b"}]})").find("rules[0].item"),
            std::string::npos);
  EXPECT_NE(
      refusal(R"({"rules": [{"type": "t", "fields": {"lines": {"item": "a"}}}]})").find("each"),
      std::string::npos);
  EXPECT_NE(refusal(R"({"rules": [{"type": "t", "what": 1}]})").find("what"), std::string::npos);
}

}  // namespace
}  // namespace penchant::events
