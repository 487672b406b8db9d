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
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// A way to change the weights, shared by the estimators that change them alike.
struct Weighting {
  WeightShape shape;
  double parameter;

  friend bool operator==(const Weighting&, const Weighting&) = default;
};

// Which column of the bootstrap's table an estimator finds its parts in.
struct Places {
  std::size_t plain = 0;   // of an estimator that is a mean
  std::size_t direct = 0;  // of a normalized one: its parts
  std::size_t part = 0;
  std::size_t weight = 0;
};

// What is asked, prepared once.
struct Plan {
  std::vector<OffPolicyEstimator> estimators;
  std::vector<Weighting> weightings;
  std::vector<std::size_t> weighting;  // [estimators] kNoRound: unweighted
  std::vector<Places> places;          // [estimators]
  std::size_t columns = 0;             // of the table; the first is all ones

  [[nodiscard]] bool weighted(std::size_t e) const { return weighting[e] != kNoRound; }
};

Plan make_plan(std::span<const OffPolicyEstimator> estimators) {
  Plan plan;
  plan.estimators.assign(estimators.begin(), estimators.end());
  std::vector<std::size_t> weight_place;
  std::size_t direct_place = 0;
  plan.columns = 1;
  for (const OffPolicyEstimator& estimator : estimators) {
    const Weighting wanted{estimator.shape, estimator.parameter};
    std::size_t weighting = kNoRound;
    if (estimator.shape != WeightShape::kNone) {
      const auto found = std::find(plan.weightings.begin(), plan.weightings.end(), wanted);
      weighting = static_cast<std::size_t>(found - plan.weightings.begin());
      if (found == plan.weightings.end()) {
        plan.weightings.push_back(wanted);
        weight_place.push_back(0);
      }
    }
    Places places;
    if (estimator.normalized) {
      if (estimator.modelled && direct_place == 0) direct_place = plan.columns++;
      if (weight_place[weighting] == 0) weight_place[weighting] = plan.columns++;
      places = {0, direct_place, plan.columns++, weight_place[weighting]};
    } else {
      places.plain = plan.columns++;
    }
    plan.weighting.push_back(weighting);
    plan.places.push_back(places);
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

// One block's sums of one estimator. Of a mean, `first` is of its rounds' values; of a normalized
// one, of D (0 without a model), and the products are those of its three parts.
struct EstimatorSums {
  Moment first;
  Moment part;
  double first_part = 0;
  double first_weight = 0;
  double part_weight = 0;
  Extremes first_range;
  Extremes part_range;
  Largest largest;
};

struct BlockSums {
  std::vector<EstimatorSums> estimators;
  std::vector<Moment> weightings;
  Moment weight;  // plain
  Largest heaviest;
  std::size_t bad_round = kNoRound;
};

// Buffers of a thread's block.
struct Scratch {
  RoundColumns columns;
  std::vector<std::vector<double>> shaped;  // [weightings][rounds]
  std::vector<double> part;
  std::vector<double> value;
};

void shape_weights(const Weighting& weighting, const RoundColumns& columns,
                   std::vector<double>& out) {
  const auto& w = columns.weight;
  const double parameter = weighting.parameter;
  const auto fill = [&](const auto& shaped) {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = shaped(w[i]);
  };
  switch (weighting.shape) {
    case WeightShape::kSwitch:
      return fill([=](double x) { return x <= parameter ? x : 0.0; });
    case WeightShape::kShrink:
      if (parameter == kInfinity) return fill([](double x) { return x; });
      return fill([=](double x) {
        const double base = x * x + parameter;
        return base > 0 ? parameter * x / base : 0.0;
      });
    case WeightShape::kSubGaussian:
      return fill([=](double x) {
        const double base = 1 - parameter + parameter * x;
        return base > 0 ? x / base : 0.0;
      });
    case WeightShape::kMarginal:
      std::copy(columns.marginal.begin(), columns.marginal.end(), out.begin());
      return;
    default:
      return fill([=](double x) { return x < parameter ? x : parameter; });
  }
}

EstimatorSums sum_mean(const OffPolicyEstimator& estimator, Scratch& scratch,
                       const std::vector<double>* weight, std::size_t first_row) {
  const RoundColumns& columns = scratch.columns;
  auto& value = scratch.value;
  EstimatorSums out;
  if (weight == nullptr) {
    std::copy(columns.direct.begin(), columns.direct.end(), value.begin());
  } else {
    const auto& earned = estimator.modelled ? columns.residual : columns.reward;
    for (std::size_t i = 0; i < value.size(); ++i) value[i] = (*weight)[i] * earned[i];
    out.largest = Largest::of(value, first_row);
    if (estimator.modelled) {
      for (std::size_t i = 0; i < value.size(); ++i) value[i] += columns.direct[i];
    }
  }
  out.first = Moment::of(value);
  out.first_range = Extremes::of(value);
  return out;
}

EstimatorSums sum_ratio(const OffPolicyEstimator& estimator, Scratch& scratch,
                        const std::vector<double>& weight, const Moment& of_weight,
                        std::size_t first_row) {
  const RoundColumns& columns = scratch.columns;
  auto& part = scratch.part;
  const auto& earned = estimator.modelled ? columns.residual : columns.reward;
  for (std::size_t i = 0; i < part.size(); ++i) part[i] = weight[i] * earned[i];
  EstimatorSums out;
  out.part = Moment::of(part);
  out.part_range = Extremes::of(part);
  out.largest = Largest::of(part, first_row);
  out.part_weight = product_about(part, out.part.mean, weight, of_weight.mean);
  out.first.count = out.part.count;
  if (estimator.modelled) {
    out.first = Moment::of(columns.direct);
    out.first_range = Extremes::of(columns.direct);
    out.first_part = product_about(columns.direct, out.first.mean, part, out.part.mean);
    out.first_weight = product_about(columns.direct, out.first.mean, weight, of_weight.mean);
  }
  return out;
}

// The block's rows of the bootstrap's table.
void fill_table(const Plan& plan, const Scratch& scratch, std::size_t e, double* table) {
  const Places& places = plan.places[e];
  const auto put = [&](const std::vector<double>& values, std::size_t column) {
    for (std::size_t i = 0; i < values.size(); ++i) table[i * plan.columns + column] = values[i];
  };
  if (!plan.estimators[e].normalized) return put(scratch.value, places.plain);
  put(scratch.part, places.part);
  put(scratch.shaped[plan.weighting[e]], places.weight);
  if (plan.estimators[e].modelled) put(scratch.columns.direct, places.direct);
}

void sum_block(const LoggedRounds& log, const Plan& plan, const Block& block, double* table,
               Scratch& scratch, BlockSums& out) {
  const std::size_t count = block.end - block.begin;
  scratch.columns.resize(log, count);
  out.bad_round = read_rounds(log, block, scratch.columns);
  if (out.bad_round != kNoRound) return;
  if (!log.action.empty()) {
    out.weight = Moment::of(scratch.columns.weight);
    out.heaviest = Largest::of(scratch.columns.weight, block.begin);
  }
  scratch.shaped.resize(plan.weightings.size());
  for (std::size_t k = 0; k < plan.weightings.size(); ++k) {
    scratch.shaped[k].resize(count);
    shape_weights(plan.weightings[k], scratch.columns, scratch.shaped[k]);
    out.weightings.push_back(Moment::of(scratch.shaped[k]));
  }
  scratch.part.resize(count);
  scratch.value.resize(count);
  if (table != nullptr) {
    for (std::size_t i = 0; i < count; ++i) table[i * plan.columns] = 1;
  }
  for (std::size_t e = 0; e < plan.estimators.size(); ++e) {
    const OffPolicyEstimator& estimator = plan.estimators[e];
    const std::size_t k = plan.weighting[e];
    const auto* weight = plan.weighted(e) ? &scratch.shaped[k] : nullptr;
    out.estimators.push_back(
        estimator.normalized
            ? sum_ratio(estimator, scratch, *weight, out.weightings[k], block.begin)
            : sum_mean(estimator, scratch, weight, block.begin));
    if (table != nullptr) fill_table(plan, scratch, e, table);
  }
}

// Sum of products about the means, of two columns whose moments are known (as Moment::merge).
void merge_product(double& sum, double other, const Moment& x, const Moment& other_x,
                   const Moment& y, const Moment& other_y) {
  const double total = x.count + other_x.count;
  if (total == 0) return;
  sum +=
      other + (other_x.mean - x.mean) * (other_y.mean - y.mean) * (x.count * other_x.count / total);
}

void merge_sums(EstimatorSums& into, const EstimatorSums& from, const Moment& weight,
                const Moment& from_weight) {
  merge_product(into.first_part, from.first_part, into.first, from.first, into.part, from.part);
  merge_product(into.first_weight, from.first_weight, into.first, from.first, weight, from_weight);
  merge_product(into.part_weight, from.part_weight, into.part, from.part, weight, from_weight);
  into.first.merge(from.first);
  into.part.merge(from.part);
  into.first_range.merge(from.first_range);
  into.part_range.merge(from.part_range);
  into.largest.merge(from.largest);
}

BlockSums merge_blocks(const Plan& plan, std::vector<BlockSums>& blocks) {
  BlockSums all = std::move(blocks.front());
  for (std::size_t b = 1; b < blocks.size(); ++b) {
    const BlockSums& from = blocks[b];
    for (std::size_t e = 0; e < plan.estimators.size(); ++e) {
      const std::size_t k = plan.weighting[e];
      merge_sums(all.estimators[e], from.estimators[e],
                 plan.weighted(e) ? all.weightings[k] : Moment{},
                 plan.weighted(e) ? from.weightings[k] : Moment{});
    }
    for (std::size_t k = 0; k < plan.weightings.size(); ++k) {
      all.weightings[k].merge(from.weightings[k]);
    }
    all.weight.merge(from.weight);
    all.heaviest.merge(from.heaviest);
  }
  return all;
}

// (sum w)^2 / sum w^2 from the moments.
double effective_rows(const Moment& weight) {
  const double squares = weight.squares / weight.count + weight.mean * weight.mean;
  return squares > 0 ? weight.count * weight.mean * weight.mean / squares : 0.0;
}

// The estimate and what its rounds vary, before an interval is chosen.
SampleOfMean sample_of(const OffPolicyEstimator& estimator, const EstimatorSums& sums,
                       const Moment& weight) {
  SampleOfMean out{static_cast<std::size_t>(sums.first.count), sums.first.mean,
                   sums.first.variance(), sums.first_range.least, sums.first_range.most};
  if (!estimator.normalized) return out;
  const double scale = weight.mean;
  if (!(scale > 0)) {  // the target never does what was logged
    return {out.rows, kUndefined, kUndefined, kUndefined, kUndefined};
  }
  const double ratio = sums.part.mean / scale;
  out.mean += ratio;
  // Of d + (part - ratio weight) / scale, the estimate's linear part.
  const double squares =
      sums.first.squares +
      (sums.part.squares + ratio * ratio * weight.squares - 2 * ratio * sums.part_weight) /
          (scale * scale) +
      2 * (sums.first_part - ratio * sums.first_weight) / scale;
  out.variance = sums.first.count < 2 ? 0 : std::max(squares, 0.0) / (sums.first.count - 1);
  out.least += sums.part_range.least / scale;
  out.most += sums.part_range.most / scale;
  return out;
}

double resampled(const OffPolicyEstimator& estimator, const Places& places,
                 std::span<const double> sums) {
  const double rows = sums[0];
  if (!estimator.normalized) return sums[places.plain] / rows;
  const double direct = estimator.modelled ? sums[places.direct] / rows : 0.0;
  return direct + sums[places.part] / sums[places.weight];
}

Interval bootstrap_interval(const Plan& plan, std::size_t e, const Matrix<double>& sums,
                            double value, double confidence) {
  std::vector<double> draws;
  for (std::size_t d = 0; d < sums.rows(); ++d) {
    const double draw = resampled(plan.estimators[e], plan.places[e], sums.row(d));
    if (std::isfinite(draw)) draws.push_back(draw);  // a draw may take nothing that counts
  }
  return percentile_interval(value, draws, confidence);
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
  const bool resamples = options.interval == IntervalKind::kBootstrap;
  AlignedVector<double> table(resamples ? log.rounds * plan.columns : 0);
  std::vector<BlockSums> blocks((log.rounds + kRoundsPerBlock - 1) / kRoundsPerBlock);
  parallel_blocks(log.rounds, kRoundsPerBlock, options.threads, [&](const Block& block) {
    thread_local Scratch scratch;
    double* rows = resamples ? table.data() + block.begin * plan.columns : nullptr;
    sum_block(log, plan, block, rows, scratch, blocks[block.number]);
  });
  for (const BlockSums& block : blocks) {
    if (block.bad_round != kNoRound) explain_round(log, block.bad_round);
  }
  const BlockSums all = merge_blocks(plan, blocks);
  Matrix<double> sums;
  if (resamples) {
    sums = poisson_sums({table.data(), log.rounds, plan.columns},
                        {options.seed, options.resamples, options.threads});
  }
  OffPolicyEstimation out;
  for (std::size_t e = 0; e < estimators.size(); ++e) {
    const Moment weight = plan.weighted(e) ? all.weightings[plan.weighting[e]] : Moment{};
    const SampleOfMean sample = sample_of(estimators[e], all.estimators[e], weight);
    const Interval interval =
        resamples ? bootstrap_interval(plan, e, sums, sample.mean, options.confidence)
                  : mean_interval(sample, options.interval, options.confidence);
    OffPolicyEstimate estimate{sample.mean, interval.low, interval.high};
    estimate.standard_error = std::sqrt(sample.variance / static_cast<double>(sample.rows));
    estimate.effective_sample_size =
        plan.weighted(e) ? effective_rows(weight) : static_cast<double>(log.rounds);
    estimate.least = sample.least;
    estimate.most = sample.most;
    const Largest& largest = all.estimators[e].largest;
    if (largest.total > 0) {
      estimate.largest_share = largest.most / largest.total;
      estimate.largest_round = largest.row;
    }
    out.estimates.push_back(estimate);
  }
  if (!log.action.empty()) {
    out.weights = {all.weight.mean,
                   std::sqrt(all.weight.variance() / static_cast<double>(log.rounds)),
                   effective_rows(all.weight), all.heaviest.most, all.heaviest.row};
  }
  return out;
}

}  // namespace penchant::evaluation
