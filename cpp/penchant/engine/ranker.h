#pragma once

// The part of a bundle that puts candidates in order: a forest over their features.
//
//   save_ranker(writer, parts, sources, *context);           // "ranker/..."
//   const auto ranker = load_ranker(reader, sources, *context);
//   ranker->features.fill(work, work.chosen, rows, ranker->wanted);

#include <memory>
#include <string>
#include <vector>

#include "penchant/bundle/bundle.h"
#include "penchant/data/attributes.h"
#include "penchant/engine/candidate_features.h"
#include "penchant/features/segment_rules.h"
#include "penchant/models/context.h"
#include "penchant/ranking/calibration.h"
#include "penchant/ranking/forest.h"
#include "penchant/ranking/shap.h"

namespace penchant::engine {

struct Source;

// What a ranker is made of, before it is in a bundle.
struct RankerParts {
  std::shared_ptr<const ranking::Forest> forest;
  std::vector<std::string> names;                          // of the forest's columns
  std::shared_ptr<const data::AttributeTable> attributes;  // a row an item; null: none
  std::size_t depth = 100;  // candidates, the best by the blend, that are put in order
  std::shared_ptr<const features::Profiles> profiles = {};      // of the funnel; null: none
  std::shared_ptr<const features::SegmentRules> segments = {};  // likewise
  // From the forest's raw score to the probability that the item is taken; null: none.
  std::shared_ptr<const ranking::Calibration> calibration = {};
};

struct Ranker {
  std::shared_ptr<const ranking::Forest> forest;
  CandidateFeatures features;  // one a column of the forest
  std::shared_ptr<const data::AttributeTable> attributes;
  std::size_t depth = 0;
  std::vector<std::uint8_t> wanted;        // [features], 1: a split of the forest asks for it
  std::vector<std::uint8_t> needs_source;  // [sources], 1: a wanted feature reads its scores
  // Null where the forest does not say what training rows it saw.
  std::unique_ptr<const ranking::ShapExplainer> explainer;
  std::shared_ptr<const ranking::Calibration> calibration;  // null: scores only
};

[[nodiscard]] FeatureBasis feature_basis(const std::vector<Source>& sources,
                                         const models::Context& context,
                                         std::shared_ptr<const data::AttributeTable> attributes,
                                         std::shared_ptr<const features::Profiles> profiles,
                                         const features::SegmentRules* segments = nullptr);

// Writes "ranker/meta", "/features", "/forest/..." and, where there are any, "/attributes/..." and
// "/calibration/...".
// Throws kInvalidArgument when names or forest do not fit the funnel.
void save_ranker(bundle::Writer& writer, const RankerParts& parts,
                 const std::vector<Source>& sources, const models::Context& context);

// Null when the bundle has none. Throws kCorruptBundle.
[[nodiscard]] std::unique_ptr<const Ranker> load_ranker(
    const std::shared_ptr<const bundle::Reader>& reader, const std::vector<Source>& sources,
    const models::Context& context, std::shared_ptr<const features::Profiles> profiles,
    std::shared_ptr<const features::SegmentRules> segments);

}  // namespace penchant::engine
