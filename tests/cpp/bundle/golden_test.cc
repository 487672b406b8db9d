// A bundle of format 1 that was written once and must keep reading (tests/golden/README.md).

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "penchant/bundle/bundle.h"

namespace penchant::bundle {
namespace {

// ctest says where they are; by hand, from the root of the checkout.
std::filesystem::path golden(const char* name) {
  const char* folder = std::getenv("PENCHANT_GOLDEN");
  return std::filesystem::path(folder != nullptr ? folder : "tests/golden") / name;
}

TEST(GoldenBundle, Version1KeepsReading) {
  const auto reader = Reader::open(golden("minimal_v1.penchant"));
  EXPECT_EQ(reader->fingerprint(), "09bfffc0de58d08a");
  EXPECT_EQ(reader->lineage_json(),
            R"({"data":"golden","seed":7,"time_range":["2011-11-12T00:00:00Z",null]})");
  ASSERT_EQ(reader->sections().size(), 7U);
  EXPECT_EQ(reader->text("text"), "caf\xc3\xa9\n");
  const auto matrix = reader->matrix<float>("matrix/f32");
  ASSERT_EQ(matrix.rows, 3U);
  ASSERT_EQ(matrix.columns, 5U);
  for (std::size_t i = 0; i < 15; ++i) {
    EXPECT_EQ(matrix.flat()[i], static_cast<float>(i) / 4 - 1) << i;
  }
  const auto doubles = reader->array<double>("vector/f64");
  EXPECT_EQ(doubles[0], 0.1);
  EXPECT_TRUE(std::isnan(doubles[1]));
  EXPECT_TRUE(std::isinf(doubles[2]));
  EXPECT_TRUE(std::signbit(doubles[3]));
  EXPECT_EQ(reader->array<std::int32_t>("vector/i32")[0], INT32_MIN);
  EXPECT_EQ(reader->array<std::int64_t>("vector/i64")[1], INT64_MAX);
  EXPECT_EQ(reader->matrix<float>("empty").columns, 4U);
  const Section& cube = reader->section("cube/u8");
  EXPECT_EQ(cube.shape, (std::vector<std::uint64_t>{2, 3, 4}));
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_EQ(reader->file_bytes()[cube.offset + i], static_cast<std::byte>(i));
  }
}

}  // namespace
}  // namespace penchant::bundle
