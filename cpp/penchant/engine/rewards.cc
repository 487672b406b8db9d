#include "penchant/engine/rewards.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "penchant/engine/draw.h"
#include "penchant/engine/json_members.h"
#include "penchant/engine/live.h"

namespace penchant::engine {
namespace {

namespace dom = simdjson::dom;

constexpr std::string_view kKnown = "decision_id, value, item, slot, reward_id, time";

// As answers have it, a text, or an integer.
std::uint64_t read_decision_id(dom::element value) {
  if (std::uint64_t number = 0; value.get(number) == simdjson::SUCCESS) return number;
  if (std::int64_t whole = 0; read_integer(value, whole) && whole >= 0) {
    return static_cast<std::uint64_t>(whole);
  }
  std::string_view text;
  std::uint64_t out = 0;
  if (value.get(text) == simdjson::SUCCESS && !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error == std::errc() && end == text.data() + text.size()) return out;
  }
  refuse("'decision_id' must be that of an answer");
}

std::uint32_t read_slot(dom::element value) {
  std::int64_t slot = 0;
  if (!read_integer(value, slot) || slot < 0 ||
      slot >= static_cast<std::int64_t>(bandits::kMaxSlots)) {
    refuse(concat("'slot' must be an integer from 0 to ", bandits::kMaxSlots - 1));
  }
  return static_cast<std::uint32_t>(slot);
}

void read_member(std::string_view key, dom::element member, bandits::Rewarded& out) {
  if (key == "decision_id") {
    out.decision = read_decision_id(member);
  } else if (key == "value") {
    if (member.get(out.value) != simdjson::SUCCESS) refuse("'value' must be a number");
  } else if (member.is_null()) {
    return;
  } else if (key == "item") {
    out.arm = json_text(read_id(member, "item"));
  } else if (key == "slot") {
    out.slot = read_slot(member);
  } else if (key == "reward_id") {
    out.id = read_string(member, "reward_id");
    if (out.id.size() > kMaxTextBytes) {
      refuse(concat("'reward_id' is longer than ", kMaxTextBytes, " bytes"));
    }
  } else {
    out.time = read_time(member, "time");
  }
}

bandits::Rewarded read_reward(dom::object object) {
  constexpr std::array<std::string_view, 6> kMembers = {"decision_id", "value",     "item",
                                                        "slot",        "reward_id", "time"};
  std::array<bool, kMembers.size()> seen{};
  bandits::Rewarded out;
  for (const auto [key, member] : object) {
    const auto* const at = std::find(kMembers.begin(), kMembers.end(), key);
    if (at == kMembers.end()) refuse_member("", key, kKnown);
    bool& here = seen[static_cast<std::size_t>(at - kMembers.begin())];
    if (here) refuse(concat("member '", key, "' is given twice"));
    here = true;
    read_member(key, member, out);
  }
  if (!seen[0]) refuse("a reward needs the 'decision_id' of the answer that it is for");
  if (!seen[1]) refuse("a reward needs a 'value'");
  return out;
}

}  // namespace

RewardRequest parse_rewards(std::string_view json) {
  const dom::object object =
      read_object(json, R"({"decision_id":"281474976710657","value":1,"reward_id":"order-17"})");
  RewardRequest out;
  dom::element list;
  if (object.at_key("rewards").get(list) != simdjson::SUCCESS) {
    out.single = true;
    out.rewards.push_back(read_reward(object));
    return out;
  }
  if (object.size() != 1) refuse("beside 'rewards' there may be no other member");
  dom::array rewards;
  if (list.get(rewards) != simdjson::SUCCESS) refuse("'rewards' must be a list of rewards");
  for (const dom::element one : rewards) {
    if (out.rewards.size() == kMaxRewards) refuse(concat("more than ", kMaxRewards, " rewards"));
    dom::object reward;
    if (one.get(reward) != simdjson::SUCCESS) refuse("'rewards' must list objects");
    out.rewards.push_back(read_reward(reward));
  }
  return out;
}

void write_outcomes(std::span<const bandits::Outcome> outcomes, bool single, std::string& body) {
  body = single ? R"({"outcome":)" : R"({"outcomes":[)";
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (i > 0) body += ',';
    body += concat('"', bandits::outcome_name(outcomes[i]), '"');
  }
  body += single ? "}" : "]}";
}

}  // namespace penchant::engine
