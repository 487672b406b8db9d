#include <cmath>

#include "penchant/engine/rank_explanation.h"
#include "penchant/engine/stages.h"
#include "penchant/models/popular.h"

namespace penchant::engine {
namespace {

std::string called(const models::Context& context, ItemIndex item) {
  const std::string_view name = context.item_name(item);
  if (!name.empty()) return std::string(name);
  return context.items.text(static_cast<std::size_t>(item.value));
}

std::string popular_text(const models::Model& model) {
  const auto* popular = dynamic_cast<const models::PopularModel*>(&model);
  if (popular == nullptr || !popular->parameters().window) return "Popular lately";
  const double days = popular->parameters().window->days();
  if (days == 1) return "Popular today";
  if (days == 7) return "Popular this week";
  if (days == 14) return "Popular this fortnight";
  if (days >= 1) return concat("Popular in the last ", std::round(days), " days");
  return "Popular right now";
}

Reason bought_again(const Workspace& work, ItemIndex item) {
  const auto at = work.query.history.find(item);
  // Where views and carts count too, nobody is told that they bought what they looked at.
  const std::string verb = work.assets->context->purchases_only ? "Bought" : "Chosen";
  if (at < 0) return {"bought_again", verb + " before", std::nullopt};
  const auto i = static_cast<std::size_t>(at);
  const std::int32_t count = work.query.history.counts[i];
  const std::string times = count == 1 ? "once" : count == 2 ? "twice" : concat(count, " times");
  std::string text = concat(verb, " ", times, " before");
  const Timestamp last = work.query.history.last[i];
  if (last.known()) text += concat(", last on ", format_timestamp(last).substr(0, 10));
  return {"bought_again", std::move(text), std::nullopt};
}

Reason reason_for(const Workspace& work, std::size_t s, ItemIndex item) {
  const models::Context& context = *work.assets->context;
  const Source& source = work.assets->sources[s];
  const std::string_view kind = source.model->kind();
  if (kind == "repeat_purchase") return bought_again(work, item);
  if (kind == "popular") return {"popular", popular_text(*source.model), std::nullopt};
  if (work.evidence[s] == models::Evidence::kSegment) {
    return {"popular_in_segment", "Popular with customers like you", std::nullopt};
  }
  if (work.evidence[s] == models::Evidence::kAttributes) {
    return {"similar_people", "Chosen by people like you", std::nullopt};
  }
  if (!source.model->personal()) return {"exploration", "Something different", std::nullopt};
  const ItemIndex because = source.model->because(work.query, item);
  if (because.known()) {
    const std::string name = called(context, because);
    const bool together = source.model->together();
    if (because == work.viewed && !together) {
      return {"similar_to_viewed", concat("Because you are looking at ", name),
              item_id(context.items, because)};
    }
    return {together ? "bought_together" : "similar_to_yours",
            together ? concat(context.purchases_only ? "Bought" : "Chosen", " together with ", name)
                     : concat("Because of ", name),
            item_id(context.items, because)};
  }
  return {"similar_taste", "People with a similar taste chose this", std::nullopt};
}

}  // namespace

void ExplainStage::run(Workspace& work) const {
  const std::vector<Source>& sources = work.assets->sources;
  work.decision = {};
  work.decision.fallback = work.fallback;
  work.decision.level = work.level;
  work.decision.as_of = work.query.as_of;
  work.decision.items.reserve(work.chosen.size());
  for (std::size_t place = 0; place < work.chosen.size(); ++place) {
    const Candidate& hit = work.chosen[place];
    DecidedItem out;
    out.index = hit.item;
    out.score = hit.score;
    out.probability = work.probability(place);
    std::size_t best = sources.size();
    float best_contribution = 0;
    for (std::size_t s = 0; s < sources.size(); ++s) {
      if (work.features[s].empty()) continue;
      const float feature = work.features[s][static_cast<std::size_t>(hit.item.value)];
      const float contribution = work.weight(s) * feature;
      if (work.request->explain) out.shares.push_back({sources[s].name, feature, contribution});
      if (contribution > best_contribution) {
        best_contribution = contribution;
        best = s;
      }
    }
    if (best < sources.size()) {
      out.source = sources[best].name;
      out.reason = reason_for(work, best, hit.item);
    } else {
      out.source = "popularity";
      out.reason = {"popular", "Popular lately", std::nullopt};
    }
    work.decision.items.push_back(std::move(out));
  }
  if (work.request->explain) explain_ranks(work);
}

}  // namespace penchant::engine
