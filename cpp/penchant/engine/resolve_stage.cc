// Who asks, what they did, and what must not be shown.

#include <algorithm>

#include "penchant/data/fresh_events.h"
#include "penchant/engine/segment_membership.h"
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

// The catalogue's items among what just happened.
std::vector<data::FreshEvent> recent_events(const data::IdMap& items,
                                            const std::vector<RecentEvent>& events,
                                            Timestamp as_of) {
  std::vector<data::FreshEvent> out;
  for (const RecentEvent& event : events) {
    const ItemIndex item = find_item(items, event.item);
    if (item.known()) out.push_back({item, event.time.value_or(as_of), event.value});
  }
  return out;
}

// What must not be shown: what is not among the candidates, denied, in the cart or looked at right
// now, and, where asked, what was seen before or just now.
void exclude_all(Workspace& work, std::span<const ItemIndex> basket,
                 const std::vector<data::FreshEvent>& recent) {
  const Request& request = *work.request;
  const data::IdMap& items = work.assets->context->items;
  work.excluded.assign(items.size(), request.candidates ? 1 : 0);
  if (request.candidates) {
    for (const ItemIndex item : known_items(items, *request.candidates)) {
      work.excluded[static_cast<std::size_t>(item.value)] = 0;
    }
  }
  exclude(known_items(items, request.deny), work.excluded);
  exclude(basket, work.excluded);
  if (work.viewed.known()) exclude({&work.viewed, 1}, work.excluded);
  if (work.exclude_seen) {
    exclude(work.query.history.items, work.excluded);
    for (const data::FreshEvent& event : recent) exclude({&event.item, 1}, work.excluded);
  }
  work.allowed = static_cast<std::size_t>(
      std::count(work.excluded.begin(), work.excluded.end(), std::uint8_t{0}));
}

// What the request says of the person, and what training knew beside that.
void resolve_attributes(Workspace& work) {
  const data::Attributes& given = work.request->context.attributes;
  const data::AttributeRows rows{
      &work.assets->context->attributes, {&work.query.user, 1}, given.empty() ? nullptr : &given};
  work.query.attributes = rows.of(0, work.attributes);
  work.query.attributes_are_fresh = !given.empty();
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
  work.has_stored_history = !stored.empty();
  const std::vector<ItemIndex> basket = known_items(context.items, request.context.basket);
  work.viewed =
      request.context.viewed ? find_item(context.items, *request.context.viewed) : ItemIndex();
  std::vector<data::FreshEvent> fresh =
      recent_events(context.items, request.context.events, work.query.as_of);
  exclude_all(work, basket, fresh);
  for (const data::FreshEvent& event : data::basket_events(basket, work.query.as_of)) {
    fresh.push_back(event);
  }
  if (work.viewed.known()) fresh.push_back({work.viewed, work.query.as_of});
  if (!fresh.empty()) {
    data::merge_events(stored, fresh, work.fresh);
    work.query.history = work.fresh.view();
    work.query.history_is_fresh = true;
  }
  resolve_attributes(work);
  read_membership(*work.assets, request.subject, work.live, work.query.as_of, work.segments);
}

}  // namespace penchant::engine
