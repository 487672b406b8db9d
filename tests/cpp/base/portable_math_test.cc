#include "penchant/base/portable_math.h"

#include <cmath>
#include <numbers>

#include <gtest/gtest.h>

namespace penchant {
namespace {

TEST(PortableMath, SinesAreThoseOfTheLibrary) {
  for (double turns = -3; turns <= 3; turns += 0.000'37) {
    EXPECT_NEAR(portable_sin_turn(turns), std::sin(2 * std::numbers::pi * turns), 1e-14) << turns;
  }
  EXPECT_EQ(portable_sin_turn(0), 0);
  EXPECT_NEAR(portable_sin_turn(0.25), 1, 1e-15);
  EXPECT_NEAR(portable_sin_turn(-0.75), 1, 1e-15);
  EXPECT_EQ(portable_sin_turn(-1e9), 0);
}

}  // namespace
}  // namespace penchant
