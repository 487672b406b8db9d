#include "penchant/base/time.h"

#include <limits>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

TEST(Duration, ReadsEveryUnit) {
  EXPECT_EQ(parse_duration("500ms").micros, kSecond / 2);
  EXPECT_EQ(parse_duration("90s").micros, 90 * kSecond);
  EXPECT_EQ(parse_duration("15m").micros, 900 * kSecond);
  EXPECT_EQ(parse_duration("6h").micros, kDay / 4);
  EXPECT_EQ(parse_duration("28d").micros, 28 * kDay);
  EXPECT_EQ(parse_duration("2w").micros, 14 * kDay);
  EXPECT_EQ(parse_duration("1.5d").micros, kDay * 3 / 2);
  EXPECT_EQ(parse_duration("0s").micros, 0);
  EXPECT_DOUBLE_EQ(parse_duration("36h").days(), 1.5);
}

TEST(Duration, RefusesTheRest) {
  for (const char* text : {"", "d", "28", "28 d", "28D", "-1d", "nand", "infd", "1e400d", "28dd",
                           "28d ", " 28d", "1,5d", "2000000w", "0x10d", "1y"}) {
    EXPECT_THROW((void)parse_duration(text), Error) << text;
  }
}

TEST(Timestamp, ReadsIso8601) {
  const Timestamp noon = parse_timestamp("2011-12-09T12:50:00Z");
  EXPECT_EQ(noon.micros, 1'323'435'000 * kSecond);
  for (const char* same :
       {"2011-12-09 12:50:00", "2011-12-09T12:50", "2011-12-09t12:50:00z",
        "2011-12-09T13:50:00+01:00", "2011-12-09T13:50:00+01", "2011-12-09T07:20:00-0530",
        "2011-12-09T12:50:00.000", "2011-12-09T12:50Z", "2011-12-10T00:50:00+12:00"}) {
    EXPECT_EQ(parse_timestamp(same), noon) << same;
  }
  EXPECT_EQ(parse_timestamp("1970-01-01").micros, 0);
  EXPECT_EQ(parse_timestamp("1969-12-31T23:59:59.999999Z").micros, -1);
  EXPECT_EQ(parse_timestamp("2011-11-12 10:30:00.5").micros % kSecond, kSecond / 2);
  EXPECT_EQ(parse_timestamp("2024-02-29").micros % kDay, 0);
  EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00.1234569").micros, 123'456);  // cut, not rounded
}

TEST(Timestamp, RefusesTheRest) {
  for (const char* text : {"",
                           "2011",
                           "2011-11",
                           "2011-13-01",
                           "2023-02-29",
                           "2011-11-31",
                           "2011-11-12T",
                           "2011-11-12T24:00:00",
                           "2011-11-12T10:60",
                           "2011-11-12T10:00:60",
                           "2011-11-12T10:00:00.",
                           "2011-11-12T10:00:00+19:00",
                           "2011-11-12T10:00:00+01:0",
                           "2011-11-12T10:00:00Zz",
                           "2011-11-12 ",
                           " 2011-11-12",
                           "12/11/2011",
                           "20111112",
                           "-011-11-12",
                           "2011-1-1",
                           "2011-11-12T10:00:00 Z",
                           "2011-11-12_10:00"}) {
    EXPECT_THROW((void)parse_timestamp(text), Error) << text;
  }
}

TEST(Timestamp, RoundTrips) {
  const Philox random(5, 1);
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    // Years 1 to 4000, whole seconds now and then.
    const double years = random.uniform(i, 0) * 4000 - 1969;
    auto micros = static_cast<std::int64_t>(years * 365.2425 * static_cast<double>(kDay));
    if (i % 2 == 0) micros -= micros % kSecond;
    const Timestamp at{micros};
    ASSERT_EQ(parse_timestamp(format_timestamp(at)), at) << format_timestamp(at);
  }
  EXPECT_EQ(format_timestamp(Timestamp{-1}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_timestamp(Timestamp{0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_timestamp(Timestamp{}), "unknown");
}

TEST(Time, DifferencesSaturate) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  EXPECT_EQ((Timestamp{kMax} - Timestamp{-1}).micros, kMax);
  EXPECT_EQ((Timestamp{kMin + 1} - Timestamp{2}).micros, kMin);
  EXPECT_TRUE((Timestamp{kMin + 5} - Duration{kMax}).known());
  EXPECT_EQ((Timestamp{kMax} - Duration{-1}).micros, kMax);
}

}  // namespace
}  // namespace penchant
