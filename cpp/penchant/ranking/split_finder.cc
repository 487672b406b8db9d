#include "penchant/ranking/split_finder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/ranking/split_kernels.h"

namespace penchant::ranking {
namespace {

double shrunk(double gradient, double l1) {
  return std::copysign(std::max(std::abs(gradient) - l1, 0.0), gradient);
}

double held(double value, const LeafState& leaf) {
  return std::min(std::max(value, leaf.lowest), leaf.highest);
}

}  // namespace

// One feature of one leaf: sums from the left, and the thresholds that leave enough on both sides.
class FeatureScan {
 public:
  FeatureScan(const SplitFinder& finder, std::size_t f, std::span<const BinSum> bins,
              std::span<const BinSum> counts, const LeafState& leaf, const Scales& scales)
      : params_(finder.params_),
        finder_(finder),
        f_(f),
        bins_(bins),
        counts_(counts),
        leaf_(leaf),
        scales_(scales),
        rows_a_hessian_(leaf.sum.hessian > 0
                            ? static_cast<double>(leaf.rows) / static_cast<double>(leaf.sum.hessian)
                            : 0) {
    parent_ = gain_of(leaf.sum, params_.l2);
    best_.gain = params_.min_gain;
  }

  Split numeric() {
    const BinSum missing = bins_.back();
    const bool any_missing = missing != BinSum{};
    thresholds(BinSum{}, 0, false);
    if (any_missing) {
      thresholds(missing, counts_.empty() ? 0 : counts_.back().hessian, true);
    } else if (best_.found()) {
      // None was seen here: with the heavier side.
      best_.missing_left = 2 * best_.left.hessian > leaf_.sum.hessian;
    }
    return finish();
  }

  Split two_bins(std::span<const TwoBinFeature> features) {
    std::array<std::int64_t, 256> g;
    std::array<std::int64_t, 256> h;
    std::array<const TwoBinFeature*, 256> whose;
    std::size_t count = 0;
    for (const TwoBinFeature& one : features) {
      const BinSum rare = bins_[one.code];
      const BinSum left = one.rare_is_left ? rare : leaf_.sum - rare;
      const double rows = static_cast<double>(left.hessian) * rows_a_hessian_;
      if (rare == BinSum{} || !enough(left, rows)) continue;
      if (!enough(leaf_.sum - left, static_cast<double>(leaf_.rows) - rows)) continue;
      g[count] = left.gradient;
      h[count] = left.hessian;
      whose[count++] = &one;
    }
    if (count == 0) return {};
    const GainInput input = gain_input(g.data(), h.data(), 0, count);
    const BestGain found = count == 1 ? BestGain{gain_at(input, 0), 0} : best_gain(input);
    if (found.gain - parent_ > best_.gain) {
      best_.gain = found.gain - parent_;
      best_.feature = whose[found.at]->feature;
      best_.left = {g[found.at], h[found.at]};
      best_.missing_left = 2 * best_.left.hessian > leaf_.sum.hessian;
    }
    return finish();
  }

  Split categorical() {
    // All but the last bin of values, which is for the rest.
    std::vector<std::size_t> order;
    for (std::size_t b = 0; b < bins_.size(); ++b) {
      if (b + 2 == bins_.size()) continue;
      if (bins_[b].hessian > 0 && rows_of(b) >= 0.5 + smallest_category()) order.push_back(b);
    }
    const auto key = [&](std::size_t b) {
      return static_cast<double>(bins_[b].gradient) * scales_.gradient /
             (static_cast<double>(bins_[b].hessian) * scales_.hessian + params_.category_smoothing);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
    subsets(order);
    std::reverse(order.begin(), order.end());
    subsets(order);
    return finish();
  }

 private:
  [[nodiscard]] double smallest_category() const {
    // A leaf of few rows can't ask as much of a category as a large one.
    return static_cast<double>(std::min(params_.min_category_rows, leaf_.rows / 100));
  }

  [[nodiscard]] double rows_of(std::size_t bin) const {
    return counts_.empty() ? static_cast<double>(bins_[bin].hessian) * rows_a_hessian_
                           : static_cast<double>(counts_[bin].hessian);
  }

  [[nodiscard]] double gain_of(BinSum sum, double l2) const {
    const double g = static_cast<double>(sum.gradient) * scales_.gradient;
    const double h = static_cast<double>(sum.hessian) * scales_.hessian + l2;
    if (!(h > 0)) return 0;
    if (!finder_.bounded_) {
      const double t = shrunk(g, params_.l1);
      return t * t / h;
    }
    const double w = held(-shrunk(g, params_.l1) / h, leaf_);
    return -(2 * g * w + h * w * w + 2 * params_.l1 * std::abs(w));
  }

  // Enough on a side: hessians, and rows as counted or estimated.
  [[nodiscard]] bool enough(BinSum side, double rows) const {
    return side.hessian > 0 &&
           static_cast<double>(side.hessian) * scales_.hessian >= params_.min_hessian &&
           rows + 0.5 >= static_cast<double>(params_.min_leaf_rows);
  }

  [[nodiscard]] GainInput gain_input(const std::int64_t* gradients, const std::int64_t* hessians,
                                     std::size_t begin, std::size_t end) const {
    return {gradients,
            hessians,
            scales_,
            begin,
            end,
            static_cast<double>(leaf_.sum.gradient) * scales_.gradient,
            static_cast<double>(leaf_.sum.hessian) * scales_.hessian,
            params_.l1,
            params_.l2};
  }

  // The first of [0, count) that meets a condition which all after it meet, too.
  template <class Condition>
  static std::size_t first_where(std::size_t count, const Condition& condition) {
    std::size_t low = 0;
    while (count > 0) {
      const std::size_t half = count / 2;
      if (condition(low + half)) {
        count = half;
      } else {
        low += half + 1;
        count -= half + 1;
      }
    }
    return low;
  }

  // Sums of bins 0 to b and `start`, for each threshold b.
  void thresholds(BinSum start, std::int64_t start_rows, bool missing_left) {
    const std::size_t count = bins_.size() - 2;  // a split after the last bin has nothing right
    std::array<std::int64_t, 256> g;
    std::array<std::int64_t, 256> h;
    std::array<std::int64_t, 256> rows;  // where they are counted
    BinSum left = start;
    for (std::size_t b = 0; b < count; ++b) {
      left = left + bins_[b];
      g[b] = left.gradient;
      h[b] = left.hessian;
    }
    if (!counts_.empty()) {
      std::int64_t sum = start_rows;
      for (std::size_t b = 0; b < count; ++b) rows[b] = sum += counts_[b].hessian;
    }
    const auto left_rows = [&](std::size_t b) {
      return counts_.empty() ? static_cast<double>(h[b]) * rows_a_hessian_
                             : static_cast<double>(rows[b]);
    };
    // Both grow with b, so what is allowed is one range.
    const auto begin = first_where(count, [&](std::size_t b) {
      return enough({g[b], h[b]}, left_rows(b));
    });
    const auto end = first_where(count, [&](std::size_t b) {
      return !enough({0, leaf_.sum.hessian - h[b]}, static_cast<double>(leaf_.rows) - left_rows(b));
    });
    if (begin >= end) return;
    if (finder_.bounded_) return bounded(begin, end, start, missing_left);
    const GainInput input = gain_input(g.data(), h.data(), begin, end);
    const BestGain found =
        end - begin == 1 ? BestGain{gain_at(input, begin), begin} : best_gain(input);
    if (found.gain - parent_ > best_.gain) {
      take(found.gain - parent_, start, found.at, missing_left);
    }
  }

  void bounded(std::size_t begin, std::size_t end, BinSum left, bool missing_left) {
    const BinSum start = left;
    for (std::size_t b = 0; b < end; ++b) {
      left = left + bins_[b];
      if (b < begin) continue;
      const BinSum right = leaf_.sum - left;
      const double rise =
          finder_.value(right, leaf_, scales_) - finder_.value(left, leaf_, scales_);
      const int wanted = finder_.monotone(f_);
      if ((wanted > 0 && rise < 0) || (wanted < 0 && rise > 0)) continue;
      const double gain = gain_of(left, params_.l2) + gain_of(right, params_.l2) - parent_;
      if (gain > best_.gain) take(gain, start, b, missing_left);
    }
  }

  void take(double gain, BinSum left, std::size_t bin, bool missing_left) {
    for (std::size_t b = 0; b <= bin; ++b) left = left + bins_[b];
    best_.gain = gain;
    best_.feature = static_cast<std::int32_t>(f_);
    best_.bin = static_cast<std::int32_t>(bin);
    best_.missing_left = missing_left;
    best_.left = left;
  }

  // The first bins of `order` go left, as many as gain most.
  void subsets(const std::vector<std::size_t>& order) {
    // All but the bin for the rest and the missing one.
    const bool few = bins_.size() - 2 <= static_cast<std::size_t>(params_.few_categories);
    const double l2 = params_.l2 + (few ? 0 : params_.category_l2);
    BinSum left;
    double rows = 0;
    BinSet set{};
    const std::size_t most =
        std::min(order.size(), static_cast<std::size_t>(params_.most_categories));
    for (std::size_t k = 0; k < most; ++k) {
      const std::size_t b = order[k];
      left = left + bins_[b];
      rows += rows_of(b);
      const std::size_t bin = b + 1 == bins_.size() ? kMissingBin : b;
      set[bin / 64] |= std::uint64_t{1} << (bin % 64);
      const BinSum right = leaf_.sum - left;
      if (!enough(left, rows)) continue;
      if (!enough(right, static_cast<double>(leaf_.rows) - rows)) break;
      const double gain = gain_of(left, l2) + gain_of(right, l2) - parent_;
      if (gain <= best_.gain) continue;
      best_.gain = gain;
      best_.feature = static_cast<std::int32_t>(f_);
      best_.categorical = true;
      best_.set = set;
      best_.missing_left = (set[3] >> 63) != 0;
      best_.left = left;
    }
  }

  Split finish() {
    if (!best_.found()) return {};
    best_.left_value = finder_.value(best_.left, leaf_, scales_);
    best_.right_value = finder_.value(leaf_.sum - best_.left, leaf_, scales_);
    return best_;
  }

  const SplitParams& params_;
  const SplitFinder& finder_;
  std::size_t f_;
  std::span<const BinSum> bins_;
  std::span<const BinSum> counts_;
  const LeafState& leaf_;
  const Scales& scales_;
  double rows_a_hessian_;
  double parent_ = 0;
  Split best_;
};

SplitFinder::SplitFinder(const BinMapper& mapper, SplitParams params)
    : mapper_(mapper), params_(std::move(params)) {
  check_argument(params_.l1 >= 0 && params_.l2 >= 0, "l1 and l2 must not be negative");
  check_argument(params_.min_gain >= 0, "min_gain must not be negative");
  check_argument(params_.min_hessian >= 0, "min_hessian must not be negative");
  check_argument(params_.min_leaf_rows >= 1, "min_leaf_samples must be at least 1");
  check_argument(params_.category_smoothing >= 0 && params_.category_l2 >= 0,
                 "smoothing and l2 of categories must not be negative");
  check_argument(params_.most_categories >= 1, "most_categories must be at least 1");
  check_argument(params_.monotone.empty() || params_.monotone.size() == mapper.features(),
                 params_.monotone.size(), " monotone constraints for ", mapper.features(),
                 " features");
  for (std::size_t f = 0; f < params_.monotone.size(); ++f) {
    const int sign = params_.monotone[f];
    check_argument(sign >= -1 && sign <= 1, "monotone constraint of feature ", f,
                   " must be -1, 0 or 1, not ", sign);
    check_argument(sign == 0 || !mapper.feature(f).categorical, "feature ", f,
                   " is categorical and can't be monotone");
    bounded_ = bounded_ || sign != 0;
  }
}

Split SplitFinder::best(std::size_t f, std::span<const BinSum> bins, std::span<const BinSum> counts,
                        const LeafState& leaf, const Scales& scales) const {
  FeatureScan scan(*this, f, bins, counts, leaf, scales);
  return mapper_.feature(f).categorical ? scan.categorical() : scan.numeric();
}

Split SplitFinder::best_of_two_bins(std::span<const TwoBinFeature> features,
                                    std::span<const BinSum> codes, const LeafState& leaf,
                                    const Scales& scales) const {
  return FeatureScan(*this, 0, codes, {}, leaf, scales).two_bins(features);
}

double SplitFinder::value(BinSum sum, const LeafState& leaf, const Scales& scales) const {
  const double h = static_cast<double>(sum.hessian) * scales.hessian + params_.l2;
  if (!(h > 0)) return held(0, leaf);
  return held(-shrunk(static_cast<double>(sum.gradient) * scales.gradient, params_.l1) / h, leaf);
}

}  // namespace penchant::ranking
