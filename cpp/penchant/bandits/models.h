#pragma once

// The makers behind make_reward_model. `variances`: whether spreads will be asked for, or draws.

#include <memory>
#include <string>

#include "penchant/bandits/linear_bank.h"
#include "penchant/bandits/reward_model.h"

namespace penchant::bandits {

[[nodiscard]] std::unique_ptr<RewardModel> make_disjoint_model(const PolicyOptions& options,
                                                               bool variances);
[[nodiscard]] std::unique_ptr<RewardModel> make_shared_model(const PolicyOptions& options,
                                                             bool variances);
[[nodiscard]] std::unique_ptr<RewardModel> make_hybrid_model(const PolicyOptions& options);
[[nodiscard]] std::unique_ptr<RewardModel> make_joint_model(const PolicyOptions& options);
[[nodiscard]] std::unique_ptr<RewardModel> make_tally_model(const PolicyOptions& options);

// The sums of `arms` arms into a fresh bank, refreshed. Throws kCorruptBundle.
void load_bank(const bundle::Reader& reader, const std::string& prefix, std::size_t arms,
               LinearBank& bank);

}  // namespace penchant::bandits
