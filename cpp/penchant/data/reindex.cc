#include "penchant/data/reindex.h"

#include <algorithm>
#include <numeric>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

void check_mapping(std::span<const std::int32_t> to_index, std::size_t from, std::size_t to) {
  check_argument(to_index.size() == from, "reindexed: ", to_index.size(), " new indices for ", from,
                 " items");
  std::vector<std::uint8_t> used(to, 0);
  for (const std::int32_t index : to_index) {
    if (index == -1) continue;
    check_argument(index >= 0 && static_cast<std::size_t>(index) < to, "reindexed: index ", index,
                   " is out of bounds");
    check_argument(used[static_cast<std::size_t>(index)]++ == 0, "reindexed: index ", index,
                   " is used twice");
  }
}

}  // namespace

Interactions reindexed(const Interactions& pairs, std::span<const std::int32_t> to_index,
                       std::size_t num_items) {
  check_mapping(to_index, pairs.num_items(), num_items);
  std::vector<std::int64_t> offsets{0};
  OwnedHistory out;
  std::vector<std::size_t> order;
  for (std::size_t u = 0; u < pairs.num_users(); ++u) {
    const History row = pairs.history(UserIndex(static_cast<std::int32_t>(u)));
    const auto renamed = [&](std::size_t k) {
      return to_index[static_cast<std::size_t>(row.items[k].value)];
    };
    order.clear();
    for (std::size_t k = 0; k < row.size(); ++k) {
      if (renamed(k) >= 0) order.push_back(k);
    }
    // The two catalogues may be sorted differently (one by number, one by text).
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return renamed(a) < renamed(b); });
    for (const std::size_t k : order) {
      out.items.emplace_back(renamed(k));
      out.values.push_back(row.values[k]);
      out.counts.push_back(row.counts[k]);
      out.first.push_back(row.first[k]);
      out.last.push_back(row.last[k]);
    }
    offsets.push_back(static_cast<std::int64_t>(out.items.size()));
  }
  return Interactions(num_items, SharedArray<std::int64_t>::own(std::move(offsets)),
                      SharedArray<ItemIndex>::own(std::move(out.items)),
                      SharedArray<float>::own(std::move(out.values)),
                      SharedArray<std::int32_t>::own(std::move(out.counts)),
                      SharedArray<Timestamp>::own(std::move(out.first)),
                      SharedArray<Timestamp>::own(std::move(out.last)));
}

}  // namespace penchant::data
