#include "penchant/data/basket.h"

#include <algorithm>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

void append(const History& row, OwnedHistory& out) {
  out.items.insert(out.items.end(), row.items.begin(), row.items.end());
  out.values.insert(out.values.end(), row.values.begin(), row.values.end());
  out.counts.insert(out.counts.end(), row.counts.begin(), row.counts.end());
  out.first.insert(out.first.end(), row.first.begin(), row.first.end());
  out.last.insert(out.last.end(), row.last.begin(), row.last.end());
}

}  // namespace

void merge_basket(const History& stored, std::span<const ItemIndex> basket, Timestamp as_of,
                  OwnedHistory& out) {
  out = {};
  const auto add = [&](ItemIndex item, float value, std::int32_t count, Timestamp first,
                       Timestamp last) {
    out.items.push_back(item);
    out.values.push_back(value);
    out.counts.push_back(count);
    out.first.push_back(first);
    out.last.push_back(last);
  };
  std::size_t s = 0;
  for (const ItemIndex item : basket) {
    for (; s < stored.size() && stored.items[s] < item; ++s) {
      add(stored.items[s], stored.values[s], stored.counts[s], stored.first[s], stored.last[s]);
    }
    if (s < stored.size() && stored.items[s] == item) {
      add(item, stored.values[s] + 1.0F, stored.counts[s] + 1, stored.first[s], as_of);
      ++s;
    } else {
      add(item, 1.0F, 1, as_of, as_of);
    }
  }
  for (; s < stored.size(); ++s) {
    add(stored.items[s], stored.values[s], stored.counts[s], stored.first[s], stored.last[s]);
  }
}

Interactions with_basket(const Interactions& pairs, std::span<const UserIndex> rows,
                         std::span<const ItemIndex> basket, Timestamp as_of) {
  for (std::size_t k = 0; k < basket.size(); ++k) {
    check_argument(basket[k].known() &&
                       static_cast<std::size_t>(basket[k].value) < pairs.num_items() &&
                       (k == 0 || basket[k - 1] < basket[k]),
                   "basket: items must be ascending, distinct and of the catalogue");
  }
  std::vector<std::int64_t> offsets{0};
  OwnedHistory all;
  OwnedHistory row;
  for (const UserIndex user : rows) {
    merge_basket(pairs.history(user), basket, as_of, row);
    append(row.view(), all);
    offsets.push_back(static_cast<std::int64_t>(all.items.size()));
  }
  return Interactions(pairs.num_items(), SharedArray<std::int64_t>::own(std::move(offsets)),
                      SharedArray<ItemIndex>::own(std::move(all.items)),
                      SharedArray<float>::own(std::move(all.values)),
                      SharedArray<std::int32_t>::own(std::move(all.counts)),
                      SharedArray<Timestamp>::own(std::move(all.first)),
                      SharedArray<Timestamp>::own(std::move(all.last)));
}

}  // namespace penchant::data
