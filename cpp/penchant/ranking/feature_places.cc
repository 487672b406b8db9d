#include "penchant/ranking/feature_places.h"

#include <algorithm>
#include <array>
#include <utility>

#include "penchant/base/parallel.h"
#include "penchant/ranking/bin_reader.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kLookBlocks = 32;  // of kBinBlockRows rows, spread evenly
constexpr std::size_t kSparse = 4;       // sparse: at most one row in so many is unusual
constexpr std::size_t kMostCodes = 254;  // of a column; 0 is the usual bin, 255 stays free
constexpr std::size_t kMostTried = 100;  // columns that a feature is tried with

// What a look at some of the rows says of a feature.
struct Look {
  std::uint8_t usual = 0;
  bool has_missing = false;
  bool sparse = false;
  std::vector<std::uint32_t> unusual;  // rows, numbered within the look, where it is sparse
};

// The rows of a look: all, or blocks spread evenly.
std::vector<Block> look_blocks(std::size_t rows) {
  const std::size_t blocks = (rows + kBinBlockRows - 1) / kBinBlockRows;
  const std::size_t looked = std::min(blocks, kLookBlocks);
  std::vector<Block> out;
  for (std::size_t k = 0; k < looked; ++k) {
    const std::size_t b = k * blocks / looked;
    out.push_back({b * kBinBlockRows, std::min(rows, (b + 1) * kBinBlockRows), b});
  }
  return out;
}

// The most frequent bin of some rows, whose number it returns with it.
template <class T>
std::pair<std::uint8_t, std::size_t> usual_bin(const BinReader<T>& reader, const Block& block,
                                               std::size_t f) {
  std::array<std::uint8_t, kBinBlockRows> bins;
  reader.read(f, block.begin, block.end - block.begin, bins.data());
  std::array<std::size_t, 256> count{};
  for (std::size_t i = 0; i < block.end - block.begin; ++i) ++count[bins[i]];
  const auto most = std::max_element(count.begin(), count.end() - 1);
  return {static_cast<std::uint8_t>(most - count.begin()), *most};
}

template <class T>
Look look_at(const BinReader<T>& reader, const std::vector<Block>& blocks, std::size_t f) {
  Look look;
  if (blocks.empty()) return look;
  // What is usual in a block of a thousand rows is so elsewhere, where a feature is sparse enough.
  const auto [usual, count] = usual_bin(reader, blocks.front(), f);
  look.usual = usual;
  if (2 * count < blocks.front().end - blocks.front().begin) return look;
  std::size_t rows = 0;
  for (const Block& block : blocks) {
    const std::size_t size = block.end - block.begin;
    reader.unusual(f, block.begin, size, usual, [&](std::size_t i, std::uint8_t bin) {
      look.unusual.push_back(static_cast<std::uint32_t>(rows + i));
      look.has_missing = look.has_missing || bin == kMissingBin;
    });
    rows += size;
  }
  look.sparse = kSparse * look.unusual.size() <= rows;
  if (!look.sparse) look.unusual.clear();
  return look;
}

struct Bundle {
  std::vector<std::size_t> features;
  std::size_t codes = 0;
  std::vector<std::uint64_t> taken;  // a bit a row of the look

  [[nodiscard]] bool free_for(const Look& look) const {
    return std::none_of(look.unusual.begin(), look.unusual.end(),
                        [&](auto row) { return (taken[row / 64] >> (row % 64) & 1U) != 0; });
  }
  void add(std::size_t f, const Look& look, std::size_t wanted) {
    features.push_back(f);
    codes += wanted;
    for (const std::uint32_t row : look.unusual) taken[row / 64] |= std::uint64_t{1} << (row % 64);
  }
};

std::size_t codes_of(const BinMapper& mapper, const Look& look, std::size_t f) {
  return static_cast<std::size_t>(mapper.feature(f).bins()) - 1 + (look.has_missing ? 1 : 0);
}

// First fit, those with most unusual rows first.
std::vector<Bundle> bundles_of(const BinMapper& mapper, const std::vector<Look>& looks,
                               std::vector<std::size_t> sparse, std::size_t rows) {
  std::stable_sort(sparse.begin(), sparse.end(), [&](std::size_t a, std::size_t b) {
    return looks[a].unusual.size() > looks[b].unusual.size();
  });
  std::vector<Bundle> bundles;
  for (const std::size_t f : sparse) {
    const std::size_t wanted = codes_of(mapper, looks[f], f);
    const std::size_t first = bundles.size() - std::min(bundles.size(), kMostTried);
    const auto fits = [&](const Bundle& bundle) {
      return bundle.codes + wanted <= kMostCodes && bundle.free_for(looks[f]);
    };
    auto at =
        std::find_if(bundles.begin() + static_cast<std::ptrdiff_t>(first), bundles.end(), fits);
    if (at == bundles.end()) {
      bundles.push_back({{}, 0, std::vector<std::uint64_t>((rows + 63) / 64)});
      at = bundles.end() - 1;
    }
    at->add(f, looks[f], wanted);
  }
  return bundles;
}

}  // namespace

Places own_places(const BinMapper& mapper) {
  Places places;
  for (std::size_t f = 0; f < mapper.features(); ++f) {
    places.features.push_back({.column = static_cast<std::uint32_t>(f)});
    places.values.push_back(static_cast<std::uint16_t>(mapper.feature(f).bins()));
  }
  return places;
}

template <class T>
Places shared_places(const RowSource<T>& rows, const BinMapper& mapper,
                     const std::vector<std::uint8_t>& alone, int threads) {
  const BinReader<T> reader(rows, mapper);
  const std::vector<Block> blocks = look_blocks(rows.rows());
  std::vector<Look> looks(mapper.features());
  parallel_blocks(mapper.features(), 1, threads, [&](const Block& block) {
    const std::size_t f = block.begin;
    if (alone[f] == 0) looks[f] = look_at(reader, blocks, f);
  });
  std::vector<std::size_t> sparse;
  for (std::size_t f = 0; f < mapper.features(); ++f) {
    if (looks[f].sparse && codes_of(mapper, looks[f], f) <= kMostCodes / 2) sparse.push_back(f);
  }
  std::vector<Bundle> bundles =
      bundles_of(mapper, looks, std::move(sparse), blocks.size() * kBinBlockRows);
  std::erase_if(bundles, [](const Bundle& bundle) { return bundle.features.size() < 2; });
  std::vector<std::uint8_t> shares(mapper.features(), 0);
  for (const Bundle& bundle : bundles) {
    for (const std::size_t f : bundle.features) shares[f] = 1;
  }
  Places places;
  places.features.resize(mapper.features());
  for (std::size_t f = 0; f < mapper.features(); ++f) {
    if (shares[f] != 0) continue;
    places.features[f].column = static_cast<std::uint32_t>(places.values.size());
    places.values.push_back(static_cast<std::uint16_t>(mapper.feature(f).bins()));
  }
  for (const Bundle& bundle : bundles) {
    std::size_t code = 1;
    for (const std::size_t f : bundle.features) {
      const std::size_t wanted = codes_of(mapper, looks[f], f);
      places.features[f] = {.column = static_cast<std::uint32_t>(places.values.size()),
                            .shared = true,
                            .usual = looks[f].usual,
                            .first = static_cast<std::uint8_t>(code),
                            .last = static_cast<std::uint8_t>(code + wanted - 1),
                            .has_missing = looks[f].has_missing};
      code += wanted;
    }
    places.values.push_back(static_cast<std::uint16_t>(code));
  }
  return places;
}

template Places shared_places(const RowSource<float>&, const BinMapper&,
                              const std::vector<std::uint8_t>&, int);
template Places shared_places(const RowSource<double>&, const BinMapper&,
                              const std::vector<std::uint8_t>&, int);

}  // namespace penchant::ranking
