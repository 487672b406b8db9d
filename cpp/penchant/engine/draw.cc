#include "penchant/engine/draw.h"

#include <nlohmann/json.hpp>

#include "penchant/engine/stage.h"

namespace penchant::engine {

std::string json_text(const ExternalId& id) {
  return std::visit([](const auto& one) { return nlohmann::json(one).dump(); }, id);
}

Drawn draw(bandits::Loop& loop, const Placement& placement, const Workspace& work, Timestamp at,
           const Drawing& drawing) {
  const std::vector<std::string_view> arms(drawing.arms.begin(), drawing.arms.end());
  bandits::Decided record;
  record.id = loop.new_id();
  record.time = at;
  record.placement = placement.name;
  record.policy = placement.name;
  if (work.request->subject) record.subject = json_text(*work.request->subject);
  Drawn out;
  loop.with_policy(placement.name, [&](const bandits::Loop::View& view) {
    const bandits::PolicyOptions& options = view.policy.options();
    record.policy_version = view.version;
    record.seed = options.seed;
    // A policy of another width than the placement's context reads no context at all.
    record.context.resize(options.dimension);
    if (options.dimension > 0) placement.context.write(work, at, record.context);
    std::vector<std::int32_t> rows;
    for (const std::string_view arm : arms) rows.push_back(view.arms.find(arm));
    const bandits::Candidates candidates{.contexts = {record.context.data(), 1, options.dimension},
                                         .arms = rows,
                                         .features = options.arm_dimension > 0
                                                         ? std::span<const double>(drawing.features)
                                                         : std::span<const double>(),
                                         .blocked = drawing.blocked};
    const bandits::Decisions drawn = view.policy.decide(
        candidates, {.ids = {&record.id, 1}, .slots = drawing.slots, .threads = 1});
    for (std::size_t s = 0; s < drawing.slots; ++s) {
      const auto place = static_cast<std::size_t>(drawn.position[s]);
      out.places.push_back(static_cast<std::uint32_t>(place));
      out.propensity.push_back(drawn.propensity[s]);
      const std::size_t width = options.arm_dimension;
      const auto* const features = drawing.features.data() + place * width;
      record.slots.push_back({.arm = drawing.arms[place],
                              .propensity = drawn.propensity[s],
                              .features = {features, features + width}});
    }
    record.candidates = bandits::candidates_hash(arms, candidates.features, candidates.blocked);
  });
  loop.log_decisions({&record, 1});
  out.exploration = {
      .decision_id = record.id, .policy = placement.name, .version = record.policy_version};
  return out;
}

}  // namespace penchant::engine
