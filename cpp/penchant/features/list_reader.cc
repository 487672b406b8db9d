#include "penchant/features/list_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/base/kernels.h"
#include "penchant/features/row_rules.h"

namespace penchant::features {
namespace {

using Entry = ListWalk::Entry;
using Kind = Feature::Kind;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

bool of_candidate(Kind kind) {
  return kind == Kind::kListHas || kind == Kind::kListSame || kind == Kind::kListRank;
}

// The entry of `wanted`, an element of those of `list` that asks for the same as a feature does.
template <class List, class Same>
auto& entry_of(List& list, const Same& same, const typename List::value_type& fresh) {
  const auto at = std::ranges::find_if(list, same);
  return at == list.end() ? list.emplace_back(fresh) : *at;
}

}  // namespace

ListReader::ListReader(const State& state, std::size_t most, std::size_t shift)
    : state_(state),
      walk_(state),
      companions_(state, most),
      candidates_(most),
      values_(kMostCartRows) {
  const std::vector<Feature>& features = state.plan().features();
  for (std::size_t f = 0; f < features.size(); ++f) {
    const Feature& feature = features[f];
    if (!feature.of_list() || feature.shift != shift) continue;
    Asked& asked = entry_of(lists_, [&](const Asked& one) { return one.list == feature.list; },
                            {.list = feature.list, .features = {}, .together = {}, .similar = {}});
    if (feature.together()) {
      const auto same = [&](const Together& one) { return one.companions == feature.companions; };
      entry_of(asked.together, same, {.companions = feature.companions, .features = {}})
          .features.push_back(f);
    } else if (feature.kind == Kind::kSimilarity) {
      const auto same = [&](const Similar& one) { return one.embedding == feature.embedding; };
      entry_of(asked.similar, same, {.embedding = feature.embedding, .features = {}})
          .features.push_back(f);
    } else {
      asked.features.push_back(f);
    }
  }
  together_.resize(most);
  cosines_.resize(most);
  sums_.resize(most);
  most_.resize(most);
  compared_.resize(most);
}

void ListReader::read(const Points& points, std::span<const std::int64_t> times, std::size_t first,
                      std::span<double* const> columns) {
  points_ = points;
  each_run(points.subjects, times, first, [&](const PointRun& run) { read_run(run, columns); });
}

// Whom lists are compared with, where they are.
void ListReader::list_candidates(const PointRun& run) {
  candidates_.clear();
  asked_.clear();
  asked_at_.clear();
  places_.clear();
  for (std::size_t point = run.first; point < run.end; ++point) {
    const std::int32_t item = item_of(point);
    if (item < 0) continue;
    places_.push_back(candidates_.put(item));
    asked_.push_back(item);
    asked_at_.push_back(static_cast<std::uint32_t>(point - run.first));
  }
}

void ListReader::read_run(const PointRun& run, std::span<double* const> columns) {
  list_candidates(run);
  for (const Asked& asked : lists_) {
    walk_.walk(asked.list, run.subject, run.time, entries_);
    listed_.clear();
    for (const Entry& entry : entries_) {
      if (listed_.size() < state_.plan().lists()[asked.list].most) listed_.push_back(entry.code);
    }
    for (const std::size_t f : asked.features) {
      read_alone(state_.plan().features()[f], run, columns[f]);
    }
    for (const Together& together : asked.together) read_together(together, run, columns);
    for (const Similar& similar : asked.similar) read_similar(similar, run, columns);
  }
}

void ListReader::read_alone(const Feature& feature, const PointRun& run, double* out) {
  if (!of_candidate(feature.kind)) {
    std::fill(out + run.first, out + run.end, of_whole(feature));
    return;
  }
  for (std::size_t point = run.first; point < run.end; ++point) {
    out[point] = of_item(feature, item_of(point));
  }
}

double ListReader::of_whole(const Feature& feature) {
  if (feature.kind == Kind::kListItems) return static_cast<double>(entries_.size());
  if (feature.kind == Kind::kListValues) return values_of(feature);
  __int128 total = 0;
  for (const Entry& entry : entries_) {
    if (feature.kind == Kind::kCartPieces) {
      total += entry.pieces;
      continue;
    }
    std::int64_t each = entry.price;
    if (feature.kind == Kind::kCartMargin && each != kNoNumber) {
      const auto& costs = state_.items().numbers[feature.attribute];
      const double cost = costs[static_cast<std::size_t>(entry.code)] * kUnit;
      each = std::abs(cost) < 9e18 ? each - std::llround(cost) : kNoNumber;
    }
    const std::int64_t value = each == kNoNumber ? kNoNumber : product(entry.pieces, each);
    if (value != kNoNumber) total += value;
  }
  return static_cast<double>(total) / kUnit;
}

double ListReader::values_of(const Feature& feature) {
  values_.clear();
  const auto& attribute_of = state_.items().codes[feature.attribute].of_item;
  for (const Entry& entry : entries_) {
    const std::int32_t code = attribute_of[static_cast<std::size_t>(entry.code)];
    if (code >= 0) values_.put(code);
  }
  return static_cast<double>(values_.size());
}

double ListReader::of_item(const Feature& feature, std::int32_t item) const {
  const ItemTable& items = state_.items();
  if (feature.kind == Kind::kListHas) {
    if (item < 0) return kUnknown;
    return std::ranges::find(entries_, item, &Entry::code) == entries_.end() ? 0 : 1;
  }
  const ItemList& list = state_.plan().lists()[feature.list];
  const bool by_attribute =
      feature.kind == Kind::kListSame || list.kind == ItemList::Kind::kFavorites;
  std::int32_t code = item;
  if (by_attribute && item >= 0) {
    const std::size_t attribute =
        feature.kind == Kind::kListSame ? feature.attribute : list.attribute;
    code = items.codes[attribute].of_item[static_cast<std::size_t>(item)];
  }
  if (code < 0) return kUnknown;
  if (feature.kind == Kind::kListSame) {
    const auto& of_item = items.codes[feature.attribute].of_item;
    return static_cast<double>(std::ranges::count_if(entries_, [&](const Entry& entry) {
      return of_item[static_cast<std::size_t>(entry.code)] == code;
    }));
  }
  const auto at = std::ranges::find(listed_, code);
  return at == listed_.end() ? kUnknown : static_cast<double>(at - listed_.begin() + 1);
}

void ListReader::read_together(const Together& asked, const PointRun& run,
                               std::span<double* const> columns) {
  for (const std::size_t f : asked.features) {
    std::fill(columns[f] + run.first, columns[f] + run.end, kUnknown);
  }
  if (listed_.empty() || asked_.empty()) return;
  companions_.walk(asked.companions, listed_, run.subject, run.time, candidates_);
  for (const std::size_t f : asked.features) {
    companions_.values(state_.plan().features()[f], together_);
    double* const out = columns[f] + run.first;
    for (std::size_t i = 0; i < asked_.size(); ++i) out[asked_at_[i]] = together_[places_[i]];
  }
}

void ListReader::read_similar(const Similar& asked, const PointRun& run,
                              std::span<double* const> columns) {
  const MatrixView<const float> vectors = state_.items().vectors[asked.embedding].view();
  const std::size_t count = asked_.size();
  std::fill_n(sums_.begin(), count, 0.0);
  std::fill_n(most_.begin(), count, -1.0);
  std::fill_n(compared_.begin(), count, 0U);
  for (const std::int32_t item : listed_) {
    const std::span<const float> own = vectors.row(static_cast<std::size_t>(item));
    if (count == 0 || std::isnan(own.front())) continue;
    dot_gathered(vectors, asked_, own, std::span(cosines_).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      if (asked_[i] == item || std::isnan(cosines_[i])) continue;
      const auto cosine = static_cast<double>(cosines_[i]);
      sums_[i] += cosine;
      most_[i] = std::max(most_[i], cosine);
      ++compared_[i];
    }
  }
  for (const std::size_t f : asked.features) {
    const Feature::Pool pool = state_.plan().features()[f].pool;
    double* const out = columns[f] + run.first;
    std::fill(out, out + (run.end - run.first), kUnknown);
    for (std::size_t i = 0; i < count; ++i) {
      if (compared_[i] == 0) continue;
      double value = sums_[i];
      if (pool == Feature::Pool::kMean) value /= compared_[i];
      if (pool == Feature::Pool::kMax) value = most_[i];
      out[asked_at_[i]] = value;
    }
  }
}

}  // namespace penchant::features
