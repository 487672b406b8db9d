#include "penchant/engine/engine.h"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

#include "penchant/engine/assets.h"
#include "penchant/engine/response.h"
#include "penchant/engine/stages.h"
#include "penchant/models/model_meta.h"

namespace penchant::engine {
namespace {

constexpr std::size_t kMaxGoldens = 10'000;

// One workspace a thread, so that a request allocates little.
Workspace& thread_workspace() {
  thread_local Workspace work;
  return work;
}

}  // namespace

ExternalId item_id(const data::IdMap& items, ItemIndex item) {
  const auto i = static_cast<std::size_t>(item.value);
  if (items.kind() == data::IdKind::kInteger) return items.integer(i);
  return std::string(items.string(i));
}

std::vector<std::unique_ptr<const Stage>> make_stages(const Assets& assets) {
  std::vector<std::unique_ptr<const Stage>> out;
  out.push_back(std::make_unique<const ResolveStage>());
  out.push_back(std::make_unique<const RetrieveStage>());
  out.push_back(std::make_unique<const OrderStage>());
  if (assets.ranker) out.push_back(std::make_unique<const RerankStage>());
  out.push_back(std::make_unique<const FillStage>());
  if (!assets.placements.empty()) out.push_back(std::make_unique<const ExploreStage>());
  out.push_back(std::make_unique<const ExplainStage>());
  return out;
}

std::shared_ptr<const Engine> Engine::open(const std::filesystem::path& path, bool check_goldens) {
  return from_bundle(bundle::Reader::open(path), check_goldens);
}

std::shared_ptr<const Engine> Engine::from_bundle(std::shared_ptr<const bundle::Reader> reader,
                                                  bool check_goldens) {
  std::shared_ptr<const Engine> engine(new Engine(load_assets(std::move(reader))));
  if (check_goldens) engine->check_goldens();
  return engine;
}

Engine::Engine(std::unique_ptr<Assets> assets)
    : assets_(std::move(assets)), stages_(make_stages(*assets_)) {}

Engine::~Engine() = default;

Decision Engine::recommend(const Request& request, const Chooser* chooser,
                           const features::LiveProfiles* live) const {
  Workspace& work = thread_workspace();
  work.begin(*assets_, request, chooser, live);
  for (const auto& stage : stages_) stage->run(work);
  return std::move(work.decision);
}

void Engine::recommend_json(std::string_view text, std::string& body) const {
  const Request request = parse_request(text);
  check_no_identifiers(request);
  const Decision decision = recommend(request);
  write_response(request, decision, *assets_, body);
}

void Engine::rank_all(const Request& request, std::span<float> scores) const {
  check_argument(scores.size() == num_items(), "rank_all: ", scores.size(), " scores for ",
                 num_items(), " items");
  Workspace& work = thread_workspace();
  work.begin(*assets_, request);
  ResolveStage().run(work);
  RetrieveStage().run(work);
  blend_all(work, scores);
  // What was not retrieved comes after everything that was, in the order of its own blended score,
  // and what the sources know nothing of is ordered by popularity, all below zero.
  std::vector<std::uint8_t> candidate(scores.size(), 0);
  for (const std::int32_t item : work.candidates) {
    const auto i = static_cast<std::size_t>(item);
    candidate[i] = scores[i] > 0 ? 1 : 0;
  }
  const auto popularity = assets_->context->popularity.span();
  float most = 1;
  for (const float p : popularity) most = std::max(most, p);
  float highest = 0;
  for (const float score : scores) highest = std::max(highest, score);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (candidate[i] != 0) continue;
    scores[i] = scores[i] > 0 ? scores[i] - highest - 1 : popularity[i] / most - highest - 3;
  }
  if (!assets_->ranker) return;
  OrderStage().run(work);
  RerankStage(true).run(work);
  // Above all others, in their order.
  float place = highest + static_cast<float>(work.reranked.size());
  for (std::size_t i = 0; i < work.reranked.size(); ++i) {
    scores[static_cast<std::size_t>(work.chosen[i].item.value)] = place--;
  }
}

void Engine::check_goldens() const {
  const bundle::Reader& reader = *assets_->reader;
  if (!reader.has("goldens/requests")) return;
  const auto requests = nlohmann::json::parse(reader.text("goldens/requests"), nullptr, false);
  const auto answers = nlohmann::json::parse(reader.text("goldens/answers"), nullptr, false);
  if (!requests.is_array() || !answers.is_array() || requests.size() != answers.size() ||
      requests.size() > kMaxGoldens) {
    fail(ErrorKind::kCorruptBundle, "bundle, goldens: not two lists of equal length");
  }
  // Bundles of before there was a second form don't name theirs; those with a ranker have the form
  // that tells of it.
  const AnswerForm latest = form_of(*assets_);
  AnswerForm form = AnswerForm::kFirst;
  if (reader.has("goldens/form")) {
    const auto told = reader.array<std::uint8_t>("goldens/form");
    if (told.size() != 1 || told[0] < static_cast<std::uint8_t>(AnswerForm::kFirst) ||
        told[0] > static_cast<std::uint8_t>(latest)) {
      fail(ErrorKind::kCorruptBundle,
           "bundle, goldens: its answers have a form that this version does not know; read it with "
           "a newer one");
    }
    form = static_cast<AnswerForm>(told[0]);
  }
  if (assets_->ranker && form != latest) {
    fail(ErrorKind::kCorruptBundle,
         "bundle, goldens: their form is of bundles without its ranker, or its calibration");
  }
  std::string body;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!requests[i].is_string() || !answers[i].is_string()) {
      fail(ErrorKind::kCorruptBundle, concat("bundle, goldens: entry ", i, " is not text"));
    }
    const Request request = parse_request(requests[i].get_ref<const std::string&>());
    write_response(request, recommend(request), *assets_, body, form);
    if (body != answers[i].get_ref<const std::string&>()) {
      fail(ErrorKind::kCorruptBundle,
           concat("bundle: golden request ", i, " of ", requests.size(),
                  " is answered differently here than where the bundle was made; this build or "
                  "machine can't serve it faithfully. Export it again with this version."));
    }
  }
}

std::size_t Engine::num_items() const { return assets_->num_items(); }
const std::string& Engine::fingerprint() const { return assets_->version; }
const Assets& Engine::assets() const { return *assets_; }
const std::shared_ptr<const bundle::Reader>& Engine::bundle() const { return assets_->reader; }

std::vector<std::string> Engine::stage_names() const {
  std::vector<std::string> out;
  for (const auto& stage : stages_) out.emplace_back(stage->name());
  return out;
}

}  // namespace penchant::engine
