#include "penchant/base/aligned_memory.h"

#include <cstdint>
#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

#include "penchant/base/matrix.h"

namespace penchant {
namespace {

std::uintptr_t address(const void* data) { return reinterpret_cast<std::uintptr_t>(data); }

TEST(AlignedMemory, StartsACacheLineOrALargePage) {
  constexpr std::size_t mib = std::size_t{1} << 20;
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, 4 * mib - 1}) {
    void* data = allocate_aligned(bytes);
    EXPECT_EQ(address(data) % 64, 0U) << bytes;
    std::memset(data, 1, bytes);
    deallocate_aligned(data, bytes);
  }
  for (const std::size_t bytes : {4 * mib, 4 * mib + 1, 9 * mib}) {
    void* data = allocate_aligned(bytes);
    EXPECT_EQ(address(data) % (2 * mib), 0U) << bytes;
    std::memset(data, 1, bytes);
    deallocate_aligned(data, bytes);
  }
}

TEST(AlignedMemory, VectorsGrowAcrossTheBoundary) {
  AlignedVector<std::int32_t> numbers;
  for (std::int32_t i = 0; i < 3'000'000; ++i) numbers.push_back(i);
  const std::int64_t sum = std::accumulate(numbers.begin(), numbers.end(), std::int64_t{0});
  EXPECT_EQ(sum, std::int64_t{3'000'000} * 2'999'999 / 2);
  EXPECT_EQ(address(numbers.data()) % (std::size_t{2} << 20), 0U);
}

}  // namespace
}  // namespace penchant
