#include "penchant/engine/decision_record.h"

#include <cmath>
#include <span>

#include "penchant/base/error.h"
#include "penchant/engine/json_writing.h"
#include "penchant/engine/placement.h"

namespace penchant::engine {
namespace {

using bandits::Decided;
using bandits::JoinedSlot;
using bandits::Rewarded;

// Ids are in the log as JSON texts; a log that others wrote may hold anything.
void append_logged_id(std::string& out, std::string_view text) {
  try {
    append_id(out, id_of_json(text));
  } catch (const Error&) {
    append_string(out, text);
  }
}

void append_numbers(std::string& out, std::span<const double> values) {
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_number(out, values[i]);
  }
  out += ']';
}

void append_time(std::string& out, Timestamp time) {
  if (time.known()) {
    append_string(out, format_timestamp(time));
  } else {
    out += "null";
  }
}

void append_slot(std::string& out, const JoinedSlot& joined) {
  const bandits::Slot& slot = joined.decision->slots[joined.slot];
  out += "{\"item\":";
  append_logged_id(out, slot.arm);
  out += ",\"propensity\":";
  append_number(out, slot.propensity);
  out += ",\"attributes\":";
  append_numbers(out, slot.features);
  out += ",\"reward\":";
  if (std::isnan(joined.reward)) {
    out += "null";
  } else {
    append_number(out, joined.reward);
  }
  out += joined.rewarded ? ",\"rewarded\":true}" : ",\"rewarded\":false}";
}

void append_logged_or_null(std::string& out, const std::string& id) {
  if (id.empty()) {
    out += "null";
  } else {
    append_logged_id(out, id);
  }
}

void append_reward(std::string& out, const Rewarded& reward) {
  out += "{\"value\":";
  append_number(out, reward.value);
  out += ",\"slot\":";
  if (reward.slot) {
    append_number(out, *reward.slot);
  } else {
    out += "null";
  }
  out += ",\"item\":";
  append_logged_or_null(out, reward.arm);
  out += ",\"reward_id\":";
  if (reward.id.empty()) {
    out += "null";
  } else {
    append_string(out, reward.id);
  }
  out += ",\"time\":";
  append_time(out, reward.time);
  out += '}';
}

// Of what decided.
void append_origin(std::string& out, const Decided& decided) {
  out += ",\"placement\":";
  append_string(out, decided.placement);
  out += ",\"subject\":";
  append_logged_or_null(out, decided.subject);
  out += ",\"policy\":{\"name\":";
  append_string(out, decided.policy);
  out += ",\"version\":";
  append_string(out, decided.policy_version);
  out += "},\"seed\":\"";
  append_number(out, decided.seed);
  out += "\",\"candidates_hash\":\"";
  append_number(out, decided.candidates);
  out += "\",\"context\":";
  append_numbers(out, decided.context);
}

}  // namespace

void write_decision(const bandits::JoinedDecision& decision, std::string& body) {
  const Decided& decided = *decision.slots.front().decision;
  body = "{\"decision_id\":\"";
  append_number(body, decided.id);
  body += "\",\"time\":";
  append_time(body, decided.time);
  append_origin(body, decided);
  body += ",\"slots\":[";
  for (std::size_t s = 0; s < decision.slots.size(); ++s) {
    if (s > 0) body += ',';
    append_slot(body, decision.slots[s]);
  }
  body += "],\"rewards\":[";
  for (std::size_t r = 0; r < decision.rewards.size(); ++r) {
    if (r > 0) body += ',';
    append_reward(body, decision.rewards[r]);
  }
  body += decision.slots.front().closed ? "],\"closed\":true}" : "],\"closed\":false}";
}

}  // namespace penchant::engine
