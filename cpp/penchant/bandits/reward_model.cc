#include "penchant/bandits/reward_model.h"

#include "penchant/bandits/models.h"
#include "penchant/bandits/rules.h"
#include "penchant/base/error.h"

namespace penchant::bandits {

void RewardModel::draw_scores(const Candidates& /*ask*/, std::size_t /*row*/,
                              const PosteriorDraws& /*draws*/, double* /*scores*/) const {
  fail(ErrorKind::kInvalidArgument, "arms of this model are independent; nothing is drawn jointly");
}

std::unique_ptr<RewardModel> make_reward_model(const PolicyOptions& options) {
  const Needs needs = needs_of(options);
  if (needs.tally || options.kind == PolicyKind::kUniform) return make_tally_model(options);
  switch (options.model) {
    case ModelKind::kDisjoint:
      return make_disjoint_model(options, needs.spread);
    case ModelKind::kShared:
      return make_shared_model(options, needs.spread || needs.draws);
    case ModelKind::kHybrid:
      return make_hybrid_model(options);
    case ModelKind::kJoint:
      return make_joint_model(options);
  }
  fail(ErrorKind::kInvalidArgument, "no such model of rewards");
}

}  // namespace penchant::bandits
