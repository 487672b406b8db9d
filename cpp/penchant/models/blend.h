#pragma once

// Several models as one: a weighted sum of their scores, standardized for each query.
//
//   score(j) = sum over members m of  weight_m * (s_m(j) - mean(s_m)) / sd(s_m),
//
// mean and standard deviation over the whole catalogue, what the person has included, so that a
// score depends on nothing but the query. A member with nothing to go on, or one that scores every
// item alike, adds nothing.
//
//   RankingProblem problem(members.size(), parse_ranking_metric("ndcg@20"));
//   add_blend_rows(problem, members, pairs, people, truth, as_of, threads);
//   const auto weights = learn_weights(problem, prior, search);
//   auto model = std::make_shared<const BlendModel>(members, weights);

#include <span>
#include <vector>

#include "penchant/models/model.h"
#include "penchant/models/ranking_problem.h"

namespace penchant::models {

class BlendModel final : public Model {
 public:
  static constexpr std::size_t kMostMembers = 16;

  // Weights are finite, not negative, not all 0; members know the same items. Throws
  // kInvalidArgument.
  BlendModel(std::vector<std::shared_ptr<const Model>> members, std::vector<float> weights);

  [[nodiscard]] std::string_view kind() const override { return "blend"; }
  [[nodiscard]] std::size_t num_items() const override { return members_.front()->num_items(); }
  // Whether a member that draws on the person has something to go on: what is the same for everyone
  // would be popularity under another name. (Any member, where none is personal.)
  [[nodiscard]] bool can_score(const Query& query) const override;
  // The best that a member which counts goes on.
  [[nodiscard]] Evidence evidence(const Query& query) const override;
  void score_all(const Query& query, std::span<float> scores) const override;
  // By the member that adds most to the item's score among those that can tell.
  [[nodiscard]] ItemIndex because(const Query& query, ItemIndex item) const override;
  [[nodiscard]] bool together() const override;
  [[nodiscard]] bool personal() const override;
  [[nodiscard]] bool constant() const override;
  // The members' similarities over their largest other than the item's own, weighted and added.
  [[nodiscard]] bool similar(ItemIndex item, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);

  [[nodiscard]] std::span<const float> weights() const { return weights_; }

 private:
  std::vector<std::shared_ptr<const Model>> members_;
  std::vector<float> weights_;
};

// (scores - mean) / sd in place; all 0 where they are all alike. In a defined order.
void standardize(std::span<float> scores);

// One row a person: `people[r]` is the person's row in `pairs`, whose items are never candidates;
// truth[r] holds the catalogue's items that were held out, ascending. Candidates are the best of
// each member; features are the standardized scores.
void add_blend_rows(RankingProblem& problem,
                    const std::vector<std::shared_ptr<const Model>>& members,
                    const data::Interactions& pairs, std::span<const UserIndex> people,
                    std::span<const std::vector<ItemIndex>> truth, Timestamp as_of, int threads);

}  // namespace penchant::models
