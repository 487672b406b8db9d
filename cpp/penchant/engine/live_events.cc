#include "penchant/engine/live_events.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/hex.h"

namespace penchant::engine {
namespace {

using events::Event;
using events::Rejection;
using nlohmann::json;

// In millionths: what a single event may add to a sum, so that few can't make it leave 64 bits.
constexpr std::int64_t kMostNumber = 1'000'000'000 * features::kUnit;

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

}  // namespace

LiveEvents::LiveEvents(std::shared_ptr<const Engine> engine)
    : engine_(std::move(engine)), taxonomy_(events::Taxonomy::builtin()), seen_({}) {
  start();
}

void LiveEvents::start() {
  const auto& trained = engine_->assets().profiles;
  auto fresh = trained ? std::make_shared<features::LiveProfiles>(trained) : nullptr;
  const std::unique_lock lock(mutex_);
  profiles_ = std::move(fresh);
  recent_.clear();
  latest_ = {};
  taken_ = 0;
  untotaled_ = 0;
}

template <class Use>
void LiveEvents::read_kept(const Use& use) const {
  const auto read_one = [&](std::uint64_t number, std::string_view record) {
    if (record.empty()) return true;  // of someone who was forgotten
    Event event;
    Rejection rejection;
    if (!taxonomy_->read(record, {}, event, rejection)) {
      fail(ErrorKind::kBadData, concat("log of events, record ", number, ": ", rejection.message));
    }
    use(number, event);
    return true;
  };
  if (log_) {
    log_->read(1, read_one);
  } else {
    for (std::size_t i = 0; i < kept_.size(); ++i) read_one(i, kept_[i]);
  }
}

std::unique_ptr<LiveEvents> LiveEvents::open(std::shared_ptr<const Engine> engine,
                                             const std::filesystem::path& folder) {
  std::unique_ptr<LiveEvents> out(new LiveEvents(std::move(engine)));
  if (folder.empty()) return out;
  out->log_ = store::Log::open(folder);
  out->read_kept([&](std::uint64_t, const Event& event) { out->apply(event); });
  return out;
}

void LiveEvents::take_json(std::string_view text, Timestamp received, std::string& body) {
  const Call call = read_call(text);
  const std::vector<std::string> outcomes = take(call.events, received);
  // Those who wait at the same time share one flush, and nobody reads or takes slower for it. A
  // duplicate may be of what another call is still bringing to the disk.
  if (log_) log_->sync();
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
  for (const std::string& one : texts) {
    Event event;
    Rejection rejection;
    if (!taxonomy_->read(one, received, event, rejection)) {
      outcomes.push_back(rejected(rejection).dump());
      continue;
    }
    const bool twice_here =
        !event.id.empty() &&
        std::ranges::any_of(taken, [&](const Event& other) { return other.id == event.id; });
    // What is too old to tell may have been counted: once is safer than twice.
    if (twice_here || seen_.classify(event.id, event.time) != events::Seen::kNew) {
      outcomes.emplace_back(R"({"outcome":"duplicate"})");
      continue;
    }
    records.push_back(taxonomy_->write(event));
    taken.push_back(std::move(event));
    outcomes.emplace_back(R"({"outcome":"accepted"})");
  }
  if (log_ && !records.empty()) {
    const std::vector<std::string_view> views(records.begin(), records.end());
    log_->append(views, store::Durability::kProcess);
  } else {
    kept_.insert(kept_.end(), records.begin(), records.end());
  }
  for (const Event& event : taken) apply(event);
  return outcomes;
}

void LiveEvents::apply(const Event& event) {
  {
    const std::unique_lock lock(mutex_);
    seen_.fold(event.id, event.time);
    ++taken_;
    latest_ = std::max(latest_, event.time);
  }
  const std::string& type = taxonomy_->types()[event.type].name;
  const float weight = weight_of(type, engine_->assets().context->purchases_only);
  if (event.lines.empty()) {
    remember(event, event.item, weight);
    add_row(event, event.item, event.quantity, event.price);
  }
  for (const events::Line& line : event.lines) {
    remember(event, line.item, weight);
    add_row(event, line.item, line.quantity, line.price);
  }
}

void LiveEvents::remember(const Event& event, std::string_view item, float value) {
  if (value <= 0 || item.empty() || event.subject.empty()) return;
  const std::unique_lock lock(mutex_);
  std::vector<RecentEvent>& list = recent_[event.subject];
  const auto later = [](Timestamp time, const RecentEvent& one) { return time < *one.time; };
  RecentEvent one;
  one.item = std::string(item);
  one.time = event.time;
  one.value = value;
  list.insert(std::upper_bound(list.begin(), list.end(), event.time, later), std::move(one));
  if (list.size() > kMaxListedItems) list.erase(list.begin());
}

void LiveEvents::add_row(const Event& event, std::string_view item, std::int64_t quantity,
                         std::int64_t price) {
  if (!profiles_) return;
  const features::Plan& plan = profiles_->base().plan();
  features::LiveRow row{.time = event.time.micros,
                        .type = taxonomy_->types()[event.type].name,
                        .subject = event.subject,
                        .item = item};
  const auto field = [&](const std::string& name) -> const events::FieldValue* {
    const std::int32_t slot = taxonomy_->find_slot(name);
    const auto at = std::ranges::find(event.fields, slot, &events::FieldValue::slot);
    return slot < 0 || at == event.fields.end() ? nullptr : &*at;
  };
  for (const std::string& name : plan.numbers()) {
    std::int64_t number = features::kNoNumber;
    if (name == "quantity" || name == "value") {
      number = quantity;
    } else if (name == "price") {
      number = price;
    } else if (const events::FieldValue* const value = field(name)) {
      number = value->number;
    }
    row.numbers.push_back(number);
  }
  for (const std::string& name : plan.codes()) {
    const events::FieldValue* const value = field(name);
    const bool order = name == "order" || name == "order_id";
    row.codes.push_back(order ? event.order : value == nullptr ? std::string_view() : value->text);
  }
  for (std::int64_t& number : row.numbers) {
    if (number > kMostNumber || number < -kMostNumber) number = features::kNoNumber;
  }
  try {
    profiles_->add(row);
  } catch (const Error&) {
    // What is on the disk must not keep a server from starting: totals of this key stay behind.
    const std::unique_lock lock(mutex_);
    ++untotaled_;
  }
}

void LiveEvents::bring_up(Request& request) const {
  const std::shared_lock lock(mutex_);
  const Timestamp trained = engine_->assets().context->as_of;
  if (!request.context.time && latest_.known() && latest_ >= trained) {
    request.context.time = Timestamp{latest_.micros + 1};
  }
  if (!request.subject) return;
  const auto at = recent_.find(text_of(*request.subject));
  if (at == recent_.end()) return;
  const Timestamp moment = request.context.time.value_or(trained);
  for (const RecentEvent& event : at->second) {
    if (*event.time < moment && request.context.events.size() < kMaxListedItems) {
      request.context.events.push_back(event);
    }
  }
}

std::shared_ptr<const features::LiveProfiles> LiveEvents::profiles() const {
  const std::shared_lock lock(mutex_);
  return profiles_;
}

std::uint64_t LiveEvents::forget(std::string_view subject) {
  const std::lock_guard writing(writing_);
  std::vector<store::Log::Replacement> blank;
  read_kept([&](std::uint64_t number, const Event& event) {
    if (event.subject == subject) blank.emplace_back(number, std::string());
  });
  if (blank.empty()) return 0;
  if (log_) {
    log_->replace(blank);
  } else {
    for (const auto& [number, nothing] : blank) kept_[number] = nothing;
  }
  start();
  read_kept([&](std::uint64_t, const Event& event) { apply(event); });
  return blank.size();
}

std::size_t LiveEvents::untotaled() const {
  const std::shared_lock lock(mutex_);
  return untotaled_;
}

std::size_t LiveEvents::taken() const {
  const std::shared_lock lock(mutex_);
  return taken_;
}

}  // namespace penchant::engine
