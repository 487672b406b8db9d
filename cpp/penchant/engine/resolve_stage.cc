// Who asks, what they did, and what must not be shown.

#include <algorithm>

#include "penchant/data/basket.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

UserIndex find_subject(const data::IdMap& ids, const ExternalId& id) {
  return UserIndex(std::visit([&](const auto& value) { return ids.find(value); }, id));
}

ItemIndex find_item(const data::IdMap& ids, const ExternalId& id) {
  return ItemIndex(std::visit([&](const auto& value) { return ids.find(value); }, id));
}

// The catalogue's items among `ids`, ascending and distinct; ids it does not have are left out.
std::vector<ItemIndex> known_items(const data::IdMap& map, const std::vector<ExternalId>& ids) {
  std::vector<ItemIndex> out;
  for (const ExternalId& id : ids) {
    if (const ItemIndex item = find_item(map, id); item.known()) out.push_back(item);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void exclude(std::span<const ItemIndex> items, std::vector<std::uint8_t>& excluded) {
  for (const ItemIndex item : items) excluded[static_cast<std::size_t>(item.value)] = 1;
}

}  // namespace

void ResolveStage::run(Workspace& work) const {
  const Request& request = *work.request;
  const models::Context& context = *work.assets->context;
  work.exclude_seen = request.exclude_seen.value_or(work.assets->exclude_seen);
  work.query = {};
  work.query.as_of = request.context.time.value_or(context.as_of);
  if (request.subject) work.query.user = find_subject(context.subjects, *request.subject);
  const data::History stored = context.history.history(work.query.user);
  work.query.history = stored;
  const std::vector<ItemIndex> basket = known_items(context.items, request.context.basket);
  if (!basket.empty()) {
    data::merge_basket(stored, basket, work.query.as_of, work.fresh);
    work.query.history = work.fresh.view();
    work.query.history_is_fresh = true;
  }
  const std::uint8_t start = request.candidates ? 1 : 0;
  work.excluded.assign(context.items.size(), start);
  if (request.candidates) {
    for (const ItemIndex item : known_items(context.items, *request.candidates)) {
      work.excluded[static_cast<std::size_t>(item.value)] = 0;
    }
  }
  exclude(known_items(context.items, request.deny), work.excluded);
  exclude(basket, work.excluded);  // already in the cart
  if (work.exclude_seen) exclude(stored.items, work.excluded);
  work.allowed = static_cast<std::size_t>(
      std::count(work.excluded.begin(), work.excluded.end(), std::uint8_t{0}));
}

}  // namespace penchant::engine
