#include "penchant/features/net_walk.h"

#include <algorithm>
#include <limits>
#include <ranges>

namespace penchant::features {
namespace {

bool counts(const Series::List& rows, std::size_t row, std::size_t filter) {
  return (rows.filters(row) >> filter & 1U) != 0;
}

std::int64_t quantity_of(const Series::List& rows, const Plan::NettingAccess& access,
                         std::size_t row) {
  const std::int64_t quantity = rows.value(access.quantity, row);
  return quantity == kNoNumber ? kUnit : quantity;
}

}  // namespace

void NetWalk::walk(std::size_t netting, std::int32_t subject, std::int64_t time,
                   std::vector<Row>& out) {
  out.clear();
  if (subject < 0) return;
  const Netting& rule = state_.plan().nettings()[netting];
  const Plan::NettingAccess& access = state_.plan().netting_access()[netting];
  const auto rows = state_.series(access.series).list(static_cast<std::size_t>(subject));
  const std::size_t end = rows.before(time);
  for (std::size_t row = 0; row < end; ++row) {
    Row one{.row = static_cast<std::uint32_t>(row)};
    if (counts(rows, row, rule.bought)) {
      const std::int64_t quantity = quantity_of(rows, access, row);
      // There is nothing to return of what has no pieces.
      if (quantity > 0) one = {one.row, true, quantity, quantity};
    } else if (counts(rows, row, rule.returned)) {
      take_back(rule, access, rows, row, out);
    }
    out.push_back(one);
  }
  std::erase_if(out, [](const Row& one) { return one.left == 0; });
}

// From what was bought last: of the same item, and of the same order where the return names one. A
// return of an order without an item is of all of it.
void NetWalk::take_back(const Netting& rule, const Plan::NettingAccess& access,
                        const Series::List& rows, std::size_t row, std::vector<Row>& out) const {
  const std::int32_t item = rows.code(access.items, row);
  const bool by_order = rule.order != Netting::kNoOrder;
  const std::int32_t order = by_order ? rows.code(access.order, row) : kNoCode;
  if (item < 0 && order < 0) return;
  std::int64_t left =
      item < 0 ? std::numeric_limits<std::int64_t>::max() : quantity_of(rows, access, row);
  for (Row& one : std::views::reverse(out)) {
    if (left <= 0) return;
    if (!one.bought || one.left == 0) continue;
    if (item >= 0 && rows.code(access.items, one.row) != item) continue;
    if (order >= 0 && rows.code(access.order, one.row) != order) continue;
    const std::int64_t taken = std::min(left, one.left);
    one.left -= taken;
    left -= taken;
  }
}

}  // namespace penchant::features
