#include "penchant/models/content.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/base/kernels.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {
namespace {

void check_parts(bool holds, std::string_view what) {
  if (!holds) fail(ErrorKind::kBadData, concat("Content: ", what));
}

}  // namespace

struct ContentModel::Profile {
  std::vector<float> sparse;          // [num_features]
  std::vector<std::int32_t> touched;  // features that are in it, in no order
  std::vector<std::uint8_t> is_touched;
  std::vector<float> dense;  // [width]

  explicit Profile(const Parts& parts)
      : sparse(parts.num_features, 0.0F),
        is_touched(parts.num_features, 0),
        dense(parts.width, 0.0F) {}
};

ContentModel::ContentModel(Parts parts) : parts_(std::move(parts)) {
  check();
  index_features();
}

void ContentModel::check() const {
  const auto offsets = parts_.offsets.span();
  check_parts(!offsets.empty() && offsets.front() == 0 &&
                  std::is_sorted(offsets.begin(), offsets.end()) &&
                  offsets.back() == static_cast<std::int64_t>(parts_.features.size()) &&
                  parts_.features.size() == parts_.values.size(),
              "offsets, features and values don't belong together");
  // Divided rather than multiplied: a width read from a file may be anything.
  check_parts(parts_.width == 0 ? parts_.dense.empty()
                                : parts_.dense.size() % parts_.width == 0 &&
                                      parts_.dense.size() / parts_.width == num_items(),
              "the dense part is not [items, width]");
  for (std::size_t i = 0; i < num_items(); ++i) {
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k) {
      const std::int32_t feature = parts_.features[static_cast<std::size_t>(k)];
      const bool ascends =
          k == offsets[i] || feature > parts_.features[static_cast<std::size_t>(k - 1)];
      check_parts(feature >= 0 && std::cmp_less(feature, parts_.num_features) && ascends,
                  "features are not ascending and in bounds");
    }
  }
  const auto finite = [](float v) { return std::isfinite(v); };
  check_parts(std::all_of(parts_.values.begin(), parts_.values.end(), finite) &&
                  std::all_of(parts_.dense.begin(), parts_.dense.end(), finite),
              "a value is not finite");
}

void ContentModel::index_features() {
  posting_offsets_.assign(parts_.num_features + 1, 0);
  posting_items_.resize(parts_.features.size());
  posting_values_.resize(parts_.features.size());
  for (const std::int32_t feature : parts_.features) {
    ++posting_offsets_[static_cast<std::size_t>(feature) + 1];
  }
  for (std::size_t f = 0; f < parts_.num_features; ++f) {
    posting_offsets_[f + 1] += posting_offsets_[f];
  }
  std::vector<std::int64_t> next(posting_offsets_.begin(), posting_offsets_.end() - 1);
  for (std::size_t i = 0; i < num_items(); ++i) {
    const Row mine = row(ItemIndex(static_cast<std::int32_t>(i)));
    for (std::size_t k = 0; k < mine.features.size(); ++k) {
      const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(mine.features[k])]++);
      posting_items_[to] = static_cast<std::int32_t>(i);
      posting_values_[to] = mine.values[k];
    }
  }
}

ContentModel::Row ContentModel::row(ItemIndex item) const {
  const auto i = static_cast<std::size_t>(item.value);
  const auto begin = static_cast<std::size_t>(parts_.offsets[i]);
  const std::size_t size = static_cast<std::size_t>(parts_.offsets[i + 1]) - begin;
  return {parts_.features.span().subspan(begin, size), parts_.values.span().subspan(begin, size),
          parts_.dense.span().subspan(i * parts_.width, parts_.width)};
}

bool ContentModel::empty(const Row& row) const {
  return row.features.empty() &&
         std::all_of(row.dense.begin(), row.dense.end(), [](float v) { return v == 0; });
}

float ContentModel::similarity(const Row& a, const Row& b) const {
  float sum = 0;
  std::size_t j = 0;
  for (std::size_t i = 0; i < a.features.size(); ++i) {
    while (j < b.features.size() && b.features[j] < a.features[i]) ++j;
    if (j < b.features.size() && b.features[j] == a.features[i]) sum += a.values[i] * b.values[j];
  }
  return parts_.width == 0 ? sum : sum + dot(a.dense, b.dense);
}

void ContentModel::add(const Row& row, float weight, Profile& profile) const {
  for (std::size_t k = 0; k < row.features.size(); ++k) {
    const auto f = static_cast<std::size_t>(row.features[k]);
    if (profile.is_touched[f] == 0) {
      profile.is_touched[f] = 1;
      profile.touched.push_back(row.features[k]);
    }
    profile.sparse[f] += weight * row.values[k];
  }
  if (parts_.width > 0) axpy(weight, row.dense, profile.dense);
}

void ContentModel::score(const Profile& profile, std::span<float> scores) const {
  if (parts_.width > 0) {
    const MatrixView<const float> rows{parts_.dense.data(), num_items(), parts_.width};
    dot_rows(rows, profile.dense, scores);
  } else {
    std::fill(scores.begin(), scores.end(), 0.0F);
  }
  for (const std::int32_t feature : profile.touched) {
    const auto f = static_cast<std::size_t>(feature);
    const float weight = profile.sparse[f];
    const auto end = static_cast<std::size_t>(posting_offsets_[f + 1]);
    for (auto k = static_cast<std::size_t>(posting_offsets_[f]); k < end; ++k) {
      scores[static_cast<std::size_t>(posting_items_[k])] += weight * posting_values_[k];
    }
  }
}

bool ContentModel::can_score(const Query& query) const {
  return std::any_of(query.history.items.begin(), query.history.items.end(),
                     [&](ItemIndex item) { return !empty(row(item)); });
}

void ContentModel::score_all(const Query& query, std::span<float> scores) const {
  Profile profile(parts_);
  const data::History& history = query.history;
  for (std::size_t h = 0; h < history.size(); ++h) {
    add(row(history.items[h]),
        pair_weight(parts_.weighting, history.values[h], history.last[h], query.as_of), profile);
  }
  score(profile, scores);
}

ItemIndex ContentModel::because(const Query& query, ItemIndex item) const {
  const Row sought = row(item);
  ItemIndex best;
  float best_share = 0;
  const data::History& history = query.history;
  for (std::size_t h = 0; h < history.size(); ++h) {
    const float share =
        pair_weight(parts_.weighting, history.values[h], history.last[h], query.as_of) *
        similarity(row(history.items[h]), sought);
    if (share > best_share) {
      best_share = share;
      best = history.items[h];
    }
  }
  return best;
}

bool ContentModel::similar(ItemIndex item, std::span<float> scores) const {
  Profile profile(parts_);
  add(row(item), 1.0F, profile);
  score(profile, scores);
  return true;
}

void ContentModel::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix,
            {{"kind", kind()},
             {"weighting", parts_.weighting},
             {"features", parts_.num_features},
             {"width", parts_.width}});
  writer.add(prefix + "/offsets", parts_.offsets.span());
  writer.add(prefix + "/features", parts_.features.span());
  writer.add(prefix + "/values", parts_.values.span());
  writer.add(prefix + "/dense", parts_.dense.span());
}

std::shared_ptr<const Model> ContentModel::load(const std::shared_ptr<const bundle::Reader>& reader,
                                                const std::string& prefix,
                                                std::size_t /*num_users*/, std::size_t num_items) {
  const Meta meta(*reader, prefix);
  Parts parts;
  parts.weighting = meta.weighting("weighting");
  parts.offsets = meta.array<std::int64_t>("offsets", num_items + 1);
  parts.features = meta.any_array<std::int32_t>("features");
  parts.values = meta.any_array<float>("values");
  parts.dense = meta.any_array<float>("dense");
  // Every feature is somebody's, and a width is spelled out item by item: what is allocated for
  // them is bounded by what the file holds.
  parts.num_features =
      meta.integer<std::size_t>("features", 0, static_cast<std::int64_t>(parts.features.size()));
  parts.width =
      meta.integer<std::size_t>("width", 0, static_cast<std::int64_t>(parts.dense.size()));
  std::shared_ptr<const Model> out;
  meta.require_valid([&] { out = std::make_shared<const ContentModel>(std::move(parts)); });
  return out;
}

}  // namespace penchant::models
