#pragma once

// What an engine is made of, read from a bundle and never changed.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "penchant/bundle/bundle.h"
#include "penchant/engine/placement.h"
#include "penchant/engine/ranker.h"
#include "penchant/events/taxonomy.h"
#include "penchant/features/profiles.h"
#include "penchant/features/segment_rules.h"
#include "penchant/identity/identity.h"
#include "penchant/models/context.h"
#include "penchant/models/model.h"
#include "penchant/store/log.h"

namespace penchant::engine {

// A candidate source: a model with its place in the blend.
struct Source {
  std::string name;  // "als", or "als_2" for a second of the kind
  std::shared_ptr<const models::Model> model;
  std::size_t quota = 0;    // candidates it may put forward
  float repeat_weight = 0;  // in the blend where what was seen may be shown again
  float new_weight = 0;     // and where it may not
  std::vector<float> constant_feature =
      {};                 // of a model that is the same for every query, else empty
  float cold_weight = 0;  // with Assets::cold_start: for those who did nothing yet
};

struct Assets {
  std::shared_ptr<const bundle::Reader> reader;
  std::shared_ptr<const models::Context> context;
  std::vector<Source> sources;
  std::shared_ptr<const features::Profiles> profiles;      // null: no features were declared
  std::shared_ptr<const features::SegmentRules> segments;  // over the profiles' plan; null: none
  std::unique_ptr<const Ranker> ranker;  // null: the blend's order is the last word
  bool exclude_seen = false;             // when the request does not say
  bool cold_start = false;            // sources have weights of their own where there is no history
  std::vector<Placement> placements;  // where policies decide
  store::LogPosition decisions;       // what their policies have learnt of a log of decisions
  store::LogPosition events;          // what of a log of events was trained on
  std::shared_ptr<const events::Taxonomy> taxonomy;  // of the events that are taken
  std::string version;  // 16 hex digits over every section but the goldens, and the lineage

  [[nodiscard]] std::size_t num_items() const { return context->items.size(); }
  // What live events are linked on from. Read when it is asked for: it goes on from there.
  [[nodiscard]] bool has_identity() const;
  [[nodiscard]] bool identity_has_key() const;
  [[nodiscard]] std::unique_ptr<identity::Graph> load_identity() const;  // throws kCorruptBundle
};

// Reads "engine/meta", "engine/sources", "context/...", "sources/<i>/...", "profiles/...",
// "segments/rules", "ranker/..." and "events/taxonomy". Throws kCorruptBundle.
[[nodiscard]] std::unique_ptr<Assets> load_assets(std::shared_ptr<const bundle::Reader> reader);

// The inverse: adds the sections of these parts to a writer.
struct EngineParts {
  std::shared_ptr<const models::Context> context;
  std::vector<Source> sources;
  bool exclude_seen = false;
  bool cold_start = false;
  std::optional<RankerParts> ranker = {};
  std::shared_ptr<const features::Profiles> profiles = {};
  std::vector<Placement> placements = {};
  store::LogPosition events = {};  // trained on: live events until then are not counted again
  std::string segments = {};  // rules over the profiles' plan, as SegmentRules reads; empty: none
  std::shared_ptr<const events::Taxonomy> taxonomy = {};    // null: the built-in one
  std::shared_ptr<const identity::Identity> identity = {};  // null: subjects are as events say
};
void save_parts(bundle::Writer& writer, const EngineParts& parts);

// A finished bundle: the parts' sections, then golden requests with the answers that an engine over
// these very sections gives. `lineage_json` as in bundle::Writer.
[[nodiscard]] AlignedVector<std::byte> build_bundle(const EngineParts& parts,
                                                    const std::string& lineage_json,
                                                    const std::vector<std::string>& goldens);

// A finished bundle with these placements instead of its own, whose policies learnt from a log
// until then.
[[nodiscard]] std::shared_ptr<const bundle::Reader> with_placements(
    const bundle::Reader& reader, const std::vector<Placement>& placements,
    const store::LogPosition& decisions);

}  // namespace penchant::engine
