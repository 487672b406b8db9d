#include "penchant/bandits/linear_sums.h"

#include <algorithm>
#include <cmath>

#include "penchant/bandits/sums_kernels.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

constexpr double kStep = 1.0 / (1 << kFractionBits);
constexpr double kSquareStep = kStep * kStep;
constexpr std::uint64_t kMostBound = std::uint64_t{1} << 62;
constexpr int kCarryBits = 32;

std::int64_t rounded(double value) {
  return static_cast<std::int64_t>(std::nearbyint(value * (1 << kFractionBits)));
}

// By squaring: the same bits on every CPU.
double power(double base, std::int64_t exponent) {
  double out = 1;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) out *= base;
  }
  return out;
}

}  // namespace

void FixedRow::set(std::span<const double> context, double reward_in) {
  x.resize(context.size());
  largest = 0;
  for (std::size_t j = 0; j < context.size(); ++j) {
    check_argument(std::abs(context[j]) <= kMostInput, "column ", j, " is ", context[j],
                   "; numbers must be finite and within +-", kMostInput, ": scale the column");
    const std::int64_t value = rounded(context[j]);
    x[j] = static_cast<std::int32_t>(value);
    largest = std::max(largest, std::abs(value));
  }
  check_argument(std::abs(reward_in) <= kMostReward, "the reward is ", reward_in,
                 "; rewards must be finite and within +-", kMostReward);
  reward = rounded(reward_in);
}

LinearSums::LinearSums(std::size_t dimension, double discount)
    : dimension_(dimension), discount_(discount) {
  if (fading()) {
    faded_.assign(packed_size(dimension) + dimension, 0.0);
  } else {
    low_.assign(packed_size(dimension), 0);
    moment_.assign(dimension, 0);
  }
}

void LinearSums::add(const FixedRow& row, std::int64_t copies) {
  if (fading()) {
    if (copies == 0) return;
    for (double& value : faded_) value *= discount_;
    accumulate_fading(row, static_cast<double>(copies));
  } else {
    for (std::int64_t c = 0; c < copies; ++c) accumulate(row, 1);
  }
  count_ += copies;
}

void LinearSums::take_back(const FixedRow& row, std::int64_t copies, std::int64_t age) {
  if (fading()) {
    accumulate_fading(row, -static_cast<double>(copies) * power(discount_, age));
  } else {
    for (std::int64_t c = 0; c < std::abs(copies); ++c) accumulate(row, copies > 0 ? -1 : 1);
  }
  count_ -= copies;
}

void LinearSums::accumulate(const FixedRow& row, int sign) {
  make_room(row.largest);
  add_products(row.x.data(), dimension_, sign, low_.data());
  const std::int64_t reward = row.reward * sign;
  for (std::size_t i = 0; i < dimension_; ++i) moment_[i] += Wide{row.x[i]} * reward;
}

void LinearSums::accumulate_fading(const FixedRow& row, double weight) {
  double* out = faded_.data();
  double* moment = out + packed_size(dimension_);
  const double reward = static_cast<double>(row.reward) * kStep;
  for (std::size_t i = 0; i < dimension_; ++i) {
    const double left = weight * (row.x[i] * kStep);
    for (std::size_t j = 0; j <= i; ++j) out[j] += left * (row.x[j] * kStep);
    moment[i] += left * reward;
    out += i + 1;
  }
}

void LinearSums::make_room(std::int64_t largest) {
  const std::uint64_t square =
      static_cast<std::uint64_t>(largest) * static_cast<std::uint64_t>(largest);
  if (bound_ + square > kMostBound) {
    if (high_.empty()) high_.assign(low_.size(), 0);
    for (std::size_t i = 0; i < low_.size(); ++i) {
      high_[i] += low_[i] >> kCarryBits;
      low_[i] &= (std::int64_t{1} << kCarryBits) - 1;
    }
    bound_ = std::uint64_t{1} << kCarryBits;
  }
  bound_ += square;
}

Wide LinearSums::gram_at(std::size_t i) const {
  const Wide low = low_[i];
  return high_.empty() ? low : Wide{high_[i]} * (Wide{1} << kCarryBits) + low;
}

void LinearSums::read(std::span<double> gram, std::span<double> moment) const {
  if (fading()) {
    const auto split = faded_.begin() + static_cast<std::ptrdiff_t>(gram.size());
    std::copy(faded_.begin(), split, gram.begin());
    std::copy(split, faded_.end(), moment.begin());
    return;
  }
  if (high_.empty()) {
    for (std::size_t i = 0; i < gram.size(); ++i)
      gram[i] = static_cast<double>(low_[i]) * kSquareStep;
  } else {
    for (std::size_t i = 0; i < gram.size(); ++i) {
      gram[i] = static_cast<double>(gram_at(i)) * kSquareStep;
    }
  }
  for (std::size_t j = 0; j < moment.size(); ++j) {
    moment[j] = static_cast<double>(moment_[j]) * kSquareStep;
  }
}

// Sums of x x^T have squares from 0 up on their diagonal, and no product beyond them (Cauchy and
// Schwarz).
bool LinearSums::plausible() const {
  if (count_ < 0) return false;
  // Of fading sums, where subtracting is not exact, and of squares rounded to doubles.
  const double slack = fading() ? 1e-6 : 0;
  constexpr double kRounding = 1 + 1e-9;
  std::vector<double> root(dimension_);
  const auto at = [&](std::size_t i) {
    return fading() ? faded_[i] : static_cast<double>(gram_at(i)) * kSquareStep;
  };
  for (std::size_t i = 0, e = 0; i < dimension_; ++i) {
    const double square = at(e + i) + slack;
    if (!(square >= 0)) return false;
    root[i] = std::sqrt(square) * kRounding;
    for (std::size_t j = 0; j <= i; ++j, ++e) {
      if (!(std::abs(at(e)) <= root[i] * root[j] + slack)) return false;
    }
  }
  return true;
}

std::size_t LinearSums::memory_bytes() const {
  return (low_.capacity() + high_.capacity()) * sizeof(std::int64_t) +
         moment_.capacity() * sizeof(Wide) + faded_.capacity() * sizeof(double);
}

void LinearSums::save(std::span<std::int64_t> low, std::span<std::int64_t> high) const {
  const std::size_t packed = low_.size();
  for (std::size_t i = 0; i < packed + dimension_; ++i) {
    const Wide value = i < packed ? gram_at(i) : moment_[i - packed];
    low[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(value));
    high[i] = static_cast<std::int64_t>(value >> 64);
  }
}

void LinearSums::save(std::span<double> fading_out) const {
  std::copy(faded_.begin(), faded_.end(), fading_out.begin());
}

void LinearSums::load(std::span<const std::int64_t> low, std::span<const std::int64_t> high,
                      std::int64_t count) {
  const std::size_t packed = low_.size();
  const auto value = [&](std::size_t i) {
    return Wide{high[i]} * (Wide{1} << 64) + static_cast<std::uint64_t>(low[i]);
  };
  bound_ = 0;
  high_.clear();
  for (std::size_t i = 0; i < packed; ++i) {
    const Wide v = value(i);
    const Wide size = v < 0 ? -v : v;
    if (size > Wide{1} << 61) high_.assign(packed, 0);
    if (!high_.empty()) break;
  }
  for (std::size_t i = 0; i < packed; ++i) {
    const Wide v = value(i);
    if (high_.empty()) {
      low_[i] = static_cast<std::int64_t>(v);
      bound_ = std::max(bound_, static_cast<std::uint64_t>(std::abs(low_[i])));
    } else {
      high_[i] = static_cast<std::int64_t>(v >> kCarryBits);
      low_[i] = static_cast<std::int64_t>(v & ((Wide{1} << kCarryBits) - 1));
      bound_ = std::uint64_t{1} << kCarryBits;
    }
  }
  for (std::size_t j = 0; j < dimension_; ++j) moment_[j] = value(packed + j);
  count_ = count;
}

void LinearSums::load(std::span<const double> fading_in, std::int64_t count) {
  std::copy(fading_in.begin(), fading_in.end(), faded_.begin());
  count_ = count;
}

}  // namespace penchant::bandits
