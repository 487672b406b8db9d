#include "penchant/evaluation/off_policy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/base/error.h"
#include "penchant/base/matrix.h"
#include "penchant/base/parallel.h"
#include "penchant/evaluation/off_policy_bootstrap.h"
#include "penchant/evaluation/off_policy_sums.h"

namespace penchant::evaluation {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kMostStretches = 64;
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// A way to change the weights, shared by the estimators that change them alike.
struct Weighting {
  WeightShape shape;
  double parameter;

  friend bool operator==(const Weighting&, const Weighting&) = default;
};

// Weighted rewards, or residuals of the model, shared likewise.
struct Part {
  std::size_t weighting;
  bool modelled;

  friend bool operator==(const Part&, const Part&) = default;
};

// What is asked, prepared once.
struct Plan {
  std::vector<OffPolicyEstimator> estimators;
  std::vector<Weighting> weightings;
  std::vector<Part> parts;
  std::vector<std::size_t> part;  // [estimators] kNoRound: direct_method has none
  bool modelled = false;

  [[nodiscard]] bool has_part(std::size_t e) const { return part[e] != kNoRound; }
  [[nodiscard]] std::size_t weighting(std::size_t e) const { return parts[part[e]].weighting; }

  // The bootstrap's table: ones, D where a model is used, the weights that normalize, parts; even
  // in number.
  std::vector<std::size_t> weight_column;  // [weightings] 0: none
  std::size_t first_part = 1;

  [[nodiscard]] std::size_t part_column(std::size_t p) const { return first_part + p; }
  [[nodiscard]] std::size_t columns() const { return (part_column(parts.size()) + 1) / 2 * 2; }
};

template <class T>
std::size_t find_or_add(std::vector<T>& all, const T& wanted) {
  const auto found = std::find(all.begin(), all.end(), wanted);
  const auto place = static_cast<std::size_t>(found - all.begin());
  if (found == all.end()) all.push_back(wanted);
  return place;
}

Plan make_plan(std::span<const OffPolicyEstimator> estimators) {
  Plan plan;
  plan.estimators.assign(estimators.begin(), estimators.end());
  plan.modelled = std::any_of(estimators.begin(), estimators.end(),
                              [](const OffPolicyEstimator& one) { return one.modelled; });
  plan.first_part = plan.modelled ? 2 : 1;
  for (const OffPolicyEstimator& estimator : estimators) {
    if (estimator.shape == WeightShape::kNone) {
      plan.part.push_back(kNoRound);
      continue;
    }
    const std::size_t weighting =
        find_or_add(plan.weightings, Weighting{estimator.shape, estimator.parameter});
    plan.part.push_back(find_or_add(plan.parts, Part{weighting, estimator.modelled}));
    plan.weight_column.resize(plan.weightings.size());
    std::size_t& column = plan.weight_column[weighting];
    if (estimator.normalized && column == 0) column = plan.first_part++;
  }
  return plan;
}

void check_needs(const LoggedRounds& log, const OffPolicyEstimator& estimator) {
  const auto needs = [&](bool there, std::string_view what) {
    if (there) return;
    fail(ErrorKind::kInvalidArgument,
         concat("off-policy: ", off_policy_estimator_name(estimator), " needs ", what));
  };
  needs(!estimator.modelled || log.q.has_value(), "q, a reward model's predictions");
  needs(estimator.shape == WeightShape::kNone || !log.action.empty(), "action, reward and logged");
  needs(estimator.shape != WeightShape::kMarginal || !log.marginal_weight.empty(),
        "the weights of an embedding");
}

// One block's sums. Estimators that are means have a moment of their rounds' values, normalized
// ones the products of their parts, from which the variance of the ratio follows.
struct EstimatorSums {
  Moment value;
  double direct_part = 0;
  double direct_weight = 0;
  double part_weight = 0;
};

struct BlockSums {
  Moment weight;  // plain
  Moment direct;
  std::vector<Moment> weightings;
  std::vector<Moment> parts;
  std::vector<EstimatorSums> estimators;
  std::size_t bad_round = kNoRound;
};

using Column = std::vector<double>;

// Buffers of a thread's block.
struct Scratch {
  RoundColumns columns;
  std::vector<Column> shaped;  // [weightings][rounds]
  std::vector<Column> parts;   // [parts][rounds]
  Column value;
  std::vector<double> table;
};

void shape_weights(const Weighting& weighting, const RoundColumns& columns, Column& out) {
  const Column& w = columns.weight;
  const double parameter = weighting.parameter;
  const auto fill = [&](const auto& shaped) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = shaped(w[i]);
  };
  switch (weighting.shape) {
    case WeightShape::kSwitch:
      return fill([=](double x) { return x <= parameter ? x : 0.0; });
    case WeightShape::kShrink:
      if (parameter == kInfinity) return fill([](double x) { return x; });
      if (parameter == 0) return fill([](double /*x*/) { return 0.0; });
      return fill([=](double x) { return parameter * x / (x * x + parameter); });
    case WeightShape::kSubGaussian:
      if (parameter == 1) return fill([](double x) { return x > 0 ? 1.0 : 0.0; });
      return fill([=](double x) { return x / (1 - parameter + parameter * x); });
    case WeightShape::kMarginal:
      std::copy(columns.marginal.begin(), columns.marginal.end(), out.begin());
      return;
    default:
      return fill([=](double x) { return x < parameter ? x : parameter; });
  }
}

// What all estimators share, of one block.
void sum_shared(const LoggedRounds& log, const Plan& plan, std::size_t first_row, Scratch& scratch,
                BlockSums& out) {
  const RoundColumns& columns = scratch.columns;
  const std::size_t count = scratch.value.size();
  if (!log.action.empty()) out.weight = Moment::of(columns.weight, first_row);
  if (plan.modelled) out.direct = Moment::of(columns.direct, first_row);
  scratch.shaped.resize(plan.weightings.size());
  for (std::size_t k = 0; k < plan.weightings.size(); ++k) {
    scratch.shaped[k].resize(count);
    shape_weights(plan.weightings[k], columns, scratch.shaped[k]);
    out.weightings.push_back(Moment::of(scratch.shaped[k], first_row));
  }
  scratch.parts.resize(plan.parts.size());
  for (std::size_t p = 0; p < plan.parts.size(); ++p) {
    Column& part = scratch.parts[p];
    part.resize(count);
    const Column& weight = scratch.shaped[plan.parts[p].weighting];
    const Column& earned = plan.parts[p].modelled ? columns.residual : columns.reward;
    for (std::size_t i = 0; i < count; ++i) part[i] = weight[i] * earned[i];
    out.parts.push_back(Moment::of(part, first_row));
  }
}

EstimatorSums sum_estimator(const Plan& plan, std::size_t e, const BlockSums& shared,
                            Scratch& scratch, std::size_t first_row) {
  EstimatorSums out;
  const OffPolicyEstimator& estimator = plan.estimators[e];
  if (!plan.has_part(e)) {
    out.value = shared.direct;
    return out;
  }
  const Column& part = scratch.parts[plan.part[e]];
  const Column& direct = scratch.columns.direct;
  const Moment& of_part = shared.parts[plan.part[e]];
  if (!estimator.normalized) {
    if (!estimator.modelled) {
      out.value = of_part;
      return out;
    }
    for (std::size_t i = 0; i < part.size(); ++i) scratch.value[i] = direct[i] + part[i];
    out.value = Moment::of(scratch.value, first_row);
    return out;
  }
  const Column& weight = scratch.shaped[plan.weighting(e)];
  const double mean_weight = shared.weightings[plan.weighting(e)].mean();
  out.part_weight = product_about(part, of_part.mean(), weight, mean_weight);
  if (estimator.modelled) {
    out.direct_part = product_about(direct, shared.direct.mean(), part, of_part.mean());
    out.direct_weight = product_about(direct, shared.direct.mean(), weight, mean_weight);
  }
  return out;
}

// The block's rows of the bootstrap's table, [rounds, columns].
void fill_table(const Plan& plan, Scratch& scratch) {
  const std::size_t columns = plan.columns();
  const std::size_t count = scratch.value.size();
  scratch.table.assign(count * columns, 0.0);
  double* table = scratch.table.data();
  const auto put = [&](const Column& values, std::size_t column) {
    for (std::size_t i = 0; i < count; ++i) table[i * columns + column] = values[i];
  };
  for (std::size_t i = 0; i < count; ++i) {
    table[i * columns] = 1;
    if (plan.modelled) table[i * columns + 1] = scratch.columns.direct[i];
  }
  for (std::size_t k = 0; k < plan.weightings.size(); ++k) {
    if (plan.weight_column[k] != 0) put(scratch.shaped[k], plan.weight_column[k]);
  }
  for (std::size_t p = 0; p < plan.parts.size(); ++p) put(scratch.parts[p], plan.part_column(p));
}

void sum_block(const LoggedRounds& log, const Plan& plan, const Block& block, PoissonSums* drawn,
               BlockSums& out) {
  thread_local Scratch scratch;
  const std::size_t count = block.end - block.begin;
  scratch.columns.resize(log, count);
  scratch.value.resize(count);
  out.bad_round = read_rounds(log, block, scratch.columns);
  if (out.bad_round != kNoRound) return;
  sum_shared(log, plan, block.begin, scratch, out);
  for (std::size_t e = 0; e < plan.estimators.size(); ++e) {
    out.estimators.push_back(sum_estimator(plan, e, out, scratch, block.begin));
  }
  if (drawn == nullptr) return;
  fill_table(plan, scratch);
  drawn->add(block.begin, {scratch.table.data(), count, plan.columns()});
}

void merge_estimator(const Plan& plan, std::size_t e, BlockSums& all, const BlockSums& from) {
  EstimatorSums& into = all.estimators[e];
  const EstimatorSums& other = from.estimators[e];
  into.value.merge(other.value);
  if (!plan.estimators[e].normalized) return;
  const std::size_t p = plan.part[e];
  const std::size_t k = plan.weighting(e);
  merge_product(into.part_weight, other.part_weight, all.parts[p], from.parts[p], all.weightings[k],
                from.weightings[k]);
  if (!plan.estimators[e].modelled) return;
  merge_product(into.direct_part, other.direct_part, all.direct, from.direct, all.parts[p],
                from.parts[p]);
  merge_product(into.direct_weight, other.direct_weight, all.direct, from.direct, all.weightings[k],
                from.weightings[k]);
}

BlockSums merge_blocks(const Plan& plan, const std::vector<BlockSums>& blocks) {
  BlockSums all = blocks.front();
  for (std::size_t b = 1; b < blocks.size(); ++b) {
    const BlockSums& from = blocks[b];
    for (std::size_t e = 0; e < plan.estimators.size(); ++e) merge_estimator(plan, e, all, from);
    for (std::size_t p = 0; p < plan.parts.size(); ++p) all.parts[p].merge(from.parts[p]);
    for (std::size_t k = 0; k < plan.weightings.size(); ++k) {
      all.weightings[k].merge(from.weightings[k]);
    }
    all.direct.merge(from.direct);
    all.weight.merge(from.weight);
  }
  return all;
}

struct Pass {
  std::vector<BlockSums> blocks;
  PoissonSums drawn;
};

// The resamples' sums are those of stretches of blocks, at most 64 however long the log, so that
// their memory is bounded and the order of additions is that of the work.
Pass make_pass(const LoggedRounds& log, const Plan& plan, const OffPolicyOptions& options) {
  const bool resamples = options.interval == IntervalKind::kBootstrap;
  const PoissonSums none(plan.columns(), {options.seed, resamples ? options.resamples : 1});
  const std::size_t count = (log.rounds + kRoundsPerBlock - 1) / kRoundsPerBlock;
  const std::size_t stretch = resamples ? (count + kMostStretches - 1) / kMostStretches : 1;
  std::vector<PoissonSums> drawn(resamples ? (count + stretch - 1) / stretch : 0, none);
  Pass out{std::vector<BlockSums>(count), none};
  parallel_blocks(count, stretch, options.threads, [&](const Block& part) {
    PoissonSums* sums = resamples ? &drawn[part.number] : nullptr;
    for (std::size_t b = part.begin; b < part.end; ++b) {
      const std::size_t begin = b * kRoundsPerBlock;
      const Block rows{begin, std::min(begin + kRoundsPerBlock, log.rounds), b};
      sum_block(log, plan, rows, sums, out.blocks[b]);
    }
  });
  for (const PoissonSums& sums : drawn) out.drawn.merge(sums);
  return out;
}

// (sum w)^2 / sum w^2 from the moments.
double effective_rows(const Moment& weight) {
  const double squares = weight.told.squares / weight.count + weight.mean() * weight.mean();
  return squares > 0 ? weight.count * weight.mean() * weight.mean() / squares : 0.0;
}

SampleOfMean sample_of_mean(const Moment& value) {
  return {static_cast<std::size_t>(value.count), value.mean(), value.variance(), value.told.least,
          value.told.most};
}

// Of the ratio's linear part d + (part - ratio weight) / scale.
SampleOfMean sample_of_ratio(const EstimatorSums& sums, const Moment& direct, const Moment& part,
                             const Moment& weight) {
  const auto rows = static_cast<std::size_t>(part.count);
  const double scale = weight.mean();
  if (!(scale > 0)) {  // the target never does what was logged
    return {rows, kUndefined, kUndefined, kUndefined, kUndefined};
  }
  const double ratio = part.mean() / scale;
  const double squares =
      direct.told.squares +
      (part.told.squares + ratio * ratio * weight.told.squares - 2 * ratio * sums.part_weight) /
          (scale * scale) +
      2 * (sums.direct_part - ratio * sums.direct_weight) / scale;
  return {rows, direct.mean() + ratio,
          rows < 2 ? 0 : std::max(squares, 0.0) / static_cast<double>(rows - 1),
          direct.told.least + part.told.least / scale, direct.told.most + part.told.most / scale};
}

SampleOfMean sample_of(const Plan& plan, std::size_t e, const BlockSums& all) {
  const OffPolicyEstimator& estimator = plan.estimators[e];
  if (!estimator.normalized) return sample_of_mean(all.estimators[e].value);
  return sample_of_ratio(all.estimators[e], estimator.modelled ? all.direct : Moment{},
                         all.parts[plan.part[e]], all.weightings[plan.weighting(e)]);
}

double resampled(const Plan& plan, std::size_t e, const PoissonSums& sums, std::size_t d) {
  const OffPolicyEstimator& estimator = plan.estimators[e];
  const double rows = sums.sum(d, 0);
  const double direct = estimator.modelled ? sums.sum(d, 1) / rows : 0.0;
  if (!plan.has_part(e)) return direct;
  const double scale =
      estimator.normalized ? sums.sum(d, plan.weight_column[plan.weighting(e)]) : rows;
  return direct + sums.sum(d, plan.part_column(plan.part[e])) / scale;
}

Interval bootstrap_interval(const Plan& plan, std::size_t e, const PoissonSums& sums, double value,
                            double confidence) {
  std::vector<double> draws;
  for (std::size_t d = 0; d < sums.resamples(); ++d) {
    const double draw = resampled(plan, e, sums, d);
    if (std::isfinite(draw)) draws.push_back(draw);  // a draw may take nothing that counts
  }
  return percentile_interval(value, draws, confidence);
}

OffPolicyEstimate finish(const Plan& plan, std::size_t e, const BlockSums& all,
                         const PoissonSums& drawn, const OffPolicyOptions& options) {
  const SampleOfMean sample = sample_of(plan, e, all);
  const Interval interval =
      options.interval == IntervalKind::kBootstrap
          ? bootstrap_interval(plan, e, drawn, sample.mean, options.confidence)
          : mean_interval(sample, options.interval, options.confidence);
  const auto rows = static_cast<double>(sample.rows);
  OffPolicyEstimate out{sample.mean, interval.low, interval.high};
  out.standard_error = std::sqrt(sample.variance / rows);
  out.effective_sample_size = rows;
  out.least = sample.least;
  out.most = sample.most;
  if (!plan.has_part(e)) return out;
  out.effective_sample_size = effective_rows(all.weightings[plan.weighting(e)]);
  const Moment& part = all.parts[plan.part[e]];
  if (part.told.total > 0) {
    out.largest_share = part.told.largest / part.told.total;
    out.largest_round = part.largest_row;
  }
  return out;
}

}  // namespace

OffPolicyEstimation estimate_off_policy(const LoggedRounds& log,
                                        std::span<const OffPolicyEstimator> estimators,
                                        const OffPolicyOptions& options) {
  check_argument(!estimators.empty(), "off-policy: no estimator was asked for");
  check_argument(options.confidence > 0 && options.confidence < 1,
                 "confidence must be between 0 and 1, like 0.95; it is ", options.confidence);
  check_lengths(log);
  for (const OffPolicyEstimator& estimator : estimators) check_needs(log, estimator);
  const Plan plan = make_plan(estimators);
  const Pass pass = make_pass(log, plan, options);
  for (const BlockSums& block : pass.blocks) {
    if (block.bad_round != kNoRound) explain_round(log, block.bad_round);
  }
  const BlockSums all = merge_blocks(plan, pass.blocks);
  OffPolicyEstimation out;
  for (std::size_t e = 0; e < estimators.size(); ++e) {
    out.estimates.push_back(finish(plan, e, all, pass.drawn, options));
  }
  if (!log.action.empty()) {
    out.weights = {all.weight.mean(),
                   std::sqrt(all.weight.variance() / static_cast<double>(log.rounds)),
                   effective_rows(all.weight), all.weight.told.largest, all.weight.largest_row};
  }
  return out;
}

}  // namespace penchant::evaluation
