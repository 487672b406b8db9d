#pragma once

// What many people took lately: the same list for everyone, the floor every model must beat and the
// answer when nothing is known.
//
//   auto model = fit_popular(train, {.window = parse_duration("28d")});
//
// An item's score is the number of distinct subjects who had to do with it (events of positive type
// weight; an event of nobody known counts as a subject of its own), inside the window before the
// last event, each weighted 2^(-age of their last such event / half_life).

#include <memory>
#include <optional>
#include <vector>

#include "penchant/data/dataset.h"
#include "penchant/models/model.h"

namespace penchant::models {

struct PopularParameters {
  std::optional<Duration> window;     // none: all of training
  std::optional<Duration> half_life;  // none: all alike
};

class PopularModel final : public Model {
 public:
  PopularModel(PopularParameters parameters, SharedArray<float> scores)
      : parameters_(parameters), scores_(std::move(scores)) {}

  [[nodiscard]] std::string_view kind() const override { return "popular"; }
  [[nodiscard]] std::size_t num_items() const override { return scores_.size(); }
  [[nodiscard]] bool can_score(const Query& /*query*/) const override { return true; }
  [[nodiscard]] bool personal() const override { return false; }
  [[nodiscard]] bool constant() const override { return true; }
  void score_all(const Query& query, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);
  [[nodiscard]] const PopularParameters& parameters() const { return parameters_; }

 private:
  PopularParameters parameters_;
  SharedArray<float> scores_;
};

// One entry a (item, subject) pair that counts, each event of nobody known as a pair of its own,
// and what it counts; ascending by item, then subject.
struct CountedPair {
  ItemIndex item;
  UserIndex subject;
  double weight = 1;
};
[[nodiscard]] std::vector<CountedPair> counted_pairs(const data::Dataset& data,
                                                     const PopularParameters& parameters);

[[nodiscard]] std::shared_ptr<const Model> fit_popular(const data::Dataset& data,
                                                       const PopularParameters& parameters);

}  // namespace penchant::models
