#include "penchant/engine/request.h"

#include <gtest/gtest.h>

namespace penchant::engine {
namespace {

TEST(Request, ReadsEveryMember) {
  const Request r = parse_request(
      R"({"subject":"17850","k":7,"placement":"home","explain":true,"exclude_seen":false,
          "deny":["a",5],"candidates":[],"context":{"basket":["x",-9223372036854775808],
          "page":"p","device":"d","location":"here","time":"2011-11-12T01:00:00+01:00"}})");
  EXPECT_EQ(r.subject, ExternalId(std::string("17850")));
  EXPECT_EQ(r.k, 7U);
  EXPECT_EQ(r.placement, "home");
  EXPECT_TRUE(r.explain);
  EXPECT_EQ(r.exclude_seen, std::optional(false));
  EXPECT_EQ(r.deny, (std::vector<ExternalId>{std::string("a"), std::int64_t{5}}));
  ASSERT_TRUE(r.candidates.has_value());
  EXPECT_TRUE(r.candidates->empty());
  EXPECT_EQ(r.context.basket.size(), 2U);
  EXPECT_EQ(r.context.page, "p");
  EXPECT_EQ(r.context.device, "d");
  EXPECT_EQ(r.context.location, "here");
  EXPECT_EQ(r.context.time, parse_timestamp("2011-11-12"));
}

TEST(Request, ReadsWhatIsKnownOfThePerson) {
  using Texts = std::vector<std::string>;
  const Request r = parse_request(
      R"({"context":{"attributes":{"region":"north","age":30,"member":true,"tags":["a","b"],
          "none":null,"nothing":[]},"page":{"item":7},
          "events":[{"item":"x"},{"item":5,"time":"2011-11-12","value":2},{"item":"x","time":null}]}})");
  EXPECT_EQ(r.context.attributes, (data::Attributes{{"region", Texts{"north"}},
                                                    {"age", 30.0},
                                                    {"member", Texts{"true"}},
                                                    {"tags", Texts{"a", "b"}},
                                                    {"nothing", Texts{}}}));
  EXPECT_EQ(r.context.viewed, ExternalId(std::int64_t{7}));
  EXPECT_EQ(r.context.page, "");
  ASSERT_EQ(r.context.events.size(), 3U);
  EXPECT_EQ(r.context.events[1].item, ExternalId(std::int64_t{5}));
  EXPECT_EQ(r.context.events[1].time, parse_timestamp("2011-11-12"));
  EXPECT_EQ(r.context.events[1].value, 2.0F);
  EXPECT_FALSE(r.context.events[2].time.has_value());
  const Request page = parse_request(R"({"context":{"page":"sku"}})");
  EXPECT_EQ(page.context.page, "sku");
  EXPECT_EQ(page.context.viewed, ExternalId(std::string("sku")));
}

TEST(Request, NothingButAnObjectIsEnough) {
  const Request r = parse_request("{}");
  EXPECT_FALSE(r.subject.has_value());
  EXPECT_EQ(r.k, 10U);
  EXPECT_FALSE(r.exclude_seen.has_value());
  EXPECT_FALSE(parse_request(R"({"subject":null,"context":null,"candidates":null})").candidates);
}

TEST(Request, SaysWhatIsWrongAndWhere) {
  const auto refuses = [](const std::string& json, const std::string& part) {
    try {
      (void)parse_request(json);
      ADD_FAILURE() << json.substr(0, 80) << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  };
  refuses("", "JSON");
  refuses("{", "JSON");
  refuses("[]", "object");
  refuses("{} {}", "JSON");
  refuses(R"({"k":0})", "'k'");
  refuses(R"({"k":1.5})", "'k'");
  refuses(R"({"k":"3"})", "'k'");
  refuses(R"({"k":99999999999})", "'k'");
  refuses(R"({"subject":1.5})", "'subject'");
  refuses(R"({"subject":true})", "'subject'");
  refuses(R"({"subject":99999999999999999999})", "");
  refuses(R"({"subjct":"a"})", "subjct");
  refuses(R"({"identifiers":["c1"]})", "'identifiers'");
  std::string sixty_five;
  for (int i = 0; i < 65; ++i) sixty_five += concat(i == 0 ? "" : ",", "\"n", i, "\":null");
  refuses(concat("{\"identifiers\":{", sixty_five, "}}"), "more than 64");
  refuses(R"({"context":[]})", "'context'");
  refuses(R"({"context":{"baskt":[]}})", "baskt");
  refuses(R"({"context":{"basket":"a"}})", "context.basket");
  refuses(R"({"context":{"time":"noon"}})", "context.time");
  refuses(R"({"context":{"page":5}})", "'context.page'");
  refuses(R"({"context":{"location":{}}})", "'context.location'");
  refuses(R"({"context":{"page":{}}})", "'context.page'");
  refuses(R"({"context":{"page":{"sku":1}}})", "sku");
  refuses(R"({"context":{"page":{"item":1.5}}})", "context.page.item");
  refuses(R"({"context":{"events":{}}})", "'context.events'");
  refuses(R"({"context":{"events":["a"]}})", "'context.events'");
  refuses(R"({"context":{"events":[{}]}})", "'item'");
  refuses(R"({"context":{"events":[{"item":"a","type":"view"}]}})", "type");
  for (const char* value : {"0", "-1", "1e300", "1e-300", "true", "null", "\"1\""}) {
    refuses(concat(R"({"context":{"events":[{"item":"a","value":)", value, "}]}}"),
            "context.events.value");
  }
  refuses(R"({"context":{"events":[{"item":"a","time":5}]}})", "context.events.time");
  refuses(R"({"context":{"attributes":[]}})", "'context.attributes'");
  refuses(R"({"context":{"attributes":{"a":{}}}})", "context.attributes.a");
  refuses(R"({"context":{"attributes":{"a":[1]}}})", "context.attributes.a");
  refuses(R"({"context":{"attributes":{"a":1,"a":2}}})", "twice");
  refuses(R"({"context":{"attributes":{"a":")" + std::string(5000, 'x') + "\"}}}", "longer than");
  std::string attributes = R"({"context":{"attributes":{"a":1)";
  for (std::size_t i = 0; i < kMaxAttributes; ++i) attributes += concat(",\"a", i, "\":1");
  refuses(attributes + "}}}", "more than");
  std::string nothing = R"({"context":{"attributes":{"a":null)";
  for (std::size_t i = 0; i < kMaxAttributes; ++i) nothing += concat(",\"a", i, "\":null");
  refuses(nothing + "}}}", "more than");
  std::string tags = R"({"context":{"attributes":{"a":["")";
  for (std::size_t i = 0; i < kMaxTags; ++i) tags += ",\"\"";
  refuses(tags + "]}}}", "more than");
  std::string events = R"({"context":{"events":[{"item":1})";
  for (std::size_t i = 0; i < kMaxListedItems; ++i) events += R"(,{"item":1})";
  refuses(events + "]}}", "more than");
  refuses(R"({"deny":{}})", "'deny'");
  refuses(R"({"explain":1})", "'explain'");
  refuses(R"({"k":1,"k":2})", "twice");
  refuses("{\"subject\":\"\xff\"}", "JSON");
  refuses(R"({"subject":")" + std::string(5000, 'x') + "\"}", "longer than");
  std::string many = R"({"deny":[0)";
  for (std::size_t i = 0; i < kMaxListedItems; ++i) many += ",1";
  refuses(many + "]}", "more than");
  refuses(std::string(kMaxRequestBytes + 1, ' '), "longer than");
  refuses(std::string(100'000, '['), "JSON");
}

}  // namespace
}  // namespace penchant::engine
