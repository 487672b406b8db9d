#pragma once

// Places where a policy decides what is shown, and how they stand in a bundle.
//
// A placement either lets its policy choose among the best items of the funnel, or among offers of
// its own: banners, subject lines, hours at which to write. Every other name in a request's
// "placement" is only a name.

#include <memory>
#include <string>
#include <vector>

#include "penchant/bandits/joiner.h"
#include "penchant/bandits/policy.h"
#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"
#include "penchant/engine/context_terms.h"
#include "penchant/engine/request.h"

namespace penchant::engine {

inline constexpr std::size_t kMaxPlacements = 256;
inline constexpr std::size_t kMaxOffers = 10'000;

struct Placement {
  std::string name;
  std::vector<ExternalId> offers = {};                 // empty: items of the funnel
  Matrix<double> offer_features = {};                  // [offers, policy's arm_dimension]
  std::size_t depth = 0;                               // items: of the funnel, the best so many
  Matrix<double> item_features = {};                   // [items of the catalogue, p], or [0, 0]
  ContextTerms context = {};                           // the policy's dimension
  std::string context_json = "[]";                     // what `context` was read from
  std::shared_ptr<const bandits::Policy> policy = {};  // as it was when the bundle was written
  std::vector<ExternalId> arms = {};                   // of the policy's table, in its order
  bandits::JoinOptions join = {};                      // how rewards become what is learnt
};

// Items have two attributes of their own, before those of `item_features`, where a policy reads
// attributes of arms: the probability that they are taken, of a calibrated ranker, or else the
// share of the best candidate's score; and 1 / rank.
inline constexpr std::size_t kItemFeatures = 2;

// Writes "placements/list" and "placements/<i>/policy/...". Throws kInvalidArgument on names that
// are not distinct and on widths that don't fit the policy's.
void save_placements(bundle::Writer& writer, const std::vector<Placement>& placements);

// None where the bundle has none. `items` of the catalogue. Throws kCorruptBundle.
[[nodiscard]] std::vector<Placement> load_placements(
    const std::shared_ptr<const bundle::Reader>& reader, std::size_t items);

// An id from its JSON text. Throws kBadData.
[[nodiscard]] ExternalId id_of_json(std::string_view json);

}  // namespace penchant::engine
