#include "penchant/models/item_rows.h"

#include <algorithm>
#include <cmath>

namespace penchant::models {

ItemRows ItemRows::of(const std::vector<std::vector<Scored>>& lists) {
  std::size_t total = 0;
  for (const auto& list : lists) total += list.size();
  std::vector<std::int64_t> offsets{0};
  std::vector<ItemIndex> items;
  std::vector<float> weights;
  offsets.reserve(lists.size() + 1);
  items.reserve(total);
  weights.reserve(total);
  for (const auto& list : lists) {
    for (const Scored& entry : list) {
      items.emplace_back(entry.index);
      weights.push_back(entry.score);
    }
    offsets.push_back(static_cast<std::int64_t>(items.size()));
  }
  ItemRows out;
  out.offsets_ = SharedArray<std::int64_t>::own(std::move(offsets));
  out.items_ = SharedArray<ItemIndex>::own(std::move(items));
  out.weights_ = SharedArray<float>::own(std::move(weights));
  return out;
}

ItemRows ItemRows::of_columns(const std::vector<std::vector<Scored>>& lists) {
  std::vector<std::int64_t> offsets(lists.size() + 1, 0);
  for (const auto& list : lists) {
    for (const Scored& entry : list) ++offsets[static_cast<std::size_t>(entry.index) + 1];
  }
  for (std::size_t i = 0; i < lists.size(); ++i) offsets[i + 1] += offsets[i];
  std::vector<ItemIndex> items(static_cast<std::size_t>(offsets.back()));
  std::vector<float> weights(items.size());
  std::vector<std::int64_t> next(offsets.begin(), offsets.end() - 1);
  for (std::size_t j = 0; j < lists.size(); ++j) {
    for (const Scored& entry : lists[j]) {
      const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(entry.index)]++);
      items[to] = ItemIndex(static_cast<std::int32_t>(j));
      weights[to] = entry.score;
    }
  }
  ItemRows out;
  out.offsets_ = SharedArray<std::int64_t>::own(std::move(offsets));
  out.items_ = SharedArray<ItemIndex>::own(std::move(items));
  out.weights_ = SharedArray<float>::own(std::move(weights));
  return out;
}

ItemRows::Row ItemRows::row(ItemIndex item) const {
  const auto i = static_cast<std::size_t>(item.value);
  const auto begin = static_cast<std::size_t>(offsets_[i]);
  const auto count = static_cast<std::size_t>(offsets_[i + 1]) - begin;
  return {items_.span().subspan(begin, count), weights_.span().subspan(begin, count)};
}

float ItemRows::at(ItemIndex from, ItemIndex to) const {
  const Row near = row(from);
  const auto found = std::lower_bound(near.items.begin(), near.items.end(), to);
  if (found == near.items.end() || *found != to) return 0;
  return near.weights[static_cast<std::size_t>(found - near.items.begin())];
}

void ItemRows::add_scores(const Query& query, const PairWeighting& weighting,
                          std::span<float> scores) const {
  const data::History& history = query.history;
  for (std::size_t h = 0; h < history.size(); ++h) {
    const float weight = pair_weight(weighting, history.values[h], history.last[h], query.as_of);
    const Row near = row(history.items[h]);
    for (std::size_t k = 0; k < near.items.size(); ++k) {
      scores[static_cast<std::size_t>(near.items[k].value)] += weight * near.weights[k];
    }
  }
}

ItemIndex ItemRows::strongest_source(const Query& query, const PairWeighting& weighting,
                                     ItemIndex item) const {
  ItemIndex best;
  float best_share = 0;
  const data::History& history = query.history;
  for (std::size_t h = 0; h < history.size(); ++h) {
    const float share = at(history.items[h], item) *
                        pair_weight(weighting, history.values[h], history.last[h], query.as_of);
    if (share > best_share) {
      best_share = share;
      best = history.items[h];
    }
  }
  return best;
}

void ItemRows::fill_row(ItemIndex item, std::span<float> scores) const {
  std::fill(scores.begin(), scores.end(), 0.0F);
  const Row near = row(item);
  for (std::size_t k = 0; k < near.items.size(); ++k) {
    scores[static_cast<std::size_t>(near.items[k].value)] = near.weights[k];
  }
}

void ItemRows::save(bundle::Writer& writer, const std::string& prefix) const {
  writer.add(prefix + "/offsets", offsets_.span());
  writer.add(prefix + "/neighbors", items_.span());
  writer.add(prefix + "/similarities", weights_.span());
}

ItemRows ItemRows::load(const Meta& meta, std::size_t num_items) {
  ItemRows out;
  out.offsets_ = meta.array<std::int64_t>("offsets", num_items + 1);
  out.items_ = meta.any_array<ItemIndex>("neighbors");
  out.weights_ = meta.array<float>("similarities", out.items_.size());
  const auto offsets = out.offsets_.span();
  meta.require(offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                   offsets.back() == static_cast<std::int64_t>(out.items_.size()),
               "offsets");
  for (std::size_t i = 0; i < num_items; ++i) {
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k) {
      const std::int32_t j = out.items_[static_cast<std::size_t>(k)].value;
      const bool ascends = k == offsets[i] || j > out.items_[static_cast<std::size_t>(k - 1)].value;
      meta.require(j >= 0 && static_cast<std::size_t>(j) < num_items && ascends, "neighbors");
    }
  }
  return out;
}

std::vector<Scored> largest_entries(std::vector<Scored>& scratch, std::size_t k) {
  if (scratch.size() > k) {
    const auto cut = scratch.begin() + static_cast<std::ptrdiff_t>(k);
    std::nth_element(scratch.begin(), cut, scratch.end(), [](const Scored& a, const Scored& b) {
      const float x = std::fabs(a.score);
      const float y = std::fabs(b.score);
      return x > y || (x == y && a.index < b.index);
    });
    scratch.erase(cut, scratch.end());
  }
  std::sort(scratch.begin(), scratch.end(),
            [](const Scored& a, const Scored& b) { return a.index < b.index; });
  return {scratch.begin(), scratch.end()};
}

}  // namespace penchant::models
