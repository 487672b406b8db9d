// Counting and listing what a mask allows, against plain loops.

#include "penchant/base/mask_kernels.h"

#include <vector>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"
#include "penchant/base/simd.h"

namespace penchant {
namespace {

TEST(MaskKernels, EqualPlainLoops) {
  const Philox random(1, 1);
  for (const std::string& target : simd_targets()) {
    force_simd_target(target);
    for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 4096U, 5000U}) {
      for (const double share : {0.0, 0.01, 0.1, 0.5, 1.0}) {
        std::vector<std::uint8_t> mask(size);
        std::vector<std::int32_t> wanted;
        for (std::size_t i = 0; i < size; ++i) {
          const auto set = static_cast<std::uint8_t>(1U << (i % 8));
          mask[i] = random.uniform(i, 0) < share ? set : std::uint8_t{0};
          if (mask[i] != 0) wanted.push_back(static_cast<std::int32_t>(i));
        }
        EXPECT_EQ(count_of_mask(mask), wanted.size()) << target;
        std::vector<std::int32_t> places(wanted.size() + kMaskRoom);
        places.resize(places_of_mask(mask, places));
        EXPECT_EQ(places, wanted) << target << ", " << size << ", " << share;
      }
    }
  }
  force_simd_target("best");
}

TEST(MaskKernels, RoomIsChecked) {
  const std::vector<std::uint8_t> mask(100, 1);
  std::vector<std::int32_t> places(100);
  EXPECT_THROW(places_of_mask(mask, places), Error);
}

}  // namespace
}  // namespace penchant
