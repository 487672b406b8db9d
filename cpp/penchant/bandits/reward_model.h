#pragma once

// What policies believe of rewards, and how belief grows: the seam between the rules that choose
// (rules.h) and the models they choose by. One file each: disjoint_model.cc, shared_model.cc,
// hybrid_model.cc, joint_model.cc, tally_model.cc; to add one, derive and name it in
// make_reward_model.
//
//   auto model = make_reward_model(options);
//   model->ensure_arms(100);
//   model->learn(lesson);  model->refresh(threads);
//   model->beliefs(ask, first, rows, mean, spread);

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "penchant/bandits/options.h"
#include "penchant/bandits/policy.h"
#include "penchant/base/random.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bandits {

// One event, ready to be added or taken back.
struct Lesson {
  std::span<const double> context{};  // [dimension]
  std::size_t arm = 0;
  std::span<const double> features{};  // [arm_dimension]
  double reward = 0;
  double root = 1;              // square root of its weight: multiplies context and reward
  std::int64_t copies = 1;      // from 0 up
  std::int64_t age = 0;         // taken back: events since, where they fade
  std::int64_t age_of_all = 0;  // in hybrid models: of all arms
};

// Which random numbers draws of coefficients are made from.
struct PosteriorDraws {
  std::uint64_t seed = 0;
  std::uint64_t id = 0;  // of the decision
  std::size_t count = 1;
  double scale = 1;  // times the posterior's deviations
};

// The generator of draw number `draw`, one step a coefficient.
[[nodiscard]] inline Philox generator_of(const PosteriorDraws& draws, std::size_t draw) {
  constexpr std::uint32_t kStreamPosterior = 0x42410000;  // "BA", then the draw's number
  return {draws.seed, kStreamPosterior + static_cast<std::uint32_t>(draw)};
}

class RewardModel {
 public:
  virtual ~RewardModel() = default;
  [[nodiscard]] virtual std::unique_ptr<RewardModel> clone() const = 0;

  virtual void ensure_arms(std::size_t arms) = 0;

  // Throws kInvalidArgument, naming the column, on a lesson that can't be learnt.
  virtual void check(const Lesson& lesson) = 0;
  virtual void learn(const Lesson& lesson) = 0;                     // refresh makes it count
  virtual void take_back(const Lesson& lesson) = 0;                 // likewise
  [[nodiscard]] virtual bool plausible(std::size_t arm) const = 0;  // see LinearSums
  virtual void refresh(int threads) = 0;

  // Of the rows first, ..., first + rows - 1 of the candidates: mean and spread [rows, arms], the
  // spread being the variance; of a tally, sums of rewards and numbers of events. A spread that is
  // not wanted is null.
  virtual void beliefs(const Candidates& ask, std::size_t first, std::size_t rows, double* mean,
                       double* spread) const = 0;

  // Whether arms are independent given the beliefs.
  [[nodiscard]] virtual bool independent() const { return true; }

  // Scores [draws, arms] of one row under draws of the coefficients. Only for models whose arms
  // depend on each other.
  virtual void draw_scores(const Candidates& ask, std::size_t row, const PosteriorDraws& draws,
                           double* scores) const;

  [[nodiscard]] virtual std::size_t memory_bytes() const = 0;
  virtual void save(bundle::Writer& writer, const std::string& prefix) const = 0;
  // Into a fresh model of the same options with `arms` arms. Throws kCorruptBundle.
  virtual void load(const bundle::Reader& reader, const std::string& prefix, std::size_t arms) = 0;
};

[[nodiscard]] std::unique_ptr<RewardModel> make_reward_model(const PolicyOptions& options);

}  // namespace penchant::bandits
