// A joiner as bytes, inside snapshots. Every number read is taken for hostile.

#include <cmath>
#include <unordered_set>

#include "penchant/bandits/byte_stream.h"
#include "penchant/bandits/joiner_state.h"
#include "penchant/bandits/linear_sums.h"
#include "penchant/store/log.h"

namespace penchant::bandits {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr double kMostTotal = kMostReward * 1e12;  // more than any number of rewards sums up to

void put_texts(ByteWriter& out, const std::vector<std::string>& texts) {
  out.put(std::uint64_t{texts.size()});
  for (const std::string& text : texts) out.put_text(text);
}

std::vector<std::string> get_texts(ByteReader& in) {
  std::vector<std::string> out(in.get_count(sizeof(std::uint32_t)));
  for (std::string& text : out) text = in.get_text(kMaxTextBytes);
  return out;
}

void put_record(ByteWriter& out, const Record& record) { out.put_text(encode(record)); }

template <class T>
T get_record(ByteReader& in) {
  Record record = decode(in.get_text(store::kMaxRecordBytes));
  T* wanted = std::get_if<T>(&record);
  if (wanted == nullptr) in.bad("a record of another kind");
  return std::move(*wanted);
}

template <class Each>
void each_count(JoinCounts& c, Each&& each) {
  for (std::uint64_t* count : {&c.decisions, &c.repeated_decisions, &c.unknown_policies, &c.closed,
                               &c.closed_early, &c.unrewarded, &c.clipped, &c.forgotten}) {
    each(*count);
  }
  for (std::uint64_t& count : c.rewards) each(count);
}

void put_waiting(ByteWriter& out, std::uint64_t id, const Waiting& entry) {
  out.put(id);
  out.put(entry.first_event);
  out.put(static_cast<std::uint8_t>(entry.decision != nullptr ? 1 : 0));
  if (entry.decision == nullptr) {
    put_record(out, Blanked{.id = id,
                            .time = entry.time,
                            .policy = entry.policy,
                            .slots = static_cast<std::uint32_t>(entry.slots.size())});
    return;
  }
  put_record(out, *entry.decision);
  for (const SlotState& slot : entry.slots) {
    out.put(slot.total);
    out.put(slot.rewards);
    out.put(static_cast<std::uint8_t>(slot.taught ? 1 : 0));
    out.put(slot.lesson);
  }
  put_texts(out, entry.reward_ids);
}

SlotState get_slot(ByteReader& in) {
  SlotState slot;
  slot.total = in.get<double>();
  slot.rewards = in.get<std::uint32_t>();
  slot.taught = in.get_flag();
  slot.lesson = in.get<double>();
  if (!(std::abs(slot.total) <= kMostTotal && std::abs(slot.lesson) <= kMostReward)) {
    in.bad("a total of ", slot.total, ", a lesson of ", slot.lesson);
  }
  return slot;
}

Waiting get_waiting(ByteReader& in, std::uint64_t& id) {
  Waiting entry;
  id = in.get<std::uint64_t>();
  entry.first_event = in.get<std::uint64_t>();
  std::uint64_t said = id;
  if (in.get_flag()) {
    entry.decision = std::make_shared<const Decided>(get_record<Decided>(in));
    said = entry.decision->id;
    entry.policy = entry.decision->policy;
    entry.time = entry.decision->time;
    for (std::size_t s = 0; s < entry.decision->slots.size(); ++s) {
      entry.slots.push_back(get_slot(in));
      entry.rewards += entry.slots.back().rewards;
    }
    entry.reward_ids = get_texts(in);
  } else {
    const auto blank = get_record<Blanked>(in);
    said = blank.id;
    entry.policy = blank.policy;
    entry.time = blank.time;
    entry.slots.resize(blank.slots);
  }
  if (said != id) in.bad("decision ", id, " is that of ", said);
  return entry;
}

}  // namespace

std::string Joiner::save() const {
  const Impl& impl = *impl_;
  ByteWriter out;
  out.put(kVersion);
  JoinCounts counts = impl.counts;
  each_count(counts, [&](std::uint64_t count) { out.put(count); });
  out.put(impl.now.micros);
  out.put(impl.next_event);
  out.put(std::uint64_t{impl.oldest.size()});
  for (const auto& [event, id] : impl.oldest) put_waiting(out, id, impl.waiting.at(id));
  out.put(std::uint64_t{impl.closed_order.size()});
  std::unordered_set<std::uint64_t> written;  // an id may come again once its person was forgotten
  for (const std::uint64_t id : impl.closed_order) {
    const auto entry = impl.closed.find(id);
    const bool present = entry != impl.closed.end() && written.insert(id).second;
    out.put(id);
    out.put(static_cast<std::uint8_t>(present ? 1 : 0));
    if (!present) continue;
    out.put(entry->second.subject);
    put_texts(out, entry->second.reward_ids);
  }
  out.put(std::uint64_t{impl.held.size()});
  for (const auto& [number, entry] : impl.held) {
    out.put(entry.since.micros);
    put_record(out, entry.reward);
  }
  return std::move(out.bytes());
}

Joiner Joiner::restore(std::map<std::string, JoinOptions> options, const JoinLimits& limits,
                       std::string_view bytes) {
  Joiner joiner(std::move(options), limits);
  Impl& impl = *joiner.impl_;
  ByteReader in(bytes, "the state of a joiner");
  if (in.get<std::uint8_t>() != kVersion) in.bad("its version is not ", std::uint32_t{kVersion});
  each_count(impl.counts, [&](std::uint64_t& count) { count = in.get<std::uint64_t>(); });
  impl.now.micros = in.get<std::int64_t>();
  impl.next_event = in.get<std::uint64_t>();
  std::uint64_t free_event = 0;
  for (std::size_t left = in.get_count(32); left > 0; --left) {
    std::uint64_t id = 0;
    Waiting entry = get_waiting(in, id);
    const auto found = impl.options.find(entry.policy);
    if (found == impl.options.end()) in.bad("there is no policy '", entry.policy, "'");
    if (impl.waiting.contains(id)) in.bad("decision ", id, " waits twice");
    if (entry.first_event < free_event) in.bad("events of decision ", id, " are another's");
    free_event = entry.first_event + entry.slots.size();
    if (free_event < entry.first_event || free_event > impl.next_event) {
      in.bad("events of decision ", id, " are yet to come");
    }
    entry.options = &found->second;
    entry.due = due_of(entry.time, found->second);
    impl.insert(std::move(entry), id);
  }
  for (std::size_t left = in.get_count(9); left > 0; --left) {
    const auto id = in.get<std::uint64_t>();
    impl.closed_order.push_back(id);
    if (!in.get_flag()) continue;
    Closed entry{.subject = in.get<std::uint64_t>(), .reward_ids = get_texts(in)};
    if (impl.waiting.contains(id) || !impl.closed.emplace(id, std::move(entry)).second) {
      in.bad("decision ", id, " is closed and still waits, or is closed twice");
    }
  }
  for (std::size_t left = in.get_count(16); left > 0; --left) {
    Held entry;
    entry.since.micros = in.get<std::int64_t>();
    entry.reward = get_record<Rewarded>(in);
    impl.held_for[entry.reward.decision].push_back(impl.next_held);
    impl.held.emplace(impl.next_held++, std::move(entry));
  }
  in.expect_end();
  return joiner;
}

}  // namespace penchant::bandits
