#pragma once

// Popularity among people of the same attributes, drawn towards that of everyone where they are
// few: what to show to someone of whom only attributes are known.
//
//   auto model = fit_segment_popular(train, table, {{"region", FeatureKind::kCategory}}, {});
//
// A person's segments are nested: those with the same value of the first attribute, of the first
// two, and so on, as far as they are known. From p_0(i), the share of people who had item i, each
// segment of n people, c(i) of whom had it, gives (empirical Bayes with m pseudo-people)
//
//   p_s(i) = (c(i) + m p_(s-1)(i)) / (n + m).
//
// People are counted as popular.h counts them; with a half-life each person counts as their latest
// event does. O(items * attributes + entries of the segments) a query.

#include <memory>
#include <string>
#include <vector>

#include "penchant/data/dataset.h"
#include "penchant/models/feature_recipe.h"
#include "penchant/models/model.h"
#include "penchant/models/popular.h"

namespace penchant::models {

struct SegmentParameters {
  PopularParameters counting = {};
  double strength = 20;  // m, positive
  int bins = 5;          // classes of an attribute that is a number
};

class SegmentPopularModel final : public Model {
 public:
  struct Parts {
    SegmentParameters parameters;
    std::vector<TokenColumn> by;
    double people = 0;                   // of everyone; not negative
    SharedArray<float> counts;           // [items], of everyone
    data::IdMap segments;                // by segment_key()
    SharedArray<double> segment_people;  // [segments], not negative
    SharedArray<std::int64_t> offsets;   // [segments + 1] into items
    SharedArray<ItemIndex> items;        // ascending in a segment
    SharedArray<float> segment_counts;   // one an entry of items
  };
  // Throws kBadData when sizes or bounds are not as above.
  explicit SegmentPopularModel(Parts parts);

  [[nodiscard]] std::string_view kind() const override { return "segment_popular"; }
  [[nodiscard]] std::size_t num_items() const override { return parts_.counts.size(); }
  [[nodiscard]] bool can_score(const Query& query) const override {
    return evidence(query) != Evidence::kNothing;
  }
  // kSegment when the first attribute's segment is one of training.
  [[nodiscard]] Evidence evidence(const Query& query) const override;
  void score_all(const Query& query, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);
  [[nodiscard]] const SegmentParameters& parameters() const { return parts_.parameters; }

 private:
  // The segments of a person, the widest first.
  [[nodiscard]] std::vector<std::size_t> segments_of(const data::Attributes* attributes) const;

  Parts parts_;
};

// A row of `table` a subject of `data`. Throws kInvalidArgument when there is nothing to go by, or
// a parameter makes no sense.
[[nodiscard]] std::shared_ptr<const Model> fit_segment_popular(
    const data::Dataset& data, const data::AttributeTable& table,
    const std::vector<FeatureRecipe::Column>& by, const SegmentParameters& parameters);

}  // namespace penchant::models
