#include "penchant/events/amount.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace penchant::events {
namespace {

TEST(AmountTest, ReadsDecimalTextsExactly) {
  EXPECT_EQ(parse_amount("12.95"), 12'950'000);
  EXPECT_EQ(parse_amount("-0.000001"), -1);
  EXPECT_EQ(parse_amount("+.5"), 500'000);
  EXPECT_EQ(parse_amount("3."), 3'000'000);
  EXPECT_EQ(parse_amount("1e2"), 100'000'000);
  EXPECT_EQ(parse_amount("125e-3"), 125'000);
  EXPECT_EQ(parse_amount("0e999"), 0);
  EXPECT_EQ(parse_amount("1e-300"), 0);
  EXPECT_EQ(parse_amount("0000000000000000000000000000000000000000000001"), 1'000'000);
  EXPECT_EQ(parse_amount("9223372036854.775807"), std::numeric_limits<std::int64_t>::max());
}

TEST(AmountTest, RoundsTheSeventhDigitHalvesAwayFromZero) {
  EXPECT_EQ(parse_amount("0.0000005"), 1);
  EXPECT_EQ(parse_amount("0.00000049999999999999999999"), 0);
  EXPECT_EQ(parse_amount("-0.0000015"), -2);
  EXPECT_EQ(parse_amount("0.12345649999"), 123'456);
}

TEST(AmountTest, RefusesWhatIsNoAmount) {
  for (const char* text : {"",
                           "-",
                           ".",
                           "e5",
                           "1e",
                           "1e+",
                           "1.2.3",
                           "0x10",
                           "1,5",
                           " 1",
                           "1 ",
                           "nan",
                           "inf",
                           "9223372036854.775808",
                           "-9223372036854.775808",
                           "1e13",
                           "1e999",
                           "1e-9999",
                           "99999999999999999999999999999999999999999999999999",
                           "0.00000000000000000000000000000000000000000000000000000000000000001"}) {
    EXPECT_FALSE(parse_amount(text)) << text;
  }
}

TEST(AmountTest, DoublesGiveTheNearestMillionthOrNothing) {
  EXPECT_EQ(amount_of(0.1 + 0.2), 300'000);
  EXPECT_EQ(amount_of(-12.95), -12'950'000);
  EXPECT_EQ(amount_of(-0.0), 0);
  EXPECT_EQ(amount_of(4294967295.999999), 4'294'967'295'999'999);
  EXPECT_EQ(amount_of(9e12), 9'000'000'000'000'000'000);
  EXPECT_FALSE(amount_of(4294967296.5));  // the next millionths are one double
  EXPECT_FALSE(amount_of(9.3e12));
  EXPECT_FALSE(amount_of(-1e300));
  EXPECT_FALSE(amount_of(std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(amount_of(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_EQ(amount_of_integer(-7), -7'000'000);
  EXPECT_FALSE(amount_of_integer(9'223'372'036'855));
  EXPECT_FALSE(amount_of_integer(std::numeric_limits<std::int64_t>::min()));
}

TEST(AmountTest, TextsAndDoublesOfTheSameAmountAgree) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const auto amount = static_cast<std::int64_t>(random() % 8'000'000'000'000'000) -
                        4'000'000'000'000'000;  // below 2^32
    const std::string text = format_amount(amount);
    ASSERT_EQ(parse_amount(text), amount) << text;
    ASSERT_EQ(amount_of(std::stod(text)), amount) << text;
  }
  for (const std::int64_t amount :
       {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min() + 1}) {
    EXPECT_EQ(parse_amount(format_amount(amount)), amount);
  }
}

TEST(AmountTest, ScalesInMillionths) {
  EXPECT_EQ(scaled(1'299'000'000, 10'000), 12'990'000);  // cents to units
  EXPECT_EQ(scaled(-3, 500'000), -2);
  EXPECT_EQ(scaled(3, 500'000), 2);
  EXPECT_FALSE(scaled(std::numeric_limits<std::int64_t>::max(), 2'000'000));
}

}  // namespace
}  // namespace penchant::events
