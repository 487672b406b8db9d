#include "penchant/features/list_walk.h"

#include <algorithm>

namespace penchant::features {
namespace {

using Entry = ListWalk::Entry;

bool counts(const Series::List& rows, std::size_t row, std::size_t filter) {
  return (rows.filters(row) >> filter & 1U) != 0;
}

std::int64_t quantity_of(const Series::List& rows, const Plan::ListAccess& access,
                         std::size_t row) {
  const std::int64_t quantity = rows.value(access.quantity, row);
  return quantity == kNoNumber ? kUnit : std::max<std::int64_t>(quantity, 0);
}

bool has_cart(const Plan& plan) {
  return std::ranges::any_of(
      plan.lists(), [](const ItemList& list) { return list.kind == ItemList::Kind::kCart; });
}

}  // namespace

ListWalk::ListWalk(const State& state)
    : state_(state), places_(has_cart(state.plan()) ? kMostCartRows : 0) {}

void ListWalk::walk(std::size_t list, std::int32_t subject, std::int64_t time,
                    std::vector<Entry>& out) {
  out.clear();
  if (subject < 0) return;
  const ItemList& rule = state_.plan().lists()[list];
  const Plan::ListAccess& access = state_.plan().list_access()[list];
  const auto rows = state_.series(access.series).list(static_cast<std::size_t>(subject));
  switch (rule.kind) {
    case ItemList::Kind::kLatest:
      return latest(rule, access, rows, time, out);
    case ItemList::Kind::kCart:
      return cart(rule, access, rows, time, out);
    case ItemList::Kind::kFavorites:
      return favorites(rule, access, rows, time, out);
  }
}

void ListWalk::latest(const ItemList& list, const Plan::ListAccess& access,
                      const Series::List& rows, std::int64_t time, std::vector<Entry>& out) {
  const auto has = [&](std::int32_t item) {
    return std::ranges::find(out, item, &Entry::code) != out.end();
  };
  std::int64_t row = rows.total(access.last, rows.before(time));
  while (row >= 0 && out.size() < list.most) {
    const auto at = static_cast<std::size_t>(row);
    if (list.within > 0 && rows.time(at) < time - list.within) return;
    const std::int32_t item = rows.code(access.items, at);
    if (item >= 0 && !has(item)) {
      out.push_back({.code = item, .row = static_cast<std::uint32_t>(at)});
    }
    row = rows.total(access.last, at);
  }
}

void ListWalk::cart(const ItemList& list, const Plan::ListAccess& access, const Series::List& rows,
                    std::int64_t time, std::vector<Entry>& out) {
  rows_.clear();
  std::int64_t later = time;
  std::int64_t row = rows.total(access.last, rows.before(time));
  while (row >= 0 && rows_.size() < kMostCartRows) {
    const auto at = static_cast<std::size_t>(row);
    if (counts(rows, at, list.ends)) break;
    if (list.within > 0 && rows.time(at) < later - list.within) break;
    later = rows.time(at);
    rows_.push_back(static_cast<std::uint32_t>(at));
    row = rows.total(access.last, at);
  }
  places_.clear();
  for (std::size_t i = rows_.size(); i-- > 0;) {
    const std::uint32_t at = rows_[i];
    const std::int32_t item = rows.code(access.items, at);
    if (item < 0) continue;
    const std::uint32_t place = places_.put(item);
    if (place == out.size()) out.push_back({.code = item});
    Entry& entry = out[place];
    const std::int64_t quantity = quantity_of(rows, access, at);
    if (counts(rows, at, list.adds)) {
      entry.pieces = added(entry.pieces, quantity);
      entry.row = at;
      const std::int64_t price =
          access.price == Measure::kOne ? kNoNumber : rows.value(access.price, at);
      if (price != kNoNumber) entry.price = price;
    } else if (counts(rows, at, list.removes)) {
      entry.pieces = added(entry.pieces, -quantity);
    }
    if (entry.pieces <= 0) entry = {.code = item};  // more can't be missing than was there
  }
  std::erase_if(out, [](const Entry& entry) { return entry.pieces == 0; });
  std::ranges::sort(out, std::greater(), &Entry::row);
}

void ListWalk::favorites(const ItemList& list, const Plan::ListAccess& access,
                         const Series::List& rows, std::int64_t time, std::vector<Entry>& out) {
  const auto& of_item = state_.items().codes[list.attribute].of_item;
  const std::size_t end = rows.before(time);
  std::size_t row = list.within > 0 ? rows.before(time - list.within, end) : 0;
  for (; row < end; ++row) {
    const std::int32_t item = rows.code(access.items, row);
    if (item < 0 || !counts(rows, row, list.filter)) continue;
    const std::int32_t code = of_item[static_cast<std::size_t>(item)];
    const std::int64_t value = rows.value(access.value, row);
    if (code < 0 || value == kNoNumber) continue;
    auto at = std::ranges::find(out, code, &Entry::code);
    if (at == out.end()) at = out.insert(at, {.code = code});
    at->pieces = added(at->pieces, value);
  }
  const auto larger = [](const Entry& a, const Entry& b) {
    return a.pieces != b.pieces ? a.pieces > b.pieces : a.code < b.code;
  };
  const std::size_t most = std::min(out.size(), list.most);
  std::ranges::partial_sort(out, out.begin() + static_cast<std::ptrdiff_t>(most), larger);
  out.resize(most);
}

}  // namespace penchant::features
