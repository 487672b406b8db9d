#pragma once

// Which features may be asked for together: those on a path from the root lie within one group
// (LightGBM's interaction_constraints). A feature may be in several groups; one in none is left
// out.
//
//   const InteractionGroups groups({{0, 1}, {1, 2}}, 3);
//   auto path = groups.after(groups.root(), 0);      // the groups that hold 0
//   groups.allows(path, 2);                          // false

#include <cstdint>
#include <vector>

#include "penchant/base/error.h"

namespace penchant::ranking {

class InteractionGroups {
 public:
  using Path = std::vector<std::uint64_t>;  // bit g: group g holds every feature of the path

  // No groups: everything goes with everything.
  InteractionGroups(const std::vector<std::vector<std::int32_t>>& groups, std::size_t features)
      : words_((groups.size() + 63) / 64), of_feature_(words_ == 0 ? 0 : features, Path(words_)) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
      for (const std::int32_t f : groups[g]) {
        check_argument(f >= 0 && static_cast<std::size_t>(f) < features, "interaction: feature ", f,
                       " of ", features);
        of_feature_[static_cast<std::size_t>(f)][g / 64] |= std::uint64_t{1} << (g % 64);
      }
    }
  }

  [[nodiscard]] Path root() const { return Path(words_, ~std::uint64_t{0}); }

  [[nodiscard]] Path after(Path path, std::size_t feature) const {
    for (std::size_t w = 0; w < words_; ++w) path[w] &= of_feature_[feature][w];
    return path;
  }

  [[nodiscard]] bool allows(const Path& path, std::size_t feature) const {
    for (std::size_t w = 0; w < words_; ++w) {
      if ((path[w] & of_feature_[feature][w]) != 0) return true;
    }
    return words_ == 0;
  }

 private:
  std::size_t words_;
  std::vector<Path> of_feature_;
};

}  // namespace penchant::ranking
