#include "penchant/models/item_operator.h"

#include <algorithm>
#include <array>

#include "penchant/base/kernels.h"

namespace penchant::models {
namespace {

constexpr std::array<std::string_view, 4> kKinds = {"ease", "graph_filter", "local_ridge", "slim"};
constexpr std::int64_t kMostComponents = 4096;

}  // namespace

bool is_item_operator(std::string_view kind) {
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

void ItemOperatorModel::score_all(const Query& query, std::span<float> scores) const {
  if (parts_.components == 0) {
    std::fill(scores.begin(), scores.end(), 0.0F);
  } else {
    std::vector<float> vector(parts_.components, 0.0F);
    const data::History& history = query.history;
    for (std::size_t h = 0; h < history.size(); ++h) {
      axpy(pair_weight(parts_.weighting, history.values[h], history.last[h], query.as_of),
           left().row(static_cast<std::size_t>(history.items[h].value)), vector);
    }
    dot_rows(right(), vector, scores);
  }
  parts_.rows.add_scores(query, parts_.weighting, scores);
}

ItemIndex ItemOperatorModel::because(const Query& query, ItemIndex item) const {
  if (parts_.components == 0) {
    return parts_.rows.strongest_source(query, parts_.weighting, item);
  }
  ItemIndex best;
  float best_share = 0;
  const data::History& history = query.history;
  for (std::size_t h = 0; h < history.size(); ++h) {
    const ItemIndex known = history.items[h];
    if (known == item) continue;
    const float entry =
        parts_.rows.at(known, item) + dot(left().row(static_cast<std::size_t>(known.value)),
                                          right().row(static_cast<std::size_t>(item.value)));
    const float share =
        entry * pair_weight(parts_.weighting, history.values[h], history.last[h], query.as_of);
    if (share > best_share) {
      best_share = share;
      best = known;
    }
  }
  return best;
}

bool ItemOperatorModel::similar(ItemIndex item, std::span<float> scores) const {
  parts_.rows.fill_row(item, scores);
  if (parts_.components > 0) {
    std::vector<float> low(num_items());
    dot_rows(right(), left().row(static_cast<std::size_t>(item.value)), low);
    for (std::size_t j = 0; j < low.size(); ++j) scores[j] += low[j];
  }
  return true;
}

void ItemOperatorModel::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix,
            {{"kind", kind()}, {"weighting", parts_.weighting}, {"components", parts_.components}});
  parts_.rows.save(writer, prefix);
  if (parts_.components > 0) {
    writer.add(prefix + "/left", left());
    writer.add(prefix + "/right", right());
  }
}

std::shared_ptr<const Model> ItemOperatorModel::load(
    const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
    std::size_t /*num_users*/, std::size_t num_items) {
  const Meta meta(*reader, prefix);
  Parts parts;
  parts.kind = meta.text("kind");
  meta.require(is_item_operator(parts.kind), "kind");
  parts.weighting = meta.weighting("weighting");
  parts.components = meta.integer<std::size_t>("components", 0, kMostComponents);
  parts.rows = ItemRows::load(meta, num_items);
  if (parts.components > 0) {
    parts.left = meta.matrix<float>("left", num_items, parts.components);
    parts.right = meta.matrix<float>("right", num_items, parts.components);
  }
  return std::make_shared<const ItemOperatorModel>(std::move(parts));
}

}  // namespace penchant::models
