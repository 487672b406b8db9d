#include "penchant/base/error.h"

#include <gtest/gtest.h>

#include "penchant/base/build_info.h"
#include "penchant/base/matrix.h"

namespace penchant {
namespace {

TEST(Error, CarriesKindAndMessage) {
  try {
    check_argument(false, "column '", 'x', "', row ", 17, ": ", 0.5, " of ", std::size_t{3});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalidArgument);
    EXPECT_STREQ(error.what(), "column 'x', row 17: 0.5 of 3");
  }
  EXPECT_NO_THROW(check_argument(true, "fine"));
  EXPECT_NE(error_kind_name(ErrorKind::kIo), error_kind_name(ErrorKind::kNotFound));
}

TEST(SharedArray, KeepsItsOwnerAlive) {
  SharedArray<int> copy;
  {
    const auto original = SharedArray<int>::own(std::vector<int>{1, 2, 3});
    copy = original;
  }
  ASSERT_EQ(copy.size(), 3U);
  EXPECT_EQ(copy[2], 3);
  EXPECT_EQ(copy.owner().use_count(), 1);
  EXPECT_TRUE(SharedArray<int>().empty());
}

TEST(Matrix, IsZeroedAndAligned) {
  Matrix<float> matrix(3, 5);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.view().data) % 64, 0U);
  for (const float value : matrix.view().flat()) EXPECT_EQ(value, 0.0F);
  matrix.row(1)[2] = 4;
  EXPECT_EQ(matrix.view().flat()[7], 4.0F);
}

TEST(BuildInfo, SaysWhatItIs) {
  const auto info = build_info();
  ASSERT_FALSE(info.empty());
  EXPECT_EQ(info.front().first, "version");
  EXPECT_EQ(info.front().second, version());
}

}  // namespace
}  // namespace penchant
