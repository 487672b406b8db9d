#include "penchant/engine/live.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "penchant/engine/assets.h"
#include "penchant/engine/decision_record.h"
#include "penchant/engine/draw.h"
#include "penchant/engine/response.h"
#include "penchant/engine/rewards.h"
#include "penchant/engine/stages.h"

namespace penchant::engine {
namespace {

// Chooses among the funnel's best and remembers how.
class ItemChooser final : public Chooser {
 public:
  ItemChooser(bandits::Loop& loop, const Placement& placement, Timestamp at)
      : loop_(loop), placement_(placement), at_(at) {}

  [[nodiscard]] std::size_t among() const override { return placement_.depth; }

  [[nodiscard]] std::vector<std::uint32_t> choose(const Workspace& work) const override {
    Drawing drawing;
    const float best = work.chosen.front().score;
    const bool calibrated = work.assets->ranker && work.assets->ranker->calibration;
    for (std::size_t i = 0; i < work.chosen.size(); ++i) {
      const Candidate& one = work.chosen[i];
      drawing.arms.push_back(json_text(item_id(work.assets->context->items, one.item)));
      const double share = best > 0 ? static_cast<double>(one.score / best) : 0.0;
      drawing.features.push_back(calibrated ? work.probability(i).value_or(0.0) : share);
      drawing.features.push_back(1.0 / static_cast<double>(i + 1));
      if (placement_.item_features.columns() == 0) continue;
      const auto known =
          placement_.item_features.view().row(static_cast<std::size_t>(one.item.value));
      drawing.features.insert(drawing.features.end(), known.begin(), known.end());
    }
    drawing.slots = std::min(work.request->k, drawing.arms.size());
    drawn_ = draw(loop_, placement_, work, at_, drawing);
    return drawn_.places;
  }

  [[nodiscard]] const Drawn& drawn() const { return drawn_; }

 private:
  bandits::Loop& loop_;
  const Placement& placement_;
  Timestamp at_;
  mutable Drawn drawn_;  // of the one request this lives for
};

// What the request forbids of the offers.
std::vector<std::uint8_t> blocked_offers(const Placement& placement, const Request& request) {
  const auto lists = [](const std::vector<ExternalId>& ids, const ExternalId& offer) {
    return std::find(ids.begin(), ids.end(), offer) != ids.end();
  };
  std::vector<std::uint8_t> out;
  for (const ExternalId& offer : placement.offers) {
    const bool allowed = !request.candidates || lists(*request.candidates, offer);
    out.push_back(!allowed || lists(request.deny, offer) ? 1 : 0);
  }
  return out;
}

void check_slots(const Placement& placement, std::size_t k) {
  check_argument(k <= bandits::kMaxSlots, "request: placement '", placement.name,
                 "' shows at most ", bandits::kMaxSlots, " items, not k = ", k);
}

}  // namespace

std::shared_ptr<Live> Live::open(std::shared_ptr<const Engine> engine, const LiveOptions& options) {
  std::vector<bandits::LoopPolicy> policies;
  for (const Placement& placement : engine->assets().placements) {
    bandits::ArmTable arms;
    for (const ExternalId& arm : placement.arms) arms.add(json_text(arm));
    policies.push_back({.name = placement.name,
                        .policy = placement.policy->clone(),
                        .arms = std::move(arms),
                        .join = placement.join,
                        .knows = engine->assets().decisions});
  }
  std::unique_ptr<bandits::Loop> loop;
  if (!policies.empty()) {
    loop = bandits::Loop::open(options.folder, std::move(policies),
                               {.keep = options.keep,
                                .snapshot_every = options.snapshot_every,
                                .threads = options.threads});
  }
  auto events =
      LiveEvents::open(engine, options.folder.empty() ? options.folder : options.folder / "events",
                       options.identity_key);
  return std::shared_ptr<Live>(new Live(std::move(engine), std::move(loop), std::move(events)));
}

Live::Live(std::shared_ptr<const Engine> engine, std::unique_ptr<bandits::Loop> loop,
           std::unique_ptr<LiveEvents> events)
    : engine_(std::move(engine)), loop_(std::move(loop)), events_(std::move(events)) {}

const Placement* Live::find(std::string_view name) const {
  const std::vector<Placement>& all = engine_->assets().placements;
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
  return at == all.end() ? nullptr : &*at;
}

void Live::recommend_json(std::string_view text, Timestamp now, std::string& body) {
  Request request = parse_request(text);
  const Placement* const placement = find(request.placement);
  const Timestamp at = request.context.time.value_or(now);
  const std::optional<ExternalId> asked = request.subject;
  events_->resolve(request);
  events_->bring_up(request);
  const auto profiles = events_->profiles();
  const Decision decision = placement == nullptr
                                ? engine_->recommend(request, nullptr, profiles.get())
                            : placement->offers.empty() ? choose_item(*placement, request, at)
                                                        : choose_offer(*placement, request, at);
  if (asked) request.subject = asked;  // the answer names people as the request does
  write_response(request, decision, engine_->assets(), body);
}

Decision Live::choose_item(const Placement& placement, const Request& request, Timestamp at) {
  check_slots(placement, request.k);
  const ItemChooser chooser(*loop_, placement, at);
  const auto profiles = events_->profiles();
  Decision decision = engine_->recommend(request, &chooser, profiles.get());
  if (decision.items.empty()) return decision;  // nothing to choose from
  const Drawn& drawn = chooser.drawn();
  for (std::size_t i = 0; i < decision.items.size(); ++i) {
    decision.items[i].propensity = drawn.propensity[i];
  }
  decision.exploration = drawn.exploration;
  return decision;
}

Decision Live::choose_offer(const Placement& placement, const Request& request, Timestamp at) {
  Drawing drawing;
  for (const ExternalId& offer : placement.offers) drawing.arms.push_back(json_text(offer));
  const auto features = placement.offer_features.view().flat();
  drawing.features.assign(features.begin(), features.end());
  drawing.blocked = blocked_offers(placement, request);
  const auto allowed = static_cast<std::size_t>(
      std::count(drawing.blocked.begin(), drawing.blocked.end(), std::uint8_t{0}));
  drawing.slots = std::min(request.k_given ? request.k : 1, allowed);
  check_slots(placement, drawing.slots);
  const auto profiles = events_->profiles();
  Workspace work;
  work.begin(engine_->assets(), request, nullptr, profiles.get());
  ResolveStage().run(work);
  Decision decision;
  decision.level = "policy";
  decision.as_of = at;
  if (allowed == 0) return decision;
  Drawn drawn = draw(*loop_, placement, work, at, drawing);
  for (std::size_t s = 0; s < drawn.places.size(); ++s) {
    DecidedItem item;
    item.offer = placement.offers[drawn.places[s]];
    item.score = static_cast<float>(drawn.propensity[s]);
    item.source = "policy";
    item.reason = {"chosen_by_policy", "Chosen for you here", std::nullopt};
    item.propensity = drawn.propensity[s];
    decision.items.push_back(std::move(item));
  }
  decision.exploration = std::move(drawn.exploration);
  return decision;
}

void Live::events_json(std::string_view request, Timestamp now, std::string& body) {
  events_->take_json(request, now, body);
}

void Live::identity_json(std::string_view request, std::string& body) {
  events_->order_json(request, body);
}

void Live::reward_json(std::string_view text, std::string& body) {
  const RewardRequest request = parse_rewards(text);
  write_outcomes(loop_->reward(request.rewards), request.single, body);
}

void Live::decision_json(std::string_view id, std::string& body) const {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  const bool good = error == std::errc() && end == id.data() + id.size();
  const auto found = good ? loop_->find(number) : std::nullopt;
  if (!found) {
    fail(ErrorKind::kNotFound, concat("the log has no decision '", id.substr(0, 64), "'"));
  }
  write_decision(*found, body);
}

std::shared_ptr<const bundle::Reader> Live::bundle() const {
  std::vector<Placement> placements = engine_->assets().placements;
  const auto keep = [&](const std::string& name, const bandits::Loop::View& view) {
    const auto at = std::ranges::find(placements, name, &Placement::name);
    at->policy = std::make_shared<const bandits::Policy>(view.policy.clone());
    at->arms.clear();
    for (const std::string& arm : view.arms.arms()) at->arms.push_back(id_of_json(arm));
  };
  const store::LogPosition learnt = loop_->at_rest(keep);
  return with_placements(*engine_->bundle(), placements, learnt);
}

}  // namespace penchant::engine
