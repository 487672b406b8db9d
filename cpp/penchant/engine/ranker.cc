#include "penchant/engine/ranker.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "penchant/engine/assets.h"
#include "penchant/engine/request.h"
#include "penchant/models/model_meta.h"

namespace penchant::engine {
namespace {

constexpr const char* kPrefix = "ranker";
constexpr const char* kCalibration = "/calibration";

// The largest that a raw score can be in size: a served score is a float.
double largest_score(const ranking::ForestData& data) {
  double sum = std::abs(data.base.front());
  for (std::size_t t = 0; t < data.trees(); ++t) {
    double most = 0;
    for (auto leaf = static_cast<std::size_t>(data.leaf_begin[t]);
         leaf < static_cast<std::size_t>(data.leaf_begin[t + 1]); ++leaf) {
      most = std::max(most, std::abs(data.leaves[leaf]));
    }
    sum += most;
  }
  return sum;
}

// Throws kInvalidArgument.
std::unique_ptr<Ranker> assembled(const RankerParts& parts, const std::vector<Source>& sources,
                                  const models::Context& context) {
  check_argument(parts.depth >= 1 && parts.depth <= kMaxK, "ranker: depth must be from 1 to ",
                 kMaxK, ", not ", parts.depth);
  const ranking::Forest& forest = *parts.forest;
  check_argument(forest.outputs() == 1, "ranker: its forest has ", forest.outputs(),
                 " outputs; an order needs one score");
  check_argument(forest.num_features() == parts.names.size(), "ranker: its forest has ",
                 forest.num_features(), " columns, but there are names for ", parts.names.size());
  check_argument(!parts.calibration || parts.calibration->outputs() == 1,
                 "ranker: a calibration of ", parts.calibration ? parts.calibration->outputs() : 0,
                 " outputs; its forest has one");
  constexpr double kMost = std::numeric_limits<float>::max();
  check_argument(largest_score(forest.data()) < kMost, "ranker: its scores are beyond a float");
  const FeatureBasis basis =
      feature_basis(sources, context, parts.attributes, parts.profiles, parts.segments.get());
  std::unique_ptr<Ranker> out(new Ranker{.forest = parts.forest,
                                         .features = CandidateFeatures(basis, parts.names),
                                         .attributes = parts.attributes,
                                         .depth = parts.depth,
                                         .wanted = std::vector<std::uint8_t>(parts.names.size()),
                                         .needs_source = std::vector<std::uint8_t>(sources.size()),
                                         .explainer = nullptr,
                                         .calibration = parts.calibration});
  for (const ranking::SplitNode& node : forest.data().nodes) {
    out->wanted[static_cast<std::size_t>(node.feature)] = 1;
  }
  for (std::size_t c = 0; c < out->features.size(); ++c) {
    const auto source = out->features.source(c);
    if (source && out->wanted[c] != 0) out->needs_source[*source] = 1;
  }
  auto explainer = std::make_unique<const ranking::ShapExplainer>(parts.forest);
  if (explainer->has_covers()) out->explainer = std::move(explainer);
  return out;
}

}  // namespace

FeatureBasis feature_basis(const std::vector<Source>& sources, const models::Context& context,
                           std::shared_ptr<const data::AttributeTable> attributes,
                           std::shared_ptr<const features::Profiles> profiles,
                           const features::SegmentRules* segments) {
  check_argument(!attributes || attributes->rows() == context.items.size(),
                 "ranker: attributes of ", attributes ? attributes->rows() : 0, " items for ",
                 context.items.size());
  FeatureBasis basis;
  for (const Source& source : sources) basis.sources.push_back(source.name);
  basis.facts = std::make_shared<const ItemFacts>(ItemFacts::of(context.history, context.as_of));
  basis.attributes = std::move(attributes);
  basis.items = context.items;
  basis.profiles = std::move(profiles);
  if (segments != nullptr) basis.segments = segments->names();
  return basis;
}

void save_ranker(bundle::Writer& writer, const RankerParts& parts,
                 const std::vector<Source>& sources, const models::Context& context) {
  (void)assembled(parts, sources, context);
  models::save_meta(writer, kPrefix,
                    {{"depth", parts.depth}, {"attributes", parts.attributes != nullptr}});
  writer.add_text(concat(kPrefix, "/features"), nlohmann::json(parts.names).dump());
  if (parts.attributes) parts.attributes->save(writer, concat(kPrefix, "/attributes"));
  parts.forest->save(writer, concat(kPrefix, "/forest"));
  if (parts.calibration) parts.calibration->save(writer, concat(kPrefix, kCalibration));
}

std::unique_ptr<const Ranker> load_ranker(const std::shared_ptr<const bundle::Reader>& reader,
                                          const std::vector<Source>& sources,
                                          const models::Context& context,
                                          std::shared_ptr<const features::Profiles> profiles,
                                          std::shared_ptr<const features::SegmentRules> segments) {
  if (!reader->has(concat(kPrefix, "/meta"))) return nullptr;
  const models::Meta meta(*reader, kPrefix);
  RankerParts parts;
  parts.profiles = std::move(profiles);
  parts.segments = std::move(segments);
  parts.depth = meta.integer<std::size_t>("depth", 1, static_cast<std::int64_t>(kMaxK));
  const auto names =
      nlohmann::json::parse(reader->text(concat(kPrefix, "/features")), nullptr, false);
  meta.require(names.is_array() && names.size() <= ranking::kMaxFeatures, "features");
  for (const nlohmann::json& name : names) {
    meta.require(name.is_string(), "features (a name is not a text)");
    parts.names.push_back(name.get<std::string>());
  }
  if (meta.flag("attributes")) {
    parts.attributes = std::make_shared<const data::AttributeTable>(
        data::AttributeTable::load(*reader, concat(kPrefix, "/attributes"), context.items.size()));
  }
  parts.forest = ranking::Forest::load(reader, concat(kPrefix, "/forest"));
  if (reader->has(concat(kPrefix, kCalibration, "/meta"))) {
    parts.calibration = ranking::Calibration::load(reader, concat(kPrefix, kCalibration));
  }
  std::unique_ptr<Ranker> out;
  meta.require_valid([&] { out = assembled(parts, sources, context); });
  return out;
}

}  // namespace penchant::engine
