#include "penchant/ranking/binned_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/ranking/bin_search.h"
#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBlockRows = 1024;

// Bins of categories by number; what is not listed has the feature's last bin.
class CategoryTable {
 public:
  explicit CategoryTable(const FeatureBins& feature)
      : other_(static_cast<std::uint8_t>(feature.categories.size())) {
    std::int32_t most = -1;
    for (const std::int32_t c : feature.categories) most = std::max(most, c);
    bin_.assign(static_cast<std::size_t>(most + 1), other_);
    for (std::size_t b = 0; b < feature.categories.size(); ++b) {
      bin_[static_cast<std::size_t>(feature.categories[b])] = static_cast<std::uint8_t>(b);
    }
  }

  [[nodiscard]] std::uint8_t bin_of(double x) const {
    if (std::isnan(x)) return kMissingBin;
    if (!(x >= 0) || x >= static_cast<double>(bin_.size()) || x != std::floor(x)) return other_;
    return bin_[static_cast<std::size_t>(x)];
  }

 private:
  std::uint8_t other_;
  std::vector<std::uint8_t> bin_;
};

}  // namespace

std::size_t BinnedMatrix::tile_stride(std::size_t t) const {
  const std::size_t first = t / kPanelTiles * kPanelTiles;
  return std::min(kPanelTiles, tiles() - first) * kTileFeatures;
}

const std::uint8_t* BinnedMatrix::tile(std::size_t t) const {
  const std::size_t panel = t / kPanelTiles;
  return tiles_.data() + panel * kPanelTiles * kTileFeatures * rows_ +
         t % kPanelTiles * kTileFeatures;
}

template <class T>
BinnedMatrix BinnedMatrix::make(MatrixView<const T> rows, const BinMapper& mapper,
                                const Options& options) {
  check_argument(rows.columns == mapper.features(), "rows have ", rows.columns,
                 " features, the bins ", mapper.features());
  check_argument(rows.rows < (std::size_t{1} << 32), "more than 2^32 rows");
  BinnedMatrix out;
  out.rows_ = rows.rows;
  out.features_ = rows.columns;
  out.columns_.resize(out.rows_ * out.features_ + kColumnSlack);
  if (options.tiles) out.tiles_.resize(out.rows_ * out.tiles() * kTileFeatures);
  std::vector<CategoryTable> categories;
  std::vector<BoundTable<T>> bounds(out.features_);
  categories.reserve(out.features_);
  for (std::size_t f = 0; f < out.features_; ++f) {
    categories.emplace_back(mapper.feature(f));
    bounds[f] = make_bound_table<T>(mapper.feature(f).bounds);
  }
  parallel_blocks(out.rows_, kBlockRows, options.threads, [&](const Block& block) {
    std::array<T, kBlockRows> values{};
    const std::size_t count = block.end - block.begin;
    for (std::size_t f = 0; f < out.features_; ++f) {
      const T* from = rows.data + block.begin * rows.columns + f;
      for (std::size_t i = 0; i < count; ++i) values[i] = from[i * rows.columns];
      std::uint8_t* column = out.columns_.data() + f * out.rows_ + block.begin;
      if (mapper.feature(f).categorical) {
        for (std::size_t i = 0; i < count; ++i) {
          column[i] = categories[f].bin_of(static_cast<double>(values[i]));
        }
      } else {
        find_bins(bounds[f], values.data(), count, column);
      }
      if (!options.tiles) continue;
      const std::size_t stride = out.tile_stride(f / kTileFeatures);
      std::uint8_t* tile = out.tiles_.data() + (out.tile(f / kTileFeatures) - out.tiles_.data()) +
                           block.begin * stride + f % kTileFeatures;
      for (std::size_t i = 0; i < count; ++i) tile[i * stride] = column[i];
    }
  });
  return out;
}

BinnedMatrix BinnedMatrix::of(MatrixView<const float> rows, const BinMapper& mapper,
                              const Options& options) {
  return make(rows, mapper, options);
}

BinnedMatrix BinnedMatrix::of(MatrixView<const double> rows, const BinMapper& mapper,
                              const Options& options) {
  return make(rows, mapper, options);
}

}  // namespace penchant::ranking
