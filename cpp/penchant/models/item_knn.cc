#include "penchant/models/item_knn.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/parallel.h"
#include "penchant/base/top_k.h"
#include "penchant/models/csr.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {
namespace {

constexpr std::size_t kBlockItems = 64;
// Blocks between two calls of the progress callback.
constexpr std::size_t kBlocksPerStep = 16;

void validate(const ItemKnnParameters& p) {
  check_argument(p.neighbors >= 1, "ItemKNN: neighbors must be 1 or more, not ", p.neighbors);
  check_argument(p.k1 > 0 && std::isfinite(p.k1), "ItemKNN: k1 must be positive, not ", p.k1);
  check_argument(p.b >= 0 && p.b <= 1, "ItemKNN: b must be in [0, 1], not ", p.b);
  check_argument(p.shrinkage >= 0 && std::isfinite(p.shrinkage),
                 "ItemKNN: shrinkage must be 0 or more, not ", p.shrinkage);
}

// ln(items) - ln(1 + n) of each user; never negative, so that no neighbour repels.
std::vector<double> inverse_frequency(const Csr& users, std::size_t items) {
  std::vector<double> out(users.rows());
  for (std::size_t u = 0; u < users.rows(); ++u) {
    // One logarithm of the ratio: the difference of two would leave rounding noise where it is 1.
    out[u] = std::max(
        0.0, std::log(static_cast<double>(items) / static_cast<double>(1 + users.row_size(u))));
  }
  return out;
}

void scale_rows(Csr& users, const std::vector<double>& factor) {
  for (std::size_t u = 0; u < users.rows(); ++u) {
    for (std::int64_t k = users.offsets[u]; k < users.offsets[u + 1]; ++k) {
      float& value = users.value[static_cast<std::size_t>(k)];
      value = static_cast<float>(static_cast<double>(value) * factor[u]);
    }
  }
}

void normalize_columns(Csr& users, std::size_t items) {
  std::vector<double> square(items, 0.0);
  for (std::size_t k = 0; k < users.index.size(); ++k) {
    const double v = users.value[k];
    square[static_cast<std::size_t>(users.index[k])] += v * v;
  }
  for (std::size_t k = 0; k < users.index.size(); ++k) {
    const double norm = std::sqrt(square[static_cast<std::size_t>(users.index[k])]);
    if (norm > 0) users.value[k] = static_cast<float>(static_cast<double>(users.value[k]) / norm);
  }
}

void apply_bm25(Csr& users, std::size_t items, const ItemKnnParameters& p) {
  const std::vector<double> idf = inverse_frequency(users, items);
  std::vector<double> length(items, 0.0);
  double total = 0;
  for (std::size_t k = 0; k < users.index.size(); ++k) {
    length[static_cast<std::size_t>(users.index[k])] += static_cast<double>(users.value[k]);
    total += static_cast<double>(users.value[k]);
  }
  const double mean = total > 0 ? total / static_cast<double>(items) : 1;
  for (double& l : length) l = p.k1 * ((1 - p.b) + p.b * l / mean);
  for (std::size_t u = 0; u < users.rows(); ++u) {
    for (std::int64_t k = users.offsets[u]; k < users.offsets[u + 1]; ++k) {
      const auto at = static_cast<std::size_t>(k);
      const double r = users.value[at];
      const double weight =
          r * (p.k1 + 1) / (length[static_cast<std::size_t>(users.index[at])] + r) * idf[u];
      users.value[at] = static_cast<float>(weight);
    }
  }
}

// The weighted users x items matrix whose column products are the similarities.
Csr weighted_matrix(const data::Interactions& pairs, Timestamp as_of, const ItemKnnParameters& p) {
  Csr users = csr_of(pairs, pair_weights(p.weighting, pairs, as_of));
  switch (p.similarity) {
    case ItemSimilarity::kCosine:
      normalize_columns(users, pairs.num_items());
      break;
    case ItemSimilarity::kTfidf:
      scale_rows(users, inverse_frequency(users, pairs.num_items()));
      normalize_columns(users, pairs.num_items());
      break;
    case ItemSimilarity::kBm25:
      apply_bm25(users, pairs.num_items(), p);
      break;
  }
  return users;
}

// One item's column of R^T R, kept dense between items of a block and cleared by what was touched.
class ColumnProduct {
 public:
  explicit ColumnProduct(std::size_t items) : sum_(items, 0.0F), common_(items, 0) {}

  // The k most similar items other than `item`, ascending by index.
  std::vector<Scored> neighbors(std::size_t item, const Csr& users, const Csr& items,
                                const ItemKnnParameters& p) {
    const auto raters = items.row_index(item);
    const auto weights = items.row_value(item);
    for (std::size_t r = 0; r < raters.size(); ++r) {
      const auto u = static_cast<std::size_t>(raters[r]);
      const auto index = users.row_index(u);
      const auto value = users.row_value(u);
      for (std::size_t k = 0; k < index.size(); ++k) {
        const auto j = static_cast<std::size_t>(index[k]);
        if (common_[j]++ == 0) touched_.push_back(index[k]);
        sum_[j] += weights[r] * value[k];
      }
    }
    TopK best(static_cast<std::size_t>(p.neighbors));
    for (const std::int32_t j : touched_) {
      const auto at = static_cast<std::size_t>(j);
      float similarity = sum_[at];
      if (p.shrinkage > 0 && p.similarity != ItemSimilarity::kBm25) {
        const double n = common_[at];
        similarity = static_cast<float>(static_cast<double>(similarity) * n / (n + p.shrinkage));
      }
      if (at != item && similarity > 0) best.push(similarity, j);
      sum_[at] = 0;
      common_[at] = 0;
    }
    touched_.clear();
    std::vector<Scored> out = best.take_sorted();
    std::sort(out.begin(), out.end(),
              [](const Scored& a, const Scored& b) { return a.index < b.index; });
    return out;
  }

 private:
  std::vector<float> sum_;
  std::vector<std::int32_t> common_;
  std::vector<std::int32_t> touched_;
};

}  // namespace

ItemSimilarity parse_item_similarity(std::string_view name) {
  if (name == "cosine") return ItemSimilarity::kCosine;
  if (name == "tfidf") return ItemSimilarity::kTfidf;
  if (name == "bm25") return ItemSimilarity::kBm25;
  fail(ErrorKind::kInvalidArgument,
       concat("ItemKNN: similarity must be 'cosine', 'tfidf' or 'bm25', not '", name.substr(0, 64),
              "'"));
}

std::string_view item_similarity_name(ItemSimilarity similarity) {
  switch (similarity) {
    case ItemSimilarity::kCosine:
      return "cosine";
    case ItemSimilarity::kTfidf:
      return "tfidf";
    case ItemSimilarity::kBm25:
      return "bm25";
  }
  return "";
}

std::shared_ptr<const Model> fit_item_knn(const data::Interactions& pairs, Timestamp as_of,
                                          const ItemKnnParameters& parameters,
                                          const Progress& progress) {
  validate(parameters);
  const std::size_t num_items = pairs.num_items();
  const Csr users = weighted_matrix(pairs, as_of, parameters);
  const Csr items = transpose(users, num_items);
  std::vector<std::vector<Scored>> rows(num_items);
  const std::size_t step = kBlockItems * kBlocksPerStep;
  const int steps = static_cast<int>((num_items + step - 1) / step);
  for (int s = 0; s < steps; ++s) {
    const std::size_t first = static_cast<std::size_t>(s) * step;
    const std::size_t count = std::min(step, num_items - first);
    parallel_blocks(count, kBlockItems, parameters.threads, [&](const Block& block) {
      ColumnProduct product(num_items);
      for (std::size_t i = first + block.begin; i < first + block.end; ++i) {
        rows[i] = product.neighbors(i, users, items, parameters);
      }
    });
    if (progress) progress(s + 1, steps);
  }
  return std::make_shared<const ItemKnnModel>(ItemKnnModel::Parts{parameters, ItemRows::of(rows)});
}

void ItemKnnModel::score_all(const Query& query, std::span<float> scores) const {
  std::fill(scores.begin(), scores.end(), 0.0F);
  parts_.rows.add_scores(query, parts_.parameters.weighting, scores);
}

ItemIndex ItemKnnModel::because(const Query& query, ItemIndex item) const {
  return parts_.rows.strongest_source(query, parts_.parameters.weighting, item);
}

bool ItemKnnModel::similar(ItemIndex item, std::span<float> scores) const {
  parts_.rows.fill_row(item, scores);
  return true;
}

void ItemKnnModel::save(bundle::Writer& writer, const std::string& prefix) const {
  const ItemKnnParameters& p = parts_.parameters;
  save_meta(writer, prefix,
            {{"kind", kind()},
             {"similarity", item_similarity_name(p.similarity)},
             {"neighbors", p.neighbors},
             {"k1", p.k1},
             {"b", p.b},
             {"shrinkage", p.shrinkage},
             {"weighting", p.weighting}});
  parts_.rows.save(writer, prefix);
}

std::shared_ptr<const Model> ItemKnnModel::load(const std::shared_ptr<const bundle::Reader>& reader,
                                                const std::string& prefix,
                                                std::size_t /*num_users*/, std::size_t num_items) {
  const Meta meta(*reader, prefix);
  Parts parts;
  ItemKnnParameters& p = parts.parameters;
  meta.require_valid([&] { p.similarity = parse_item_similarity(meta.text("similarity")); });
  p.neighbors = meta.integer<int>("neighbors", 1, 1 << 30);
  p.k1 = meta.number("k1");
  p.b = meta.number("b");
  p.shrinkage = meta.number("shrinkage");
  p.weighting = meta.weighting("weighting");
  meta.require_valid([&] { validate(p); });
  parts.rows = ItemRows::load(meta, num_items);
  return std::make_shared<const ItemKnnModel>(std::move(parts));
}

}  // namespace penchant::models
