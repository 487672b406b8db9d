#include "penchant/ranking/row_sampling.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "penchant/base/parallel.h"
#include "penchant/base/random.h"

namespace penchant::ranking {
namespace {

constexpr std::uint32_t kStreamRows = 0x726f7773;  // "rows"
constexpr std::uint32_t kStreamTies = 0x74696573;  // "ties"
// Sizes are counted by their exponent and three bits more.
constexpr int kBucketShift = 20;
constexpr std::size_t kBuckets = 1U << 11;

std::size_t blocks_of(std::size_t rows) { return (rows + kSampleBlock - 1) / kSampleBlock; }

// Bits of a float from 0 up are in the order of their values.
std::uint32_t size_bits(float gradient) { return std::bit_cast<std::uint32_t>(std::abs(gradient)); }
std::size_t bucket_of(float gradient) { return size_bits(gradient) >> kBucketShift; }

// The rows of largest |gradient|, exactly so many; lots decide among equal ones.
class Largest {
 public:
  Largest(std::span<const float> gradients, std::size_t count, const SampleOptions& options)
      : gradients_(gradients),
        random_(options.seed, kStreamTies),
        iteration_(options.iteration),
        least_(std::numeric_limits<std::uint64_t>::max()) {
    if (count > 0) find(count, options.threads);
  }

  [[nodiscard]] bool holds(std::size_t row) const {
    const std::size_t bucket = bucket_of(gradients_[row]);
    return bucket != bucket_ ? bucket > bucket_ : key(row) >= least_;
  }

 private:
  [[nodiscard]] std::uint64_t key(std::size_t row) const {
    const std::uint32_t lot = random_.bits(row / 4, iteration_)[row % 4];
    return std::uint64_t{size_bits(gradients_[row])} << 32 | lot;
  }

  // Counts sizes coarsely, then orders the rows of the one bucket that the limit lies in.
  void find(std::size_t count, int threads) {
    std::vector<std::vector<std::uint32_t>> parts(blocks_of(gradients_.size()));
    parallel_blocks(gradients_.size(), kSampleBlock, threads, [&](const Block& block) {
      auto& counts = parts[block.number];
      counts.resize(kBuckets);
      for (std::size_t i = block.begin; i < block.end; ++i) ++counts[bucket_of(gradients_[i])];
    });
    std::size_t above = 0;
    for (bucket_ = kBuckets; bucket_-- > 0;) {
      std::size_t here = 0;
      for (const auto& counts : parts) here += counts[bucket_];
      if (above + here >= count) break;
      above += here;
    }
    std::vector<std::uint64_t> keys;
    for (std::size_t i = 0; i < gradients_.size(); ++i) {
      if (bucket_of(gradients_[i]) == bucket_) keys.push_back(key(i));
    }
    const auto last = keys.begin() + static_cast<std::ptrdiff_t>(count - above - 1);
    std::nth_element(keys.begin(), last, keys.end(), std::greater<>());
    least_ = *last;
  }

  std::span<const float> gradients_;
  Philox random_;
  std::uint32_t iteration_;
  std::size_t bucket_ = kBuckets;
  std::uint64_t least_;
};

}  // namespace

RowSample sample_rows(std::span<const float> gradients, const SampleOptions& options) {
  const std::size_t rows = gradients.size();
  const bool goss = options.other_rate > 0;
  const double fraction = goss ? options.other_rate / (1 - options.top_rate) : options.row_fraction;
  const auto count =
      static_cast<std::size_t>(goss ? std::round(options.top_rate * static_cast<double>(rows)) : 0);
  const Largest largest(gradients, count, options);
  const Philox random(options.seed, kStreamRows);
  const double most = std::ldexp(fraction, 32);
  RowSample out;
  out.factor = goss ? static_cast<float>(1 / fraction) : 1.0F;
  out.drawn.resize(rows);
  out.begin.assign(blocks_of(rows) + 1, 0);
  const Drawn by_lot = goss ? Drawn::kAmplified : Drawn::kYes;
  parallel_blocks(rows, kSampleBlock, options.threads, [&](const Block& block) {
    std::size_t drawn = 0;
    for (std::size_t i = block.begin; i < block.end; i += 4) {
      const auto bits = random.bits(i / 4, options.iteration);
      for (std::size_t k = i; k < std::min(i + 4, block.end); ++k) {
        if (count > 0 && largest.holds(k)) {
          out.drawn[k] = Drawn::kYes;
        } else if (static_cast<double>(bits[k % 4]) < most) {
          out.drawn[k] = by_lot;
        }
        drawn += out.drawn[k] == Drawn::kNo ? 0 : 1;
      }
    }
    out.begin[block.number + 1] = drawn;
  });
  for (std::size_t b = 1; b < out.begin.size(); ++b) out.begin[b] += out.begin[b - 1];
  return out;
}

}  // namespace penchant::ranking
