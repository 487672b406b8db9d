#pragma once

// Which rows a tree is grown from: all, a share by lot, or those of large gradients and a share of
// the rest that stands for all of it (GOSS: Ke et al., "LightGBM", NeurIPS 2017, algorithm 2). Lots
// depend on (seed, iteration, row) alone.

#include <cstdint>
#include <span>
#include <vector>

namespace penchant::ranking {

inline constexpr std::size_t kSampleBlock = 16'384;  // rows

struct SampleOptions {
  double row_fraction = 1;  // each row is drawn with this probability
  // GOSS, where other_rate > 0: the share of rows of largest |gradient| is taken, of the others a
  // share of all rows by lot, whose derivatives count (1 - top_rate) / other_rate times.
  double top_rate = 0;
  double other_rate = 0;
  std::uint64_t seed = 0;
  std::uint32_t iteration = 0;
  int threads = 0;

  [[nodiscard]] bool all() const { return row_fraction >= 1 && other_rate <= 0; }
};

enum class Drawn : std::uint8_t { kNo, kYes, kAmplified };

struct RowSample {
  std::vector<Drawn> drawn;  // [rows]
  std::vector<std::size_t>
      begin;         // [blocks + 1] of kSampleBlock rows, into the list of those drawn
  float factor = 1;  // of what is amplified
};

// O(rows). gradients: [rows], finite.
[[nodiscard]] RowSample sample_rows(std::span<const float> gradients, const SampleOptions& options);

}  // namespace penchant::ranking
