#include "penchant/ranking/bin_reader.h"

#include <algorithm>
#include <cmath>

namespace penchant::ranking {
namespace {

// What is not listed has the feature's last bin.
std::vector<std::uint8_t> category_table(const FeatureBins& feature) {
  std::int32_t most = -1;
  for (const std::int32_t c : feature.categories) most = std::max(most, c);
  std::vector<std::uint8_t> bins(static_cast<std::size_t>(most + 1),
                                 static_cast<std::uint8_t>(feature.categories.size()));
  for (std::size_t b = 0; b < feature.categories.size(); ++b) {
    bins[static_cast<std::size_t>(feature.categories[b])] = static_cast<std::uint8_t>(b);
  }
  return bins;
}

std::uint8_t category_bin(const std::vector<std::uint8_t>& table, std::uint8_t other, double x) {
  if (std::isnan(x)) return kMissingBin;
  if (!(x >= 0) || x >= static_cast<double>(table.size()) || x != std::floor(x)) return other;
  return table[static_cast<std::size_t>(x)];
}

}  // namespace

template <class T>
BinReader<T>::BinReader(const RowSource<T>& rows, const BinMapper& mapper)
    : rows_(rows), mapper_(mapper), bounds_(mapper.features()), categories_(mapper.features()) {
  for (std::size_t f = 0; f < mapper.features(); ++f) {
    bounds_[f] = make_bound_table<T>(mapper.feature(f).bounds);
    if (mapper.feature(f).categorical) categories_[f] = category_table(mapper.feature(f));
  }
  if (!rows.sparse()) return;
  zero_bins_.resize(mapper.features());
  for (std::size_t f = 0; f < mapper.features(); ++f) {
    const T zero = 0;
    find(f, &zero, 1, &zero_bins_[f]);
  }
}

template <class T>
void BinReader<T>::read(std::size_t f, std::size_t first, std::size_t count,
                        std::uint8_t* out) const {
  std::array<T, kBinBlockRows> values;
  rows_.read(f, first, count, values.data());
  find(f, values.data(), count, out);
}

template <class T>
void BinReader<T>::find(std::size_t f, const T* values, std::size_t count,
                        std::uint8_t* bins) const {
  if (!mapper_.feature(f).categorical) return find_bins(bounds_[f], values, count, bins);
  const auto other = static_cast<std::uint8_t>(mapper_.feature(f).categories.size());
  for (std::size_t i = 0; i < count; ++i) {
    bins[i] = category_bin(categories_[f], other, static_cast<double>(values[i]));
  }
}

template class BinReader<float>;
template class BinReader<double>;

}  // namespace penchant::ranking
