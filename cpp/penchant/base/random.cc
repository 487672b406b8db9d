#include "penchant/base/random.h"

#include <cmath>
#include <numbers>

namespace penchant {

std::array<std::uint32_t, 4> Philox::bits(std::uint64_t entity, std::uint32_t step) const {
  std::array<std::uint32_t, 4> counter = {static_cast<std::uint32_t>(entity),
                                          static_cast<std::uint32_t>(entity >> 32), step, stream_};
  auto key0 = static_cast<std::uint32_t>(seed_);
  auto key1 = static_cast<std::uint32_t>(seed_ >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t left = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t right = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {static_cast<std::uint32_t>(right >> 32) ^ counter[1] ^ key0,
               static_cast<std::uint32_t>(right),
               static_cast<std::uint32_t>(left >> 32) ^ counter[3] ^ key1,
               static_cast<std::uint32_t>(left)};
    key0 += 0x9E3779B9U;  // golden ratio
    key1 += 0xBB67AE85U;  // sqrt(3) - 1
  }
  return counter;
}

double Philox::uniform(std::uint64_t entity, std::uint32_t step) const {
  const auto word = bits(entity, step);
  const std::uint64_t wide = (std::uint64_t{word[0]} << 32 | word[1]) >> 11;
  return static_cast<double>(wide) * 0x1p-53;
}

std::uint32_t Philox::below(std::uint32_t bound, std::uint64_t entity, std::uint32_t step) const {
  const auto word = bits(entity, step);
  return static_cast<std::uint32_t>(std::uint64_t{word[0]} * bound >> 32);
}

double Philox::normal(std::uint64_t entity, std::uint32_t step) const {
  const auto word = bits(entity, step);
  // 1 - u is in (0, 1], so the logarithm is finite.
  const double u = (static_cast<double>(word[0]) + 0.5) * 0x1p-32;
  const double v = static_cast<double>(word[1]) * 0x1p-32;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

}  // namespace penchant
