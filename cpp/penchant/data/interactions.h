#pragma once

// Who had to do with what: one row a user (CSR), one entry a pair, with what the pair's events add
// up to. The view that models train on and that the engine keeps as people's histories.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "penchant/base/ids.h"
#include "penchant/base/matrix.h"
#include "penchant/base/time.h"
#include "penchant/bundle/bundle.h"

namespace penchant::data {

// One person's history: parallel columns, sorted by item, items distinct. Does not own.
struct History {
  std::span<const ItemIndex> items;
  std::span<const float> values;         // summed event weights, recency-weighted if asked; > 0
  std::span<const std::int32_t> counts;  // distinct times of events (Dataset::interactions)
  std::span<const Timestamp> first;      // time of the pair's first event
  std::span<const Timestamp> last;       // and of its last

  [[nodiscard]] std::size_t size() const { return items.size(); }
  [[nodiscard]] bool empty() const { return items.empty(); }
  // Position of the item, or -1. O(log n).
  [[nodiscard]] std::ptrdiff_t find(ItemIndex item) const;
};

// A history that owns its columns, for someone who comes with a request.
struct OwnedHistory {
  std::vector<ItemIndex> items;
  std::vector<float> values;
  std::vector<std::int32_t> counts;
  std::vector<Timestamp> first;
  std::vector<Timestamp> last;

  [[nodiscard]] History view() const { return {items, values, counts, first, last}; }
};

class Interactions {
 public:
  Interactions() = default;

  // Columns of length nnz, rows sorted by item; offsets [users + 1]. Checks every bound.
  // Throws kBadData.
  Interactions(std::size_t num_items, SharedArray<std::int64_t> offsets,
               SharedArray<ItemIndex> items, SharedArray<float> values,
               SharedArray<std::int32_t> counts, SharedArray<Timestamp> first,
               SharedArray<Timestamp> last);

  [[nodiscard]] std::size_t num_users() const { return offsets_.empty() ? 0 : offsets_.size() - 1; }
  [[nodiscard]] std::size_t num_items() const { return num_items_; }
  [[nodiscard]] std::size_t nnz() const { return items_.size(); }
  [[nodiscard]] std::span<const std::int64_t> offsets() const { return offsets_.span(); }
  [[nodiscard]] std::span<const ItemIndex> items() const { return items_.span(); }
  [[nodiscard]] std::span<const float> values() const { return values_.span(); }
  [[nodiscard]] std::span<const std::int32_t> counts() const { return counts_.span(); }
  [[nodiscard]] std::span<const Timestamp> first() const { return first_.span(); }
  [[nodiscard]] std::span<const Timestamp> last() const { return last_.span(); }
  [[nodiscard]] History history(UserIndex user) const;  // empty for an unknown user

  // Writes "<prefix>/num_items", "/offsets", "/items", "/values", "/counts", "/first" and "/last".
  void save(bundle::Writer& writer, std::string_view prefix) const;
  // Makes the checks of the constructor; whoever holds the id maps compares num_users() and
  // num_items() with them. Throws kCorruptBundle.
  [[nodiscard]] static Interactions load(const bundle::Reader& reader, std::string_view prefix);

 private:
  std::size_t num_items_ = 0;
  SharedArray<std::int64_t> offsets_;
  SharedArray<ItemIndex> items_;
  SharedArray<float> values_;
  SharedArray<std::int32_t> counts_;
  SharedArray<Timestamp> first_;
  SharedArray<Timestamp> last_;
};

}  // namespace penchant::data
