#include "penchant/events/taxonomy.h"

#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::events {
namespace {

TEST(TaxonomyTest, BuiltinHasWhatEveryShopHas) {
  const auto taxonomy = Taxonomy::builtin();
  for (const char* name :
       {"page_view", "click", "search", "add_to_cart", "remove_from_cart", "purchase", "return",
        "time_on_page", "email_sent", "email_open", "email_click", "offer_served", "offer_engaged",
        "offer_rejected", "store_purchase", "login", "consent"}) {
    EXPECT_GE(taxonomy->find_type(name), 0) << name;
  }
  EXPECT_EQ(taxonomy->find_type("buy"), -1);
  EXPECT_GE(taxonomy->find_slot("currency"), 0);
  EXPECT_GE(taxonomy->find_slot("context.device"), 0);
  EXPECT_EQ(taxonomy->find_slot("price"), -1);  // a column of its own
}

TEST(TaxonomyTest, ExtendingKeepsCodesAndSlots) {
  const auto base = Taxonomy::builtin();
  const auto more = base->extended(R"({"types": {
    "wishlist": {"item": "required", "fields": {"priority": {"kind": "integer", "min": 0, "max": 5}}},
    "click": {"version": 2, "minimal": true, "fields": {"position": "integer", "area": "text"}}}})");
  for (const TypeSpec& type : base->types()) {
    EXPECT_EQ(more->find_type(type.name), base->find_type(type.name));
  }
  for (const Slot& slot : base->slots()) {
    EXPECT_EQ(more->find_slot(slot.name), base->find_slot(slot.name));
  }
  EXPECT_EQ(more->types().size(), base->types().size() + 1);
  EXPECT_TRUE(more->types()[static_cast<std::size_t>(more->find_type("click"))].minimal);
}

TEST(TaxonomyTest, CanonicalJsonDeclaresTheSame) {
  const auto first = Taxonomy::builtin()->extended(R"({"future": "5m", "require_event_id": true,
    "context": {"hour": {"kind": "integer", "min": 0, "max": 23}},
    "types": {"visit": {"version": 3, "subject": "optional", "in_session": false, "fields": {
        "at": {"kind": "time", "min": "2020-01-01"}, "kind": {"kind": "text", "allowed": ["b", "a"]},
        "share": {"kind": "decimal", "max": "0.5", "allowed": [0.25, 0.5]}},
      "migrate": {"1": [{"rename": ["old", "kind"]}, {"default": ["share", 0.25]}],
                  "2": [{"scale": ["share", 0.01]}, {"drop": "junk"},
                        {"default": ["kind", "a"]}]}}}})");
  const std::string json = first->to_json();
  const auto second = Taxonomy::from_json(json);
  EXPECT_EQ(second->to_json(), json);
  for (const TypeSpec& type : first->types()) {
    EXPECT_EQ(second->find_type(type.name), first->find_type(type.name));
  }
  EXPECT_EQ(second->options().future, parse_duration("5m"));
}

std::string refusal(std::string_view json) {
  try {
    (void)Taxonomy::builtin()->extended(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
    return error.what();
  }
  return "";
}

TEST(TaxonomyTest, FaultsAreSaidWithTheirPlace) {
  const auto types = [](std::string_view body) {
    return std::string(R"({"types": {"t": )") + std::string(body) + "}}";
  };
  EXPECT_NE(refusal("{").find("JSON"), std::string::npos);
  EXPECT_NE(refusal(R"({"type": {}})").find("unknown member 'type'"), std::string::npos);
  EXPECT_NE(refusal(R"({"types": {"Bad Name": {}}})").find("'Bad Name' is not a name"),
            std::string::npos);
  EXPECT_NE(refusal(types(R"({"fields": {"a": "float"}})")).find("types.t.fields.a"),
            std::string::npos);
  EXPECT_NE(refusal(types(R"({"fields": {"price": "text"}})")).find("is of kind decimal"),
            std::string::npos);
  EXPECT_NE(refusal(types(R"({"fields": {"currency": "integer"}})")).find("a name means one thing"),
            std::string::npos);
  EXPECT_NE(refusal(types(R"({"fields": {"a": {"kind": "integer", "min": 2, "max": 1}}})"))
                .find("min is beyond max"),
            std::string::npos);
  EXPECT_NE(refusal(types(R"({"fields": {"lines": {"kind": "lines"}}})")).find("'item'"),
            std::string::npos);
  EXPECT_NE(refusal(types(R"({"migrate": {"1": []}})")).find("before 1"), std::string::npos);
  EXPECT_NE(refusal(types(R"({"version": 2, "migrate": {"1": [{"move": "a"}]}})")).find("move"),
            std::string::npos);
  EXPECT_NE(refusal(types(R"({"version": 0})")).find("types.t.version"), std::string::npos);
  EXPECT_NE(refusal(types(R"({"item": "maybe"})")).find("maybe"), std::string::npos);
  EXPECT_NE(refusal(R"({"future": "soon"})").find("soon"), std::string::npos);
}

}  // namespace
}  // namespace penchant::events
