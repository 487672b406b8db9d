#include "penchant/ranking/forest_columns.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace penchant::ranking {
namespace {

// Splits of one key share columns: they read the same feature and agree on what is missing and
// where it goes.
std::uint64_t numeric_key(const SplitNode& node) {
  const bool left = node.missing != Missing::kNone && node.missing_left;
  return static_cast<std::uint64_t>(node.feature) << 8 |
         static_cast<std::uint64_t>(node.missing) << 1 | static_cast<std::uint64_t>(left);
}

std::uint64_t set_key(const SplitNode& node) {
  return static_cast<std::uint64_t>(node.feature) << 40 |
         static_cast<std::uint64_t>(node.categories) << 1 |
         static_cast<std::uint64_t>(node.missing_left);
}

std::int8_t missing_byte(bool left) { return left ? -128 : 127; }

// For a float x, x <= the result says what x <= threshold does.
float largest_float_up_to(double threshold) {
  const auto near = static_cast<float>(threshold);
  return static_cast<double>(near) > threshold
             ? std::nextafter(near, -std::numeric_limits<float>::infinity())
             : near;
}

}  // namespace

ForestColumns::ForestColumns(const ForestData& data, std::size_t trees) {
  std::vector<std::pair<std::uint64_t, double>> compared;
  const auto end = static_cast<std::size_t>(data.node_begin[trees]);
  for (std::size_t i = 0; i < end; ++i) {
    const SplitNode& node = data.nodes[i];
    if (node.categories >= 0) {
      sets_.push_back(set_key(node));
    } else {
      compared.emplace_back(numeric_key(node), node.threshold);
    }
  }
  std::sort(sets_.begin(), sets_.end());
  sets_.erase(std::unique(sets_.begin(), sets_.end()), sets_.end());
  std::sort(compared.begin(), compared.end());
  compared.erase(std::unique(compared.begin(), compared.end()), compared.end());
  for (const auto& [key, cut] : compared) {
    if (numeric_.empty() || numeric_.back().key != key) {
      if (!numeric_.empty()) numeric_columns_ += columns_of(numeric_.back().cuts);
      numeric_.push_back({key, cuts_.size(), 0, numeric_columns_});
    }
    ++numeric_.back().cuts;
    cuts_.push_back(cut);
  }
  if (!numeric_.empty()) numeric_columns_ += columns_of(numeric_.back().cuts);
}

std::size_t ForestColumns::count() const { return numeric_columns_ + sets_.size(); }

ForestColumns::Place ForestColumns::place_of(const SplitNode& node) const {
  if (node.categories >= 0) {
    const auto at = std::lower_bound(sets_.begin(), sets_.end(), set_key(node)) - sets_.begin();
    return {static_cast<std::uint16_t>(numeric_columns_ + static_cast<std::size_t>(at)), -128};
  }
  const auto group =
      std::lower_bound(numeric_.begin(), numeric_.end(), numeric_key(node),
                       [](const Numeric& a, std::uint64_t key) { return a.key < key; });
  const auto first = cuts_.begin() + static_cast<std::ptrdiff_t>(group->first_cut);
  const auto last = first + static_cast<std::ptrdiff_t>(group->cuts);
  const auto k = static_cast<std::size_t>(std::lower_bound(first, last, node.threshold) - first);
  return {static_cast<std::uint16_t>(group->first_column + k / kColumnCuts),
          static_cast<std::int8_t>(static_cast<int>(k % kColumnCuts) - 128)};
}

void ForestColumns::write(ForestLayout& layout) const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  layout.numeric_columns = numeric_columns_;
  for (const Numeric& group : numeric_) {
    const auto missing = static_cast<Missing>(group.key >> 1 & 0x7f);
    for (std::size_t done = 0; done < group.cuts; done += kColumnCuts) {
      const std::size_t cuts = std::min(kColumnCuts, group.cuts - done);
      ByteColumn column{.feature = static_cast<std::int32_t>(group.key >> 8),
                        .first_cut = static_cast<std::uint32_t>(layout.cuts.size()),
                        // With room for one infinity, so that no value lies beyond all groups.
                        .groups = static_cast<std::uint32_t>(cuts / kCutGroup + 1),
                        .missing = missing,
                        .missing_byte = missing_byte((group.key & 1) != 0)};
      const auto cut = [&](std::size_t i) {
        return i < cuts ? cuts_[group.first_cut + done + i] : kInfinity;
      };
      if (column.groups > 1) {
        for (std::size_t g = 0; g < kCutGroup; ++g) {
          layout.cuts.push_back(cut(g * kCutGroup + kCutGroup - 1));
        }
      }
      for (std::size_t i = 0; i < column.groups * kCutGroup; ++i) layout.cuts.push_back(cut(i));
      layout.columns.push_back(column);
    }
  }
  for (const std::uint64_t key : sets_) {
    layout.columns.push_back({.feature = static_cast<std::int32_t>(key >> 40),
                              .set = static_cast<std::int32_t>(key >> 1 & 0x7fff'ffff),
                              .missing_byte = missing_byte((key & 1) != 0)});
  }
  layout.float_cuts.resize(layout.cuts.size());
  std::transform(layout.cuts.begin(), layout.cuts.end(), layout.float_cuts.begin(),
                 largest_float_up_to);
}

}  // namespace penchant::ranking
