#include "penchant/data/fresh_events.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

// Events of one item, ascending by time, as one pair at the end of `out`.
void add_pair(std::span<const FreshEvent> events, OwnedHistory& out) {
  double value = 0;
  std::int32_t count = 0;
  for (std::size_t k = 0; k < events.size(); ++k) {
    value += static_cast<double>(events[k].value);
    const Timestamp time = events[k].time;
    if (k == 0 || !time.known() || time != events[k - 1].time) ++count;
  }
  value = std::min(value, static_cast<double>(std::numeric_limits<float>::max()));
  out.items.push_back(events.front().item);
  out.values.push_back(static_cast<float>(value));
  out.counts.push_back(count);
  out.first.push_back(events.front().time);
  out.last.push_back(events.back().time);
}

void add_stored(const History& stored, std::size_t s, OwnedHistory& out) {
  out.items.push_back(stored.items[s]);
  out.values.push_back(stored.values[s]);
  out.counts.push_back(stored.counts[s]);
  out.first.push_back(stored.first[s]);
  out.last.push_back(stored.last[s]);
}

// The last pair of `out`, which is fresh, with the stored one of the same item.
void join(const History& stored, std::size_t s, OwnedHistory& out) {
  const double sum = static_cast<double>(stored.values[s]) + static_cast<double>(out.values.back());
  out.values.back() =
      static_cast<float>(std::min(sum, static_cast<double>(std::numeric_limits<float>::max())));
  out.counts.back() =
      std::min(out.counts.back(), std::numeric_limits<std::int32_t>::max() - stored.counts[s]) +
      stored.counts[s];
  out.first.back() = std::min(out.first.back(), stored.first[s]);
  out.last.back() = std::max(out.last.back(), stored.last[s]);
}

}  // namespace

std::vector<FreshEvent> basket_events(std::span<const ItemIndex> basket, Timestamp as_of) {
  std::vector<FreshEvent> out;
  out.reserve(basket.size());
  for (const ItemIndex item : basket) out.push_back({item, as_of, 1.0F});
  return out;
}

void merge_events(const History& stored, std::vector<FreshEvent>& events, OwnedHistory& out) {
  out = {};
  std::sort(events.begin(), events.end());
  std::size_t s = 0;
  for (std::size_t begin = 0; begin < events.size();) {
    const ItemIndex item = events[begin].item;
    std::size_t end = begin;
    while (end < events.size() && events[end].item == item) ++end;
    for (; s < stored.size() && stored.items[s] < item; ++s) add_stored(stored, s, out);
    add_pair(std::span(events).subspan(begin, end - begin), out);
    if (s < stored.size() && stored.items[s] == item) join(stored, s++, out);
    begin = end;
  }
  for (; s < stored.size(); ++s) add_stored(stored, s, out);
}

Interactions with_events(const Interactions& pairs, std::span<const UserIndex> rows,
                         std::vector<FreshEvent> events) {
  for (const FreshEvent& event : events) {
    check_argument(event.item.known() && std::cmp_less(event.item.value, pairs.num_items()) &&
                       std::isfinite(event.value) && event.value > 0,
                   "fresh events: an item is not of the catalogue, or a value not positive");
  }
  std::vector<std::int64_t> offsets{0};
  OwnedHistory all;
  OwnedHistory row;
  for (const UserIndex user : rows) {
    merge_events(pairs.history(user), events, row);
    append(row.view(), all);
    offsets.push_back(static_cast<std::int64_t>(all.items.size()));
  }
  return {pairs.num_items(),
          SharedArray<std::int64_t>::own(std::move(offsets)),
          SharedArray<ItemIndex>::own(std::move(all.items)),
          SharedArray<float>::own(std::move(all.values)),
          SharedArray<std::int32_t>::own(std::move(all.counts)),
          SharedArray<Timestamp>::own(std::move(all.first)),
          SharedArray<Timestamp>::own(std::move(all.last))};
}

}  // namespace penchant::data
