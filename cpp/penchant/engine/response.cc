#include "penchant/engine/response.h"

#include <cmath>

#include "penchant/engine/json_writing.h"

namespace penchant::engine {
namespace {

void append_item_id(std::string& out, const data::IdMap& ids, ItemIndex item) {
  const auto i = static_cast<std::size_t>(item.value);
  if (ids.kind() == data::IdKind::kInteger) {
    append_number(out, ids.integer(i));
  } else {
    append_string(out, ids.string(i));
  }
}

void append_shares(std::string& out, const std::vector<SourceShare>& shares) {
  out += ",\"shares\":[";
  for (std::size_t i = 0; i < shares.size(); ++i) {
    out += i == 0 ? "{\"source\":" : ",{\"source\":";
    append_string(out, shares[i].source);
    out += ",\"feature\":";
    append_number(out, shares[i].feature);
    out += ",\"contribution\":";
    append_number(out, shares[i].contribution);
    out += '}';
  }
  out += ']';
}

void append_ranker(std::string& out, const RankerShare& share) {
  out += ",\"ranker\":{\"expected\":";
  append_number(out, share.expected);
  out += ",\"features\":[";
  for (std::size_t i = 0; i < share.features.size(); ++i) {
    const FeatureShare& each = share.features[i];
    out += i == 0 ? "{\"feature\":" : ",{\"feature\":";
    append_string(out, each.feature);
    out += ",\"text\":";
    append_string(out, each.text);
    out += ",\"value\":";
    if (std::isfinite(each.value)) {
      append_number(out, each.value);
    } else {
      out += "null";
    }
    out += ",\"contribution\":";
    append_number(out, each.contribution);
    out += '}';
  }
  out += "],\"others\":";
  append_number(out, share.others);
  out += '}';
}

void append_item(std::string& out, const DecidedItem& item, std::size_t rank, bool explain,
                 const models::Context& context) {
  out += "{\"item\":";
  if (item.offer) {
    append_id(out, *item.offer);
  } else {
    append_item_id(out, context.items, item.index);
    if (const std::string_view name = context.item_name(item.index); !name.empty()) {
      out += ",\"name\":";
      append_string(out, name);
    }
  }
  out += ",\"score\":";
  append_number(out, item.score);
  if (item.probability) {
    out += ",\"probability\":";
    append_number(out, *item.probability);
  }
  out += ",\"rank\":";
  append_number(out, rank);
  out += ",\"source\":";
  append_string(out, item.source);
  out += ",\"reason\":{\"code\":";
  append_string(out, item.reason.code);
  out += ",\"text\":";
  append_string(out, item.reason.text);
  if (item.reason.item) {
    out += ",\"item\":";
    append_id(out, *item.reason.item);
  }
  out += '}';
  if (explain) append_shares(out, item.shares);
  if (item.ranker) append_ranker(out, *item.ranker);
  if (item.propensity) {
    out += ",\"propensity\":";
    append_number(out, *item.propensity);
  }
  out += '}';
}

}  // namespace

AnswerForm form_of(const Assets& assets) {
  if (!assets.ranker) return AnswerForm::kWithLevel;
  return assets.ranker->calibration ? AnswerForm::kWithProbability : AnswerForm::kWithRanker;
}

void write_response(const Request& request, const Decision& decision, const Assets& assets,
                    std::string& body, AnswerForm form) {
  body.clear();
  body.reserve(128 + decision.items.size() * 192);
  body += "{\"subject\":";
  if (request.subject) {
    append_id(body, *request.subject);
  } else {
    body += "null";
  }
  body += ",\"items\":[";
  for (std::size_t i = 0; i < decision.items.size(); ++i) {
    if (i > 0) body += ',';
    append_item(body, decision.items[i], i + 1, request.explain, *assets.context);
  }
  body += "],\"fallback\":";
  if (decision.fallback.empty()) {
    body += "null";
  } else {
    append_string(body, decision.fallback);
  }
  if (form >= AnswerForm::kWithLevel) {
    body += ",\"level\":";
    append_string(body, decision.level);
  }
  body += ",\"as_of\":";
  if (decision.as_of.known()) {
    append_string(body, format_timestamp(decision.as_of));
  } else {
    body += "null";
  }
  if (decision.exploration) {
    // As a text: JSON readers round integers beyond 2^53.
    body += ",\"decision_id\":\"";
    append_number(body, decision.exploration->decision_id);
    body += "\",\"policy\":{\"name\":";
    append_string(body, decision.exploration->policy);
    body += ",\"version\":";
    append_string(body, decision.exploration->version);
    body += '}';
  }
  body += ",\"bundle\":";
  append_string(body, assets.version);
  body += '}';
}

}  // namespace penchant::engine
