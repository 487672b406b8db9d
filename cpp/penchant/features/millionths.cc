#include "penchant/features/millionths.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "penchant/base/parallel.h"
#include "penchant/features/event_batch.h"

namespace penchant::features {
namespace {

constexpr std::size_t kBlockRows = 65'536;
constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / kUnit;

bool fits(double number) { return std::abs(number) <= static_cast<double>(kMost); }
bool fits(std::int64_t number) { return number >= -kMost && number <= kMost; }

std::int64_t scaled(double number) {
  const double exact = number * kUnit;
  return static_cast<std::int64_t>(std::trunc(exact + std::copysign(0.5, exact)));
}
std::int64_t scaled(std::int64_t number) { return number * kUnit; }

bool missing(double number) { return std::isnan(number); }
bool missing(std::int64_t /*number*/) { return false; }

template <class T>
std::size_t convert(std::span<const T> numbers, std::span<std::int64_t> out, int threads) {
  std::vector<std::size_t> wrong((numbers.size() + kBlockRows - 1) / kBlockRows, numbers.size());
  parallel_blocks(numbers.size(), kBlockRows, threads, [&](const Block& block) {
    for (std::size_t i = block.end; i-- > block.begin;) {
      if (missing(numbers[i])) {
        out[i] = kNoNumber;
      } else if (fits(numbers[i])) {
        out[i] = scaled(numbers[i]);
      } else {
        wrong[block.number] = i;
      }
    }
  });
  const auto first = std::ranges::min_element(wrong);
  return first == wrong.end() ? numbers.size() : *first;
}

}  // namespace

std::size_t to_millionths(std::span<const double> numbers, std::span<std::int64_t> out,
                          int threads) {
  return convert(numbers, out, threads);
}

std::size_t to_millionths(std::span<const std::int64_t> numbers, std::span<std::int64_t> out,
                          int threads) {
  return convert(numbers, out, threads);
}

}  // namespace penchant::features
