#include "penchant/bandits/policy.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "penchant/bandits/choice.h"
#include "penchant/bandits/linear_sums.h"
#include "penchant/bandits/policy_impl.h"
#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/random.h"

namespace penchant::bandits {
namespace {

constexpr std::uint32_t kStreamDecision = 0x44454349;  // "DECI"
constexpr std::size_t kBlockRows = 24;  // a multiple of what the kernels take at once

// Believes of a block of rows, and proposes for one of them at a time.
class Proposer {
 public:
  Proposer(const Policy::Impl& policy, const Candidates& ask, const Draws& draws, std::size_t first,
           std::size_t rows)
      : policy_(policy), ask_(ask), draws_(draws), first_(first) {
    const Needs& needs = policy.needs;
    const std::size_t size = rows * ask.arms.size();
    if (!needs.mean) return;
    mean_.resize(size);
    spread_.resize(needs.spread ? size : 0);
    policy.models[0]->beliefs(ask, first, rows, mean_.data(),
                              needs.spread ? spread_.data() : nullptr);
  }

  void propose(std::size_t row, std::span<double> probability) {
    bandits::propose(policy_.options, policy_.events, beliefs(row), probability);
  }

  void propose_among(std::size_t row, std::span<const std::size_t> positions,
                     std::span<double> probability) {
    bandits::propose_among(policy_.options, policy_.events, beliefs(row), positions, probability);
  }

 private:
  RowBeliefs beliefs(std::size_t row) {
    const std::size_t arms = ask_.arms.size();
    const std::size_t at = (row - first_) * arms;
    RowBeliefs out;
    if (policy_.needs.mean) out.mean = std::span<const double>(mean_).subspan(at, arms);
    if (policy_.needs.spread) out.spread = std::span<const double>(spread_).subspan(at, arms);
    if (policy_.needs.votes) {
      if (votes_row_ != row) vote(row);
      out.votes = votes_;
    }
    return out;
  }

  void vote(std::size_t row) {
    const std::size_t arms = ask_.arms.size();
    votes_row_ = row;
    if (policy_.bagging()) {
      votes_.resize(policy_.models.size() * arms);
      for (std::size_t m = 0; m < policy_.models.size(); ++m) {
        policy_.models[m]->beliefs(ask_, row, 1, votes_.data() + m * arms, nullptr);
      }
      return;
    }
    votes_.resize(policy_.options.draws * arms);
    policy_.models[0]->draw_scores(ask_, row,
                                   {.seed = policy_.options.seed,
                                    .id = draws_.ids[row],
                                    .count = policy_.options.draws,
                                    .scale = policy_.options.scale},
                                   votes_.data());
  }

  const Policy::Impl& policy_;
  const Candidates& ask_;
  const Draws& draws_;
  std::size_t first_;
  std::vector<double> mean_;
  std::vector<double> spread_;
  std::vector<double> votes_;
  std::size_t votes_row_ = static_cast<std::size_t>(-1);
};

// Arms of a row that may still be shown.
class OpenArms {
 public:
  OpenArms(const Candidates& ask, std::size_t row) : closed_(ask.arms.size(), 0) {
    if (ask.blocked.empty()) return;
    const auto blocked = ask.blocked.subspan(row * closed_.size(), closed_.size());
    std::copy(blocked.begin(), blocked.end(), closed_.begin());
  }
  void close(std::size_t position) { closed_[position] = 1; }
  [[nodiscard]] std::span<const std::uint8_t> closed() const { return closed_; }
  [[nodiscard]] std::vector<std::size_t> positions() const {
    std::vector<std::size_t> out;
    for (std::size_t a = 0; a < closed_.size(); ++a) {
      if (closed_[a] == 0) out.push_back(a);
    }
    return out;
  }

 private:
  std::vector<std::uint8_t> closed_;
};

// The proposal that every row of a call gets, where contexts are ignored; else nothing.
std::vector<double> common_proposal(const Policy::Impl& policy, const Candidates& ask,
                                    const Draws& draws) {
  if (!policy.ignores_contexts() || ask.contexts.rows == 0) return {};
  std::vector<double> p(ask.arms.size());
  Proposer(policy, ask, draws, 0, 1).propose(0, p);
  return p;
}

// What the first slot of a row is drawn from.
void first_slot(const PolicyOptions& options, Proposer& proposer, std::size_t row,
                std::span<const double> common, const OpenArms& open, std::span<double> p) {
  if (common.empty()) {
    proposer.propose(row, p);
  } else {
    std::copy(common.begin(), common.end(), p.begin());
  }
  if (!guard(p, open.closed())) proposer.propose_among(row, open.positions(), p);
  mix_floor(p, open.closed(), options.min_probability);
}

double sum_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

// Draws the slots of one row from p, which is used up.
void fill_slots(const PolicyOptions& options, Proposer& proposer, std::size_t row, OpenArms& open,
                std::uint64_t id, std::span<double> p, std::span<std::int32_t> position,
                std::span<double> propensity) {
  const Philox random(options.seed, kStreamDecision);
  for (std::size_t slot = 0; slot < position.size(); ++slot) {
    if (!(sum_of(p) > 0)) {
      proposer.propose_among(row, open.positions(), p);
      mix_floor(p, open.closed(), options.min_probability);
    }
    const std::size_t chosen = draw(p, random.uniform(id, static_cast<std::uint32_t>(slot)));
    position[slot] = static_cast<std::int32_t>(chosen);
    propensity[slot] = std::min(1.0, p[chosen] / sum_of(p));
    p[chosen] = 0;
    open.close(chosen);
  }
}

}  // namespace

Policy::Impl::Impl(const PolicyOptions& given) : options(given), needs(needs_of(given)) {
  check_options(options);
  const std::size_t count = bagging() ? options.replicas : 1;
  for (std::size_t m = 0; m < count; ++m) models.push_back(make_reward_model(options));
}

Policy::Impl::Impl(const Impl& other)
    : options(other.options),
      needs(other.needs),
      arms(other.arms),
      events(other.events),
      next_event(other.next_event),
      linearized(other.linearized) {
  other.settle(1);
  for (const auto& model : other.models) models.push_back(model->clone());
}

Policy::Policy(const PolicyOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Policy::Policy(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Policy::~Policy() = default;
Policy::Policy(Policy&&) noexcept = default;
Policy& Policy::operator=(Policy&&) noexcept = default;
Policy Policy::clone() const { return Policy(std::make_unique<Impl>(*impl_)); }

const PolicyOptions& Policy::options() const { return impl_->options; }
std::size_t Policy::arms() const { return impl_->arms; }
std::int64_t Policy::events() const { return impl_->events; }
std::uint64_t Policy::event_ids() const { return impl_->next_event; }

std::size_t Policy::memory_bytes() const {
  impl_->settle(1);
  std::size_t bytes = impl_->linearized.size() * (sizeof(Impl::Linearized) + 48);
  for (const auto& model : impl_->models) bytes += model->memory_bytes();
  return bytes;
}

void Policy::ensure_arms(std::size_t arms) {
  check_argument(arms < (std::size_t{1} << 31), "policy: ", arms, " arms are more than 2^31");
  impl_->arms = std::max(impl_->arms, arms);
  for (const auto& model : impl_->models) model->ensure_arms(impl_->arms);
}

void Policy::Impl::check_candidates(const Candidates& ask, const Draws& draws) const {
  const std::size_t rows = ask.contexts.rows;
  const std::size_t count = ask.arms.size();
  check_argument(count > 0, "policy: there are no arms to choose from");
  check_argument(draws.ids.size() == rows, "policy: ", draws.ids.size(), " decision ids for ", rows,
                 " contexts");
  if (!ignores_contexts()) {
    check_argument(ask.contexts.columns == options.dimension, "contexts have ",
                   ask.contexts.columns, " columns, the policy has learnt ", options.dimension);
    for (std::size_t i = 0; i < rows * options.dimension; ++i) {
      check_argument(std::abs(ask.contexts.data[i]) <= kMostInput, "contexts, row ",
                     i / options.dimension, ", column ", i % options.dimension, ": ",
                     ask.contexts.data[i], " is not finite or not within +-", kMostInput);
    }
    const std::size_t width = options.arm_dimension;
    check_argument(
        ask.features.size() == count * width || ask.features.size() == rows * count * width,
        "arm features must be [", count, ", ", width, "] or [", rows, ", ", count, ", ", width,
        "]; got ", ask.features.size(), " numbers");
    for (std::size_t i = 0; i < ask.features.size(); ++i) {
      check_argument(std::abs(ask.features[i]) <= kMostInput, "arm features, row ", i / width,
                     ", column ", i % width, ": ", ask.features[i],
                     " is not finite or not within +-", kMostInput);
    }
  }
  std::vector<std::int32_t> sorted(ask.arms.begin(), ask.arms.end());
  if (!std::is_sorted(sorted.begin(), sorted.end())) std::sort(sorted.begin(), sorted.end());
  check_argument(sorted.front() >= kNewArm && sorted.back() < static_cast<std::int64_t>(arms),
                 "arm ", sorted.front() < kNewArm ? sorted.front() : sorted.back(),
                 " is not among the ", arms, " of the policy");
  for (std::size_t a = 1; a < count; ++a) {
    check_argument(sorted[a] == kNewArm || sorted[a] != sorted[a - 1], "arm ", sorted[a],
                   " comes twice");
  }
  check_argument(draws.slots >= 1 && draws.slots <= count, "k is ", draws.slots, " slots for ",
                 count, " arms");
  check_argument(ask.blocked.empty() || ask.blocked.size() == rows * count, "blocked must be [",
                 rows, ", ", count, "]");
  for (std::size_t row = 0; row < rows && !ask.blocked.empty(); ++row) {
    const auto mask = ask.blocked.subspan(row * count, count);
    const auto left = static_cast<std::size_t>(std::count(mask.begin(), mask.end(), 0));
    check_argument(left >= draws.slots, "row ", row, ": ", left, " arms are left for ", draws.slots,
                   " slots after what is blocked");
  }
}

void Policy::propose(const Candidates& ask, const Draws& draws,
                     std::span<double> probabilities) const {
  impl_->check_candidates(ask, draws);
  const std::size_t arms = ask.arms.size();
  const std::size_t rows = ask.contexts.rows;
  check_argument(probabilities.size() == rows * arms, "policy: probabilities must be [", rows, ", ",
                 arms, "]");
  impl_->settle(draws.threads);
  const std::vector<double> common = common_proposal(*impl_, ask, draws);
  parallel_blocks(rows, kBlockRows, draws.threads, [&](const Block& block) {
    Proposer proposer(*impl_, ask, draws, block.begin, block.end - block.begin);
    for (std::size_t row = block.begin; row < block.end; ++row) {
      first_slot(impl_->options, proposer, row, common, OpenArms(ask, row),
                 probabilities.subspan(row * arms, arms));
    }
  });
}

Decisions Policy::decide(const Candidates& ask, const Draws& draws) const {
  impl_->check_candidates(ask, draws);
  const std::size_t arms = ask.arms.size();
  const std::size_t rows = ask.contexts.rows;
  const std::size_t slots = draws.slots;
  Decisions out{.position = std::vector<std::int32_t>(rows * slots),
                .propensity = std::vector<double>(rows * slots)};
  impl_->settle(draws.threads);
  const std::vector<double> common = common_proposal(*impl_, ask, draws);
  parallel_blocks(rows, kBlockRows, draws.threads, [&](const Block& block) {
    Proposer proposer(*impl_, ask, draws, block.begin, block.end - block.begin);
    std::vector<double> p(arms);
    for (std::size_t row = block.begin; row < block.end; ++row) {
      OpenArms open(ask, row);
      first_slot(impl_->options, proposer, row, common, open, p);
      fill_slots(impl_->options, proposer, row, open, draws.ids[row], p,
                 std::span(out.position).subspan(row * slots, slots),
                 std::span(out.propensity).subspan(row * slots, slots));
    }
  });
  return out;
}

}  // namespace penchant::bandits
