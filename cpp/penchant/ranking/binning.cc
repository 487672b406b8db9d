#include "penchant/ranking/binning.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {
namespace {

constexpr std::uint32_t kStreamSample = 0x62696e73;  // "bins"
constexpr std::size_t kFeaturesAtOnce = 8;           // half a line of floats

struct Weighted {
  double value = 0;
  double weight = 0;
};

// One row of each of `sample` equal ranges, so they come in ascending order and none twice.
std::vector<std::size_t> sample_of(std::size_t rows, const BinningParams& params) {
  const std::size_t sample = std::min(rows, params.sample_rows);
  std::vector<std::size_t> out(sample);
  const Philox random(params.seed, kStreamSample);
  for (std::size_t i = 0; i < sample; ++i) {
    const std::size_t begin = i * rows / sample;
    const std::size_t size = (i + 1) * rows / sample - begin;
    out[i] = begin + random.below(static_cast<std::uint32_t>(size), i, 0);
  }
  return out;
}

// Order of doubles as order of unsigned integers.
std::uint64_t to_key(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x + 0.0);  // -0 and 0 are one value
  return (bits >> 63) != 0 ? ~bits : bits | (std::uint64_t{1} << 63);
}

double from_key(std::uint64_t key) {
  return std::bit_cast<double>((key >> 63) != 0 ? key & ~(std::uint64_t{1} << 63) : ~key);
}

// Digits of 11 bits, from the lowest; those that all keys share (the tail of what was float32) cost
// one look.
void radix_sort(std::vector<std::uint64_t>& keys, std::vector<std::uint64_t>& spare) {
  constexpr int kDigit = 11;
  constexpr std::size_t kValues = std::size_t{1} << kDigit;
  spare.resize(keys.size());
  std::uint64_t ones = 0;
  std::uint64_t zeros = 0;
  for (const std::uint64_t key : keys) {
    ones |= key;
    zeros |= ~key;
  }
  const std::uint64_t differ = ones & zeros;
  for (int shift = 0; shift < 64; shift += kDigit) {
    if (((differ >> shift) & (kValues - 1)) == 0) continue;
    std::array<std::uint32_t, kValues> place{};
    for (const std::uint64_t key : keys) ++place[(key >> shift) & (kValues - 1)];
    std::uint32_t sum = 0;
    for (std::uint32_t& count : place) sum += std::exchange(count, sum);
    for (const std::uint64_t key : keys) spare[place[(key >> shift) & (kValues - 1)]++] = key;
    keys.swap(spare);
  }
}

// Distinct values ascending, with their weights' sums.
std::vector<Weighted> distinct_of(std::vector<std::uint64_t>& keys) {
  std::vector<std::uint64_t> spare;
  radix_sort(keys, spare);
  std::vector<Weighted> out;
  for (std::size_t i = 0; i < keys.size();) {
    std::size_t end = i + 1;
    while (end < keys.size() && keys[end] == keys[i]) ++end;
    out.push_back({from_key(keys[i]), static_cast<double>(end - i)});
    i = end;
  }
  return out;
}

std::vector<Weighted> distinct_of(std::vector<Weighted>& values) {
  // By weight too, so that the sums don't depend on the order of equal values.
  std::sort(values.begin(), values.end(), [](const Weighted& a, const Weighted& b) {
    return a.value != b.value ? a.value < b.value : a.weight < b.weight;
  });
  std::vector<Weighted> out;
  for (const Weighted& one : values) {
    if (one.weight <= 0) continue;
    if (out.empty() || out.back().value != one.value) out.push_back({one.value, 0});
    out.back().weight += one.weight;
  }
  return out;
}

// a <= bound < b, as near the middle as double allows.
double between(double a, double b) {
  const double middle = a / 2 + b / 2;
  return middle >= a && middle < b ? middle : a;
}

// Bins of about equal weight. A value heavier than a bin's share has a bin of its own, and the rest
// share what is left.
std::vector<double> quantile_bounds(const std::vector<Weighted>& values, int max_bins) {
  std::vector<double> bounds;
  const auto most = static_cast<std::size_t>(max_bins);
  if (values.size() <= most) {
    for (std::size_t i = 1; i < values.size(); ++i) {
      bounds.push_back(between(values[i - 1].value, values[i].value));
    }
    return bounds;
  }
  double total = 0;
  for (const Weighted& one : values) total += one.weight;
  const double share = total / max_bins;
  double rest = total;
  auto rest_bins = static_cast<double>(max_bins);
  std::vector<std::uint8_t> heavy(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    heavy[i] = values[i].weight >= share ? 1 : 0;
    if (heavy[i] != 0) {
      rest -= values[i].weight;
      --rest_bins;
    }
  }
  double target = rest_bins > 0 ? rest / rest_bins : total;
  double filled = 0;
  for (std::size_t i = 0; i + 1 < values.size() && bounds.size() + 1 < most; ++i) {
    filled += values[i].weight;
    if (heavy[i] == 0) rest -= values[i].weight;
    const bool next_heavy = heavy[i + 1] != 0;
    if (heavy[i] == 0 && filled < target && !next_heavy) continue;
    bounds.push_back(between(values[i].value, values[i + 1].value));
    filled = 0;
    if (heavy[i] == 0) {
      --rest_bins;
      target = rest_bins > 0 ? rest / rest_bins : total;
    }
  }
  return bounds;
}

std::vector<std::int32_t> heaviest_categories(const std::vector<Weighted>& values, int max_bins) {
  std::vector<Weighted> named;
  for (const Weighted& one : values) {
    if (one.value >= 0 && one.value <= kMaxCategory && one.value == std::floor(one.value)) {
      named.push_back(one);
    }
  }
  std::stable_sort(named.begin(), named.end(),
                   [](const Weighted& a, const Weighted& b) { return a.weight > b.weight; });
  // The last bin is for the rest.
  named.resize(std::min(named.size(), static_cast<std::size_t>(max_bins) - 1));
  std::vector<std::int32_t> out;
  for (const Weighted& one : named) out.push_back(static_cast<std::int32_t>(one.value));
  return out;
}

// Zeros are counted apart: in sparse features they are most of what would have to be sorted.
// `more_zeros`: that are not among the values.
template <class T>
std::vector<Weighted> distinct_of(std::span<const T> values, std::size_t more_zeros) {
  std::vector<std::uint64_t> keys;
  keys.reserve(values.size());
  std::size_t zeros = more_zeros;
  for (const T x : values) {
    if (x == 0) {
      ++zeros;
    } else if (!std::isnan(x)) {
      keys.push_back(to_key(static_cast<double>(x)));
    }
  }
  std::vector<Weighted> out = distinct_of(keys);
  if (zeros > 0) {
    const auto at = std::find_if(out.begin(), out.end(), [](auto one) { return one.value > 0; });
    out.insert(at, {0, static_cast<double>(zeros)});
  }
  return out;
}

template <class T>
std::vector<Weighted> distinct_of(std::span<const T> values, std::span<const float> weights,
                                  std::span<const std::size_t> rows) {
  if (weights.empty()) return distinct_of(values, 0);
  std::vector<Weighted> weighted;
  weighted.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) continue;
    // -0 and 0 are one value.
    weighted.push_back(
        {static_cast<double>(values[i]) + 0.0, static_cast<double>(weights[rows[i]])});
  }
  return distinct_of(weighted);
}

template <class T>
std::vector<FeatureBins> fit_features(const RowSource<T>& rows, std::span<const float> weights,
                                      const BinningParams& params) {
  check_argument(params.max_bins >= 2 && params.max_bins <= kMaxBins, "bins must be 2 to 255, not ",
                 params.max_bins);
  check_argument(rows.columns() <= kMaxFeatures, rows.columns(), " features; at most ",
                 kMaxFeatures);
  check_argument(weights.empty() || weights.size() == rows.rows(), weights.size(), " weights for ",
                 rows.rows(), " rows");
  std::vector<FeatureBins> features(rows.columns());
  for (const std::int32_t f : params.categorical) {
    check_argument(f >= 0 && static_cast<std::size_t>(f) < rows.columns(), "categorical feature ",
                   f, " of ", rows.columns());
    features[static_cast<std::size_t>(f)].categorical = true;
  }
  const std::vector<std::size_t> sample = sample_of(rows.rows(), params);
  const bool all_listed = rows.sparse() && weights.empty() && sample.size() == rows.rows();
  parallel_blocks(rows.columns(), kFeaturesAtOnce, params.threads, [&](const Block& block) {
    std::vector<T> values;
    if (!all_listed) {
      values.resize((block.end - block.begin) * sample.size());
      rows.pick(block.begin, block.end - block.begin, sample, values.data());
    }
    for (std::size_t f = block.begin; f < block.end; ++f) {
      std::vector<Weighted> distinct;
      if (all_listed) {
        const auto cells = rows.cells(f, 0, rows.rows());
        distinct = distinct_of(cells.values, rows.rows() - cells.rows.size());
      } else {
        const std::size_t at = (f - block.begin) * sample.size();
        distinct =
            distinct_of(std::span<const T>(values).subspan(at, sample.size()), weights, sample);
      }
      if (features[f].categorical) {
        features[f].categories = heaviest_categories(distinct, params.max_bins);
      } else {
        features[f].bounds = quantile_bounds(distinct, params.max_bins);
      }
    }
  });
  return features;
}

}  // namespace

BinMapper BinMapper::fit(MatrixView<const float> rows, std::span<const float> weights,
                         const BinningParams& params) {
  BinMapper mapper;
  mapper.features_ = fit_features(RowSource<float>(rows), weights, params);
  return mapper;
}

BinMapper BinMapper::fit(MatrixView<const double> rows, std::span<const float> weights,
                         const BinningParams& params) {
  BinMapper mapper;
  mapper.features_ = fit_features(RowSource<double>(rows), weights, params);
  return mapper;
}

BinMapper BinMapper::fit(const SparseColumns<float>& rows, std::span<const float> weights,
                         const BinningParams& params) {
  BinMapper mapper;
  mapper.features_ = fit_features(RowSource<float>(rows), weights, params);
  return mapper;
}

BinMapper BinMapper::fit(const SparseColumns<double>& rows, std::span<const float> weights,
                         const BinningParams& params) {
  BinMapper mapper;
  mapper.features_ = fit_features(RowSource<double>(rows), weights, params);
  return mapper;
}

}  // namespace penchant::ranking
