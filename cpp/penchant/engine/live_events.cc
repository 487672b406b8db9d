#include "penchant/engine/live_events.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "penchant/base/error.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/event_rows.h"
#include "penchant/engine/hex.h"

namespace penchant::engine {
namespace {

using events::Event;
using events::Rejection;
using nlohmann::json;

// What an event of a type counts in a history, as in training by default.
struct Weight {
  std::string_view type;
  float value;
  bool purchase;
};
constexpr std::array<Weight, 5> kWeights = {{{"purchase", 1.0F, true},
                                             {"store_purchase", 1.0F, true},
                                             {"add_to_cart", 0.4F, false},
                                             {"click", 0.2F, false},
                                             {"page_view", 0.1F, false}}};

// 0: it is no part of a history.
float weight_of(std::string_view type, bool purchases_only) {
  const auto at = std::ranges::find(kWeights, type, &Weight::type);
  if (at == kWeights.end() || (purchases_only && !at->purchase)) return 0;
  return at->value;
}

// The texts of the events in a call, and whether it was one alone.
struct Call {
  std::vector<std::string> events;
  bool single = false;
};

Call read_call(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  Call call;
  check_argument(document.is_object(),
                 "events: want a JSON object, an event or {\"events\": [...]}");
  call.single = !document.contains("events");
  if (call.single) {
    call.events.emplace_back(text);
    return call;
  }
  const json& all = document["events"];
  check_argument(all.is_array() && document.size() == 1, "events: want {\"events\": [...]}");
  check_argument(all.size() <= kMaxEvents, "events: ", all.size(), " in one call; at most ",
                 kMaxEvents, " are taken");
  for (const json& one : all) {
    check_argument(one.is_object(), "events[", call.events.size(), "]: an event is a JSON object");
    call.events.push_back(one.dump());
  }
  return call;
}

json rejected(const Rejection& rejection) {
  return {{"outcome", "rejected"},
          {"reason", std::string(events::reason_name(rejection.reason))},
          {"message", rejection.message},
          {"payload_hash", hex16(rejection.payload_hash)}};
}

std::uint64_t tie_of(const Event& event) { return XXH3_64bits(event.id.data(), event.id.size()); }

}  // namespace

// --- opening ------------------------------------------------------------------------------------

LiveEvents::LiveEvents(std::shared_ptr<const Engine> engine, const std::filesystem::path& folder,
                       std::string key, bool read_only)
    : engine_(std::move(engine)),
      taxonomy_(engine_->assets().taxonomy),
      key_(std::move(key)),
      journal_(folder, read_only),
      trained_(journal_.followed(engine_->assets().events)),
      seen_({}) {}

std::unique_ptr<LiveEvents> LiveEvents::open(std::shared_ptr<const Engine> engine,
                                             const std::filesystem::path& folder,
                                             std::string_view key) {
  std::unique_ptr<LiveEvents> out(new LiveEvents(std::move(engine), folder, std::string(key)));
  out->load();
  return out;
}

// From nothing: who is who first, so that no event is ever another's than in the end.
void LiveEvents::load() {
  const Assets& assets = engine_->assets();
  const std::unique_lock lock(mutex_);
  people_ = std::make_unique<People>(assets, key_);
  profiles_ = assets.profiles ? std::make_shared<features::LiveProfiles>(assets.profiles) : nullptr;
  segments_.reset();
  seen_ = events::Deduplicator({});
  by_profile_.clear();
  left_.clear();
  latest_ = {};
  taken_ = 0;
  untotaled_ = 0;
  if (people_->active()) load_people();
  journal_.read_all([&](std::uint64_t number, std::string_view record) {
    if (IdentityOrder::is_one(record)) return;
    const Event event = read_event(number, record);
    seen_.fold(event.id, event.time);
    ++taken_;
    if (number <= trained_) return;
    latest_ = std::max(latest_, event.time);
    place(event, number, profile_of(event, number));
  });
}

void LiveEvents::load_people() {
  std::vector<std::pair<std::uint64_t, IdentityOrder>> orders;
  journal_.read_all([&](std::uint64_t number, std::string_view record) {
    if (IdentityOrder::is_one(record)) {
      orders.emplace_back(number, IdentityOrder::of_json(record));
    } else {
      people_->link(read_event(number, record), number);
    }
  });
  people_->settle();
  std::vector<std::pair<std::uint64_t, std::string>> void_orders;
  for (const auto& [number, order] : orders) {
    try {
      people_->follow(order);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kNotFound) throw;
      // About an identifier of which nothing is left.
      void_orders.emplace_back(number, std::string());
    }
  }
  journal_.replace(std::move(void_orders));
}

Event LiveEvents::read_event(std::uint64_t number, std::string_view record) const {
  Event event;
  Rejection rejection;
  if (!taxonomy_->read(record, {}, event, rejection)) {
    fail(ErrorKind::kBadData, concat("log of events, record ", number, ": ", rejection.message));
  }
  return event;
}

Event LiveEvents::event_of(std::uint64_t number) const {
  return read_event(number, journal_.read(number));
}

std::string LiveEvents::profile_of(const Event& event, std::uint64_t number) const {
  return people_->active() ? people_->profile_of(number) : event.subject;
}

// --- taking -------------------------------------------------------------------------------------

// However long ago: what the deduplicator is too young for, the log tells.
bool LiveEvents::was_taken(const Event& event) const {
  const events::Seen seen = seen_.classify(event.id, event.time);
  if (seen != events::Seen::kUnknown) return seen == events::Seen::kDuplicate;
  bool found = false;
  journal_.read_id(event.id, [&](std::uint64_t number, std::string_view record) {
    found = found || read_event(number, record).id == event.id;
  });
  return found;
}

void LiveEvents::take_json(std::string_view text, Timestamp received, std::string& body) {
  const Call call = read_call(text);
  const std::vector<std::string> outcomes = take(call.events, received);
  // Those who wait at the same time share one flush, and nobody reads or takes slower for it. A
  // duplicate may be of what another call is still bringing to the disk.
  journal_.sync();
  if (call.single) {
    body = outcomes.front();
    return;
  }
  body = R"({"outcomes":[)";
  for (std::size_t i = 0; i < outcomes.size(); ++i) body += (i == 0 ? "" : ",") + outcomes[i];
  body += "]}";
}

// In the order of the log, which is that of `apply`.
std::vector<std::string> LiveEvents::take(std::span<const std::string> texts, Timestamp received) {
  const std::lock_guard writing(writing_);
  std::vector<std::string> outcomes;
  std::vector<Event> taken;
  std::vector<std::string> records;
  std::vector<std::string> ids;
  std::unordered_set<std::string> of_call;
  for (const std::string& one : texts) {
    Event event;
    Rejection rejection;
    if (!taxonomy_->read(one, received, event, rejection)) {
      outcomes.push_back(rejected(rejection).dump());
      continue;
    }
    if (!people_->admit(event, rejection)) {
      rejection.payload_hash = XXH3_64bits(one.data(), one.size());
      outcomes.push_back(rejected(rejection).dump());
      continue;
    }
    if (was_taken(event) || (!event.id.empty() && !of_call.insert(event.id).second)) {
      outcomes.emplace_back(R"({"outcome":"duplicate"})");
      continue;
    }
    records.push_back(taxonomy_->write(event));
    ids.push_back(event.id);
    taken.push_back(std::move(event));
    outcomes.emplace_back(R"({"outcome":"accepted"})");
  }
  if (!records.empty()) {
    const std::uint64_t first = journal_.append(records, ids);
    for (std::size_t i = 0; i < taken.size(); ++i) apply(taken[i], first + i);
  }
  return outcomes;
}

void LiveEvents::apply(const Event& event, std::uint64_t number) {
  const std::unique_lock lock(mutex_);
  seen_.fold(event.id, event.time);
  ++taken_;
  latest_ = std::max(latest_, event.time);
  follow(people_->take(event, number));
  place(event, number, profile_of(event, number));
}

// Away from all before to any: a profile's events never count twice.
void LiveEvents::follow(const std::vector<People::Move>& moves) {
  std::vector<Event> events;
  for (const People::Move& move : moves) {
    events.push_back(event_of(move.number));
    if (move.number > trained_) withdraw(events.back(), move.number, move.from);
  }
  for (std::size_t i = 0; i < moves.size(); ++i) {
    if (moves[i].number > trained_) place(events[i], moves[i].number, moves[i].to);
  }
}

void LiveEvents::order_json(std::string_view text, std::string& body) {
  const json document = json::parse(text, nullptr, false);
  constexpr std::string_view kWant =
      "identity: want {\"unlink\": [a, b]}, \"relink\" or \"unmerge\" of two identifiers, or "
      "{\"block\": a}, \"unblock\"";
  check_argument(document.is_object() && document.size() == 1, kWant);
  const std::string what = document.begin().key();
  const json& given = document.begin().value();
  const bool pair = what == "unlink" || what == "relink" || what == "unmerge";
  check_argument(pair || what == "block" || what == "unblock", kWant);
  check_argument(
      pair ? given.is_array() && given.size() == 2 && given[0].is_string() && given[1].is_string()
           : given.is_string(),
      kWant);
  const std::lock_guard writing(writing_);
  const std::unique_lock lock(mutex_);
  if (!people_->active()) fail(ErrorKind::kNotFound, "identity: this bundle has none");
  IdentityOrder order;
  if (what == "unmerge") {
    order = people_->parting(given[0].get<std::string>(), given[1].get<std::string>());
  } else if (pair) {
    order.links.emplace_back(people_->named(given[0].get<std::string>()),
                             people_->named(given[1].get<std::string>()));
    check_argument(order.links[0].first != order.links[0].second,
                   "identity: an identifier has no link to itself");
  } else {
    order.kind = IdentityOrder::Kind::kBlock;
    order.identifier = people_->named(given.get<std::string>());
  }
  order.away = what != "relink" && what != "unblock";
  const std::array<std::string, 1> records{order.json()};
  const std::array<std::string, 1> ids{};
  journal_.append(records, ids);
  journal_.sync();
  const std::vector<People::Move> moves = people_->follow(order);
  follow(moves);
  json links = json::array();
  for (const auto& [a, b] : order.links) links.push_back({a, b});
  body = json{{"links", links}, {"events", moves.size()}}.dump();
}

// --- profiles -----------------------------------------------------------------------------------

void LiveEvents::place(const Event& event, std::uint64_t number, const std::string& profile) {
  if (profile.empty()) {
    add_rows(event, profile);
    return;
  }
  Profile& own = by_profile_[profile];
  const Told told{event.time, tie_of(event), number};
  const bool last = own.events.empty() || own.events.back() < told;
  // Rows of one moment stand in the order of their events: all of them go, and come back in it.
  const std::vector<Event> others = events_at(own, event.time);
  for (const Event& other : others) remove_rows(other, profile);
  const auto at = own.events.insert(std::ranges::lower_bound(own.events, told), told);
  const auto first = std::ranges::lower_bound(own.events, told.time, {}, &Told::time);
  for (std::size_t i = 0; i <= others.size(); ++i) {
    const auto before = static_cast<std::size_t>(at - first);
    add_rows(i == before ? event : others[i < before ? i : i - 1], profile);
  }
  if (!left_.empty()) left_.erase(profiles_->subject(profile));
  if (last) {
    add_lines(event, own.recent);
  } else {
    refill(own, told.time);
  }
  if (own.recent.size() > kMaxListedItems) {
    own.recent.erase(own.recent.begin(), own.recent.end() - kMaxListedItems);
  }
}

void LiveEvents::withdraw(const Event& event, std::uint64_t number, const std::string& profile) {
  if (profile.empty()) {
    remove_rows(event, profile);
    return;
  }
  Profile& own = by_profile_[profile];
  for (const Event& one : events_at(own, event.time)) remove_rows(one, profile);
  own.events.erase(std::ranges::lower_bound(own.events, Told{event.time, tie_of(event), number}));
  for (const Event& one : events_at(own, event.time)) add_rows(one, profile);
  if (own.events.empty()) {
    by_profile_.erase(profile);
    leave(profile);
    return;
  }
  if (own.recent.size() < kMaxListedItems) {
    refill(own, event.time);
    return;
  }
  own.recent.clear();
  for (const Told& one : own.events) add_lines(event_of(one.number), own.recent);
  const std::size_t more = own.recent.size() - std::min(own.recent.size(), kMaxListedItems);
  own.recent.erase(own.recent.begin(), own.recent.begin() + static_cast<std::ptrdiff_t>(more));
}

// In their order.
std::vector<Event> LiveEvents::events_at(const Profile& profile, Timestamp time) const {
  std::vector<Event> out;
  auto at = std::ranges::lower_bound(profile.events, time, {}, &Told::time);
  for (; at != profile.events.end() && at->time == time; ++at) {
    out.push_back(event_of(at->number));
  }
  return out;
}

void LiveEvents::add_lines(const Event& event, std::vector<RecentEvent>& out) const {
  const std::string& type = taxonomy_->types()[event.type].name;
  const float weight = weight_of(type, engine_->assets().context->purchases_only);
  if (weight <= 0) return;
  const auto add = [&](const std::string& item) {
    if (!item.empty()) out.push_back({.item = item, .time = event.time, .value = weight});
  };
  if (event.lines.empty()) add(event.item);
  for (const events::Line& line : event.lines) add(line.item);
}

// The lines of one moment anew.
void LiveEvents::refill(Profile& profile, Timestamp time) const {
  const auto same = [&](const RecentEvent& one) { return *one.time == time; };
  std::erase_if(profile.recent, same);
  std::vector<RecentEvent> lines;
  for (const Event& event : events_at(profile, time)) add_lines(event, lines);
  const auto later = [](Timestamp moment, const RecentEvent& one) { return moment < *one.time; };
  profile.recent.insert(std::upper_bound(profile.recent.begin(), profile.recent.end(), time, later),
                        lines.begin(), lines.end());
}

void LiveEvents::add_rows(const Event& event, std::string_view profile) {
  if (!profiles_) return;
  for (const features::LiveRow& row :
       rows_of(event, profile, *taxonomy_, profiles_->base().plan())) {
    try {
      profiles_->add(row);
    } catch (const Error&) {
      // What is on the disk must not keep a server from starting: totals of this key stay behind.
      ++untotaled_;
    }
  }
  touch(event, profile);
}

void LiveEvents::remove_rows(const Event& event, std::string_view profile) {
  if (!profiles_) return;
  for (const features::LiveRow& row :
       rows_of(event, profile, *taxonomy_, profiles_->base().plan())) {
    profiles_->remove(row);
  }
  touch(event, profile);
}

// --- asking -------------------------------------------------------------------------------------

void LiveEvents::resolve(Request& request) const {
  const std::shared_lock lock(mutex_);
  people_->resolve(request);
}

void LiveEvents::bring_up(Request& request) const {
  const std::shared_lock lock(mutex_);
  const Timestamp trained = engine_->assets().context->as_of;
  if (!request.context.time && latest_.known() && latest_ >= trained) {
    request.context.time = Timestamp{latest_.micros + 1};
  }
  if (!request.subject) return;
  const auto at = by_profile_.find(text_of(*request.subject));
  if (at == by_profile_.end()) return;
  const Timestamp moment = request.context.time.value_or(trained);
  for (const RecentEvent& event : at->second.recent) {
    if (*event.time < moment && request.context.events.size() < kMaxListedItems) {
      request.context.events.push_back(event);
    }
  }
}

std::shared_ptr<const features::LiveProfiles> LiveEvents::profiles() const {
  const std::shared_lock lock(mutex_);
  return profiles_;
}

std::size_t LiveEvents::untotaled() const {
  const std::shared_lock lock(mutex_);
  return untotaled_;
}

std::size_t LiveEvents::taken() const {
  const std::shared_lock lock(mutex_);
  return taken_;
}

std::size_t LiveEvents::identifiers() const {
  const std::shared_lock lock(mutex_);
  return people_->identifiers();
}

std::string LiveEvents::profile_of(std::string_view subject) const {
  const std::shared_lock lock(mutex_);
  return people_->profile_of(subject);
}

std::size_t LiveEvents::events_of(std::string_view profile) const {
  const std::shared_lock lock(mutex_);
  const auto at = by_profile_.find(std::string(profile));
  return at == by_profile_.end() ? 0 : at->second.events.size();
}

bool LiveEvents::has_identity() const { return engine_->assets().has_identity(); }

std::vector<std::string> LiveEvents::names_of(std::string_view subject) const {
  const std::shared_lock lock(mutex_);
  std::vector<std::string> out = people_->names_of(people_->profile_of(subject));
  if (std::ranges::find(out, subject) == out.end()) out.emplace_back(subject);
  return out;
}

store::LogPosition LiveEvents::read_lines(const std::function<void(std::string_view line)>& use) {
  const std::lock_guard writing(writing_);  // readers go on
  const std::shared_lock lock(mutex_);
  journal_.sync();
  return write_lines(use);
}

store::LogPosition LiveEvents::read_folder(std::shared_ptr<const Engine> engine,
                                           const std::filesystem::path& folder,
                                           std::string_view key,
                                           const std::function<void(std::string_view)>& use) {
  LiveEvents events(std::move(engine), folder, std::string(key), true);
  events.people_ = std::make_unique<People>(events.engine_->assets(), key);
  if (events.people_->active()) events.load_people();
  return events.write_lines(use);
}

store::LogPosition LiveEvents::write_lines(
    const std::function<void(std::string_view line)>& use) const {
  journal_.read_all([&](std::uint64_t number, std::string_view record) {
    if (IdentityOrder::is_one(record)) return;
    if (!people_->active()) {
      use(record);
      return;
    }
    json line = json::parse(record);
    line.erase("identifiers");
    line["subject"] = people_->profile_of(number);
    use(line.dump());
  });
  return journal_.position();
}

// --- forgetting ---------------------------------------------------------------------------------

LiveEvents::Forgotten LiveEvents::forget(std::string_view subject) {
  const std::lock_guard writing(writing_);
  std::vector<std::pair<std::uint64_t, std::string>> blank;
  Forgotten out;
  {
    const std::shared_lock lock(mutex_);
    const std::string profile = people_->profile_of(subject);
    const std::vector<std::string> names = people_->names_of(profile);
    const auto mine = [&](const std::string& name) {
      return std::ranges::binary_search(names, name);
    };
    journal_.read_all([&](std::uint64_t number, std::string_view record) {
      if (IdentityOrder::is_one(record)) {
        const IdentityOrder order = IdentityOrder::of_json(record);
        const bool about =
            mine(order.identifier) || std::ranges::any_of(order.links, [&](const auto& link) {
              return mine(link.first) || mine(link.second);
            });
        if (about) blank.emplace_back(number, std::string());
        return;
      }
      const Event event = read_event(number, record);
      if (event.subject != subject && profile_of(event, number) != profile) return;
      blank.emplace_back(number, std::string());
      ++out.events;
    });
    out.identifiers = people_->identifiers();
  }
  if (blank.empty()) return {};
  journal_.replace(std::move(blank));
  load();
  out.identifiers -= people_->identifiers();
  return out;
}

}  // namespace penchant::engine
