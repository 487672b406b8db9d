#pragma once

// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). A number is a pure function of (seed, stream, entity,
// step), so it is the same whichever thread asks, in whichever order, and leaving one entity out
// changes nothing for the others.
//
//   const Philox random(seed, kStreamFactors);
//   float z = random.normal(row, column);

#include <array>
#include <cstdint>

namespace penchant {

class Philox {
 public:
  // `stream` separates uses of one seed: give each algorithm its own number.
  constexpr Philox(std::uint64_t seed, std::uint32_t stream) : seed_(seed), stream_(stream) {}

  // 128 random bits for (entity, step).
  [[nodiscard]] std::array<std::uint32_t, 4> bits(std::uint64_t entity, std::uint32_t step) const;

  // Uniform on [0, 1), 53 bits.
  [[nodiscard]] double uniform(std::uint64_t entity, std::uint32_t step) const;

  // Uniform on {0, ..., bound - 1} without bias worth mentioning (64-bit multiply-shift).
  [[nodiscard]] std::uint32_t below(std::uint32_t bound, std::uint64_t entity,
                                    std::uint32_t step) const;

  // Standard normal (Box-Muller), the same bits on every machine that rounds as IEEE 754 asks.
  [[nodiscard]] double normal(std::uint64_t entity, std::uint32_t step) const;

 private:
  std::uint64_t seed_;
  std::uint32_t stream_;
};

}  // namespace penchant
