#include "penchant/engine/context_values.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace penchant::engine {
namespace {

double value(const Context& context, const std::string& name) {
  return context_value({.name = name}, context);
}

double value(const Context& context, const std::string& name, const std::string& is) {
  return context_value({.name = name, .is = is}, context);
}

TEST(ContextValues, TextsAreWhatIsAskedForOrNot) {
  Context context;
  for (const char* const name : {"device", "page", "location", "store"}) {
    EXPECT_TRUE(std::isnan(value(context, name, "a"))) << name;
  }
  context.device = "phone";
  context.location = "berlin";
  context.attributes = {{"plan", std::vector<std::string>{"gold"}},
                        {"tags", std::vector<std::string>{"a", "b"}},
                        {"none", std::vector<std::string>{}}};
  EXPECT_EQ(value(context, "device", "phone"), 1);
  EXPECT_EQ(value(context, "device", "Phone"), 0);
  EXPECT_EQ(value(context, "location", "berlin"), 1);
  EXPECT_EQ(value(context, "plan", "gold"), 1);
  EXPECT_EQ(value(context, "tags", "b"), 1);
  EXPECT_EQ(value(context, "tags", "c"), 0);
  EXPECT_TRUE(std::isnan(value(context, "none", "c")));
  EXPECT_TRUE(std::isnan(value(context, "device")));
  EXPECT_TRUE(std::isnan(value(context, "plan")));
}

TEST(ContextValues, APageMayBeAnItem) {
  Context context;
  context.viewed = std::int64_t{7};
  EXPECT_EQ(value(context, "page", "7"), 1);
  EXPECT_EQ(value(context, "page", "8"), 0);
  context.page = "home";
  EXPECT_EQ(value(context, "page", "home"), 1);
  EXPECT_EQ(value(context, "page", "7"), 0);
}

TEST(ContextValues, NumbersAreThemselvesAndTheirDigits) {
  Context context;
  context.attributes = {{"distance", 2.5},
                        {"store", 12.0},
                        {"below", -3.0},
                        {"large", 1e300},
                        {"odd", std::numeric_limits<double>::infinity()},
                        {"member", std::vector<std::string>{"true"}},
                        {"left", std::vector<std::string>{"false"}}};
  EXPECT_EQ(value(context, "distance"), 2.5);
  EXPECT_EQ(value(context, "distance", "2.5"), 0);
  EXPECT_EQ(value(context, "store", "12"), 1);
  EXPECT_EQ(value(context, "store", "012"), 0);
  EXPECT_EQ(value(context, "below", "-3"), 1);
  EXPECT_EQ(value(context, "large", "1"), 0);
  EXPECT_TRUE(std::isnan(value(context, "odd")));
  EXPECT_TRUE(std::isnan(value(context, "missing")));
  EXPECT_EQ(value(context, "member"), 1);
  EXPECT_EQ(value(context, "member", "true"), 1);
  EXPECT_EQ(value(context, "left"), 0);
}

}  // namespace
}  // namespace penchant::engine
