#include "penchant/ranking/trainer.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/ranking/forest_builder.h"

namespace penchant::ranking {
namespace {

constexpr std::uint32_t kStreamFeatures = 0x66656174;  // "feat"
constexpr std::size_t kBlockRows = 8'192;
// Of a leaf, in size: the scores of any number of trees are then finite, so that they have an
// order.
constexpr double kMostLeaf = 1e300;

// Scores of rows that are not in leaf lists, by output.
struct Scored {
  AlignedVector<double> scores;  // [outputs, rows]

  void start(std::size_t rows, const std::vector<double>& base) {
    scores.clear();
    for (const double one : base) scores.insert(scores.end(), rows, one);
  }

  void start(std::span<const double> from, std::size_t rows, std::size_t outputs) {
    check_argument(from.size() == rows * outputs, from.size(), " scores to start from for ", rows,
                   " rows of ", outputs, " each");
    for (std::size_t i = 0; i < from.size(); ++i) {
      check_argument(std::isfinite(from[i]), "init_score, row ", i % rows, ": not a finite number");
    }
    scores.assign(from.begin(), from.end());
  }
};

void check_params(const TrainParams& params) {
  check_argument(params.trees >= 1 && params.trees <= 100'000, "trees must be 1 to 100000, not ",
                 params.trees);
  check_argument(params.learning_rate > 0 && std::isfinite(params.learning_rate),
                 "learning_rate must be positive");
  check_argument(params.row_fraction > 0 && params.row_fraction <= 1,
                 "row_fraction must be above 0 and at most 1");
  check_argument(params.feature_fraction > 0 && params.feature_fraction <= 1,
                 "feature_fraction must be above 0 and at most 1");
  check_argument(params.other_rate >= 0 && params.top_rate >= 0 &&
                     params.top_rate + params.other_rate <= 1 && params.top_rate < 1,
                 "top_rate and other_rate must not be negative nor add up to more than 1");
  check_argument(params.other_rate <= 0 || params.row_fraction >= 1,
                 "rows are sampled by gradients (goss) or by row_fraction, not by both");
  check_argument(params.early_stopping >= 0, "early_stopping must not be negative");
}

}  // namespace

struct Trainer::Impl {
  Impl(const BinMapper& mapper_in, const BinnedMatrix& bins_in, Objective& objective_in,
       const TrainParams& params_in)
      : mapper(mapper_in),
        bins(bins_in),
        objective(objective_in),
        params(params_in),
        grower(mapper, bins, params.tree),
        builder(mapper, objective.start(), objective.link()) {
    check_params(params);
    check_argument(
        params.other_rate <= 0 || !objective.refits_leaves(),
        "sampling by gradients (goss) wants an objective whose gradients differ, not l1, "
        "quantile or huber");
    train.start(bins.rows(), builder.base());
    gradients.resize(objective.outputs() * bins.rows());
    hessians.resize(gradients.size());
  }

  [[nodiscard]] int threads() const { return params.tree.threads; }

  void start_from(const Start& start) {
    started = true;
    train.start(start.scores, bins.rows(), objective.outputs());
    std::vector<double> base(objective.outputs(), 0.0);
    if (start.forest != nullptr) base = start.forest->base;
    check_argument(base.size() == objective.outputs(), "the forest to go on from has ", base.size(),
                   " outputs, not ", objective.outputs());
    builder = ForestBuilder(mapper, std::move(base), objective.link());
    if (start.forest == nullptr) return;
    builder.follow(*start.forest);
    check_argument(builder.trees() % objective.outputs() == 0,
                   "the forest to go on from ends within a step");
    earlier = static_cast<int>(builder.trees() / objective.outputs());
  }

  // A share of the features by lot, at least one: those of the smallest random keys.
  std::vector<std::uint8_t> draw_features(std::uint32_t tree) const {
    std::vector<std::uint8_t> used(mapper.features(), 1);
    const auto wanted = static_cast<std::size_t>(
        std::max(1.0, std::round(params.feature_fraction * static_cast<double>(used.size()))));
    if (wanted >= used.size()) return used;
    const Philox random(params.seed, kStreamFeatures);
    std::vector<std::pair<double, std::size_t>> keys;
    for (std::size_t f = 0; f < used.size(); ++f) keys.emplace_back(random.uniform(f, tree), f);
    std::nth_element(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(wanted), keys.end());
    std::fill(used.begin(), used.end(), std::uint8_t{0});
    for (std::size_t k = 0; k < wanted; ++k) used[keys[k].second] = 1;
    return used;
  }

  [[nodiscard]] SampleOptions sample_options(std::uint32_t iteration, std::uint32_t tree) const {
    SampleOptions options{.row_fraction = params.row_fraction,
                          .seed = params.seed,
                          .iteration = tree,
                          .threads = threads()};
    // Gradients say little of rows before there are some trees.
    if (static_cast<double>(iteration) * params.learning_rate < 1) return options;
    options.top_rate = params.top_rate;
    options.other_rate = params.other_rate;
    return options;
  }

  void step(std::uint32_t iteration) {
    const std::size_t rows = bins.rows();
    const Step at{iteration, threads()};
    objective.derivatives(train.scores, gradients, hessians, at);
    objective.learn(gradients, hessians, at);
    for (std::size_t o = 0; o < objective.outputs(); ++o) {
      const auto tree = static_cast<std::uint32_t>(iteration * objective.outputs() + o);
      const std::span<const float> g(gradients.data() + o * rows, rows);
      const std::span<const float> h(hessians.data() + o * rows, rows);
      const SampleOptions options = sample_options(iteration, tree);
      const Scales scales = round_pairs(g, h, options, grower.entries());
      const GrownTree& grown = grower.grow(scales, draw_features(tree));
      add(grown, o, options.all());
    }
  }

  // all_rows: the tree's leaves list every row.
  void add(const GrownTree& grown, std::size_t output, bool all_rows) {
    const std::span<double> scores(train.scores.data() + output * bins.rows(), bins.rows());
    std::vector<double> values(grown.leaf_values.size());
    parallel_blocks(values.size(), 1, threads(), [&](const Block& block) {
      const std::size_t leaf = block.begin;
      double value = grown.leaf_values[leaf];
      if (objective.refits_leaves()) {
        std::vector<std::uint32_t> rows;
        for (const auto run : grower.leaf_entries(leaf)) {
          for (const Entry& entry : run) rows.push_back(entry.row);
        }
        value = rows.empty() ? 0 : objective.leaf_value(rows, scores);
      }
      values[leaf] = params.learning_rate * value;
    });
    for (const double value : values) {
      check_argument(std::abs(value) <= kMostLeaf, "tree ", builder.trees(), ": a leaf of ", value,
                     "; learning_rate, or what derivatives say, is beyond all bounds");
    }
    if (all_rows) {
      add_to_leaves(values, scores);
    } else {
      walk(grown.bins, values, bins, scores);
    }
    if (held_out) {
      const std::size_t rows = held_out->bins->rows();
      walk(grown.bins, values, *held_out->bins, {watched.scores.data() + output * rows, rows});
    }
    builder.add(grown, values);
  }

  void add_to_leaves(const std::vector<double>& values, std::span<double> scores) const {
    // A stripe holds neighbouring rows, so each thread keeps to lines of its own.
    const auto stripes = grower.leaves_by_stripe();
    parallel_blocks(stripes.size(), 1, threads(), [&](const Block& block) {
      for (const LeafRun& run : stripes[block.begin]) {
        const double value = values[run.leaf];
        for (const Entry& entry : run.entries) scores[entry.row] += value;
      }
    });
  }

  [[nodiscard]] double held_out_loss() const {
    const Metric* const metric = held_out->metric;
    if (metric == nullptr) return held_out->objective->loss(watched.scores, threads());
    return metric->loss(metric->value(watched.scores, threads()));
  }

  void walk(const BinTree& tree, const std::vector<double>& values, const BinnedMatrix& rows,
            std::span<double> scores) const {
    parallel_blocks(rows.rows(), kBlockRows, threads(), [&](const Block& block) {
      std::size_t i = block.begin;
      for (; i + BinTree::kRowsAtOnce <= block.end; i += BinTree::kRowsAtOnce) {
        const auto leaves = tree.leaves_of(rows, i);
        for (std::size_t k = 0; k < leaves.size(); ++k) {
          scores[i + k] += values[static_cast<std::size_t>(leaves[k])];
        }
      }
      for (; i < block.end; ++i) scores[i] += values[tree.leaf_of(rows, i)];
    });
  }

  const BinMapper& mapper;
  const BinnedMatrix& bins;
  Objective& objective;
  TrainParams params;
  TreeGrower grower;
  ForestBuilder builder;
  Scored train;
  std::optional<HeldOut> held_out;
  Scored watched;
  bool started = false;
  int earlier = 0;  // steps that were there
  std::vector<double> losses;
  int best = 0;
  AlignedVector<float> gradients;
  AlignedVector<float> hessians;
};

Trainer::Trainer(const BinMapper& mapper, const BinnedMatrix& bins, Objective& objective,
                 const TrainParams& params)
    : impl_(std::make_unique<Impl>(mapper, bins, objective, params)) {}

Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;

void Trainer::start_from(const Start& start) { impl_->start_from(start); }

void Trainer::hold_out(const HeldOut& held_out) {
  check_argument(held_out.bins->features() == impl_->mapper.features(), "held-out rows have ",
                 held_out.bins->features(), " features, the training rows ",
                 impl_->mapper.features());
  impl_->held_out = held_out;
  const std::size_t rows = held_out.bins->rows();
  if (impl_->started) {
    impl_->watched.start(held_out.scores, rows, impl_->objective.outputs());
  } else {
    impl_->watched.start(rows, impl_->builder.base());
  }
}

void Trainer::run(const TrainProgress& progress) {
  Impl& impl = *impl_;
  const TrainParams& params = impl.params;
  check_argument(params.early_stopping == 0 || impl.held_out.has_value(),
                 "early_stopping needs held-out rows; give eval_set");
  // A tree takes hundreds of short loops.
  with_threads(impl.threads(), [&] {
    for (int step = 0; step < params.trees; ++step) {
      impl.step(static_cast<std::uint32_t>(impl.earlier + step));
      std::optional<double> loss;
      if (impl.held_out) {
        loss = impl.held_out_loss();
        impl.losses.push_back(*loss);
        if (*loss < impl.losses[static_cast<std::size_t>(impl.best)] || step == 0) impl.best = step;
      }
      if (progress) progress(step + 1, params.trees, loss);
      if (params.early_stopping > 0 && step - impl.best >= params.early_stopping) break;
    }
  });
}

std::span<const double> Trainer::scores() const { return impl_->train.scores; }
const std::vector<double>& Trainer::losses() const { return impl_->losses; }

int Trainer::best_step() const {
  const auto outputs = static_cast<int>(impl_->objective.outputs());
  if (impl_->params.early_stopping > 0 && !impl_->losses.empty()) {
    return impl_->earlier + impl_->best + 1;
  }
  return static_cast<int>(impl_->builder.trees()) / outputs;
}

ForestData Trainer::finish() && {
  const auto steps = static_cast<std::size_t>(best_step());
  return std::move(impl_->builder).finish(steps * impl_->objective.outputs());
}

}  // namespace penchant::ranking
