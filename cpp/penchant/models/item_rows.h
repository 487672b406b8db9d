#pragma once

// A sparse items x items matrix by rows, as item-item models serve it: row h says what having h
// speaks for. Immutable, in its own memory or in a mapped bundle.
//
//   const ItemRows rows = ItemRows::of(lists);               // lists[h]: targets, ascending
//   rows.add_scores(query, weighting, scores);               // scores += weight(h) * row(h)
//
// Rows are added in the order of the history and entries in the order of the targets, each product
// rounded, so scores are the same bits on every CPU.

#include <span>
#include <string>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/base/top_k.h"
#include "penchant/models/model.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {

class ItemRows {
 public:
  struct Row {
    std::span<const ItemIndex> items;  // ascending
    std::span<const float> weights;
  };

  ItemRows() = default;

  // Row h from lists[h], which must be ascending by index.
  [[nodiscard]] static ItemRows of(const std::vector<std::vector<Scored>>& lists);
  // The transpose: lists[j] names the sources of target j, ascending by index.
  [[nodiscard]] static ItemRows of_columns(const std::vector<std::vector<Scored>>& lists);

  [[nodiscard]] std::size_t size() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
  [[nodiscard]] std::size_t entries() const { return items_.size(); }
  [[nodiscard]] Row row(ItemIndex item) const;
  // The entry (from, to), 0 where none is kept. O(log row).
  [[nodiscard]] float at(ItemIndex from, ItemIndex to) const;

  void add_scores(const Query& query, const PairWeighting& weighting,
                  std::span<float> scores) const;
  // The item of the history that adds most to the score of `item`; unknown when none adds.
  [[nodiscard]] ItemIndex strongest_source(const Query& query, const PairWeighting& weighting,
                                           ItemIndex item) const;
  // scores = row of `item`, 0 elsewhere.
  void fill_row(ItemIndex item, std::span<float> scores) const;

  // Sections "<prefix>/offsets" [items + 1], "/neighbors" and "/similarities".
  void save(bundle::Writer& writer, const std::string& prefix) const;
  // Checks every offset and index. Throws kCorruptBundle.
  [[nodiscard]] static ItemRows load(const Meta& meta, std::size_t num_items);

 private:
  SharedArray<std::int64_t> offsets_;
  SharedArray<ItemIndex> items_;
  SharedArray<float> weights_;
};

// The k entries of largest absolute value, ascending by index; ties by the smaller index.
// `scratch` is working memory.
[[nodiscard]] std::vector<Scored> largest_entries(std::vector<Scored>& scratch, std::size_t k);

}  // namespace penchant::models
