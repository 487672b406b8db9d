#include "penchant/bindings/register.h"
#include "penchant/bindings/tree_callbacks.h"
#include "penchant/ranking/forest.h"
#include "penchant/ranking/link_name.h"
#include "penchant/ranking/nonzero_columns.h"
#include "penchant/ranking/row_check.h"
#include "penchant/ranking/trainer.h"

namespace penchant::bindings {
namespace {

using ranking::BinMapper;
using ranking::BinnedMatrix;
using ranking::Forest;
using ranking::Labels;

// Rows as bins, and the bins they were put into; held-out rows share the latter.
struct BinnedRows {
  std::shared_ptr<const BinMapper> mapper;
  BinnedMatrix matrix;
};

template <class T>
MatrixView<const T> view_of(const Array<T>& rows) {
  check_argument(rows.ndim() == 2, "rows must be an array of two dimensions, [rows, features]");
  return {rows.data(), static_cast<std::size_t>(rows.shape(0)),
          static_cast<std::size_t>(rows.shape(1))};
}

// Rows of scipy.sparse.csr_array.
template <class T>
ranking::SparseColumns<T> sparse_of(const Array<std::int64_t>& begin,
                                    const Array<std::int32_t>& index, const Array<T>& value,
                                    std::size_t columns) {
  return ranking::columns_of_csr<T>(columns, as_span(begin), as_span(index), as_span(value));
}

template <class Rows>
BinnedRows bin(const Rows& rows, const std::optional<Array<float>>& weights, int bins,
               const std::vector<std::int32_t>& categorical, std::uint64_t seed, int threads) {
  ranking::BinningParams params;
  params.max_bins = bins;
  params.categorical = categorical;
  params.seed = seed;
  params.threads = threads;
  const auto weight = weights ? as_span(*weights) : std::span<const float>();
  const py::gil_scoped_release release;
  auto mapper = std::make_shared<const BinMapper>(BinMapper::fit(rows, weight, params));
  BinnedMatrix matrix = BinnedMatrix::of(rows, *mapper, {.threads = threads});
  return {std::move(mapper), std::move(matrix)};
}

template <class T>
std::optional<ranking::SparseColumns<T>> nonzero_columns(MatrixView<const T> rows, int threads) {
  const py::gil_scoped_release release;
  return ranking::nonzero_columns(rows, threads);
}

template <class T>
BinnedRows bin_dense(const Array<T>& rows, const std::optional<Array<float>>& weights, int bins,
                     const std::vector<std::int32_t>& categorical, std::uint64_t seed,
                     int threads) {
  const auto view = view_of(rows);
  const auto cells = nonzero_columns(view, threads);
  if (cells) return bin(*cells, weights, bins, categorical, seed, threads);
  return bin(view, weights, bins, categorical, seed, threads);
}

template <class T>
BinnedRows bin_sparse(const Array<std::int64_t>& begin, const Array<std::int32_t>& index,
                      const Array<T>& value, std::size_t columns,
                      const std::optional<Array<float>>& weights, int bins,
                      const std::vector<std::int32_t>& categorical, std::uint64_t seed,
                      int threads) {
  return bin(sparse_of(begin, index, value, columns), weights, bins, categorical, seed, threads);
}

template <class T>
BinnedRows bin_held_out(const BinnedRows& binned, const Array<T>& rows, int threads) {
  const auto view = view_of(rows);
  const py::gil_scoped_release release;
  return {binned.mapper,
          BinnedMatrix::of(view, *binned.mapper, {.tiles = false, .threads = threads})};
}

template <class T>
BinnedRows bin_held_out_sparse(const BinnedRows& binned, const Array<std::int64_t>& begin,
                               const Array<std::int32_t>& index, const Array<T>& value,
                               int threads) {
  const auto rows = sparse_of(begin, index, value, binned.mapper->features());
  const py::gil_scoped_release release;
  return {binned.mapper,
          BinnedMatrix::of(rows, *binned.mapper, {.tiles = false, .threads = threads})};
}

// The constructor and held_out() from sparse rows of one type.
template <class T>
void sparse_methods(py::class_<BinnedRows>& type) {
  type.def(py::init(&bin_sparse<T>), py::arg("begin"), py::arg("index"),
           py::arg("value").noconvert(), py::arg("columns"), py::kw_only(), py::arg("weights"),
           py::arg("bins"), py::arg("categorical"), py::arg("seed"), py::arg("threads"))
      .def("held_out", &bin_held_out_sparse<T>, py::arg("begin"), py::arg("index"),
           py::arg("value").noconvert(), py::arg("threads"));
}

template <class T>
py::object find_infinite(const Array<T>& rows, int threads) {
  const auto found = ranking::find_infinite(view_of(rows), threads);
  if (!found) return py::none();
  return py::make_tuple(found->row, found->column);
}

// Sets what `options` holds; a name that nobody asks for is an error.
class Options {
 public:
  explicit Options(const py::dict& options) : options_(options) {}
  template <class T>
  void read(const char* name, T& value) {
    if (!options_.contains(name)) return;
    value = options_[name].cast<T>();
    ++read_;
  }
  void check() const {
    check_argument(read_ == options_.size(), "an option is not known to the trainer");
  }

 private:
  const py::dict& options_;
  std::size_t read_ = 0;
};

struct Recipe {
  ranking::TrainParams train;
  ranking::ObjectiveParams objective;
  std::string link = "identity";  // of an objective that is not ours
  std::vector<std::string> feature_names;
};

Recipe recipe_of(const py::dict& dict) {
  Recipe recipe;
  ranking::TrainParams& train = recipe.train;
  ranking::SplitParams& split = train.tree.split;
  ranking::ObjectiveParams& objective = recipe.objective;
  bool depth_wise = false;
  Options options(dict);
  options.read("trees", train.trees);
  options.read("learning_rate", train.learning_rate);
  options.read("row_fraction", train.row_fraction);
  options.read("top_rate", train.top_rate);
  options.read("other_rate", train.other_rate);
  options.read("feature_fraction", train.feature_fraction);
  options.read("seed", train.seed);
  options.read("early_stopping", train.early_stopping);
  options.read("leaves", train.tree.leaves);
  options.read("max_depth", train.tree.max_depth);
  options.read("depth_wise", depth_wise);
  options.read("threads", train.tree.threads);
  options.read("l1", split.l1);
  options.read("l2", split.l2);
  options.read("min_gain", split.min_gain);
  options.read("min_hessian", split.min_hessian);
  options.read("min_leaf_rows", split.min_leaf_rows);
  options.read("category_smoothing", split.category_smoothing);
  options.read("category_l2", split.category_l2);
  options.read("most_categories", split.most_categories);
  options.read("monotone", split.monotone);
  options.read("interaction", train.tree.interaction);
  options.read("link", recipe.link);
  options.read("feature_names", recipe.feature_names);
  options.read("classes", objective.classes);
  options.read("huber_delta", objective.huber_delta);
  options.read("quantile", objective.quantile);
  options.read("truncation", objective.truncation);
  options.read("normalize", objective.normalize);
  options.read("label_gains", objective.label_gains);
  options.read("ndcg_at", objective.ndcg_at);
  options.read("position_l2", objective.position_l2);
  options.read("position_bias", objective.position_bias);
  options.check();
  train.tree.growth = depth_wise ? ranking::Growth::kDepthWise : ranking::Growth::kLeafWise;
  objective.seed = train.seed;
  objective.position_rate = train.learning_rate;
  return recipe;
}

Labels labels_of(const Array<float>& target, const std::optional<Array<float>>& weight,
                 const std::optional<Array<std::int64_t>>& group_begin,
                 const std::optional<Array<std::int32_t>>& position) {
  Labels labels;
  const auto copy = [](const auto& array, auto& to) {
    const auto values = as_span(array);
    to.assign(values.begin(), values.end());
  };
  copy(target, labels.target);
  if (weight) copy(*weight, labels.weight);
  if (group_begin) copy(*group_begin, labels.group_begin);
  if (position) copy(*position, labels.position);
  return labels;
}

void check_rows(const BinnedRows& rows, const Labels& labels, const char* what) {
  check_argument(labels.target.size() == rows.matrix.rows(), labels.target.size(), " targets for ",
                 rows.matrix.rows(), " ", what);
}

// A name of ours, or derivatives of the user's own.
std::unique_ptr<ranking::Objective> objective_of(const py::object& objective, const Labels& labels,
                                                 const Recipe& recipe) {
  if (py::isinstance<py::str>(objective)) {
    return ranking::make_objective(objective.cast<std::string>(), labels, recipe.objective);
  }
  const auto link = ranking::find_link(recipe.link);
  check_argument(link.has_value(), "unknown link '", recipe.link, "'");
  const auto outputs = static_cast<std::size_t>(
      *link == ranking::Link::kSoftmax ? std::max(recipe.objective.classes, 1) : 1);
  return std::make_unique<PythonObjective>(objective, outputs, *link);
}

// What held-out rows are watched by.
struct Watched {
  std::unique_ptr<ranking::Objective> objective;
  std::optional<ranking::Metric> metric;

  Watched(const py::object& objective_in, const py::object& metric_in, const Labels& labels,
          const Recipe& recipe, const ranking::Objective& learned) {
    if (metric_in.is_none()) {
      objective = objective_of(objective_in, labels, recipe);
    } else if (py::isinstance<py::str>(metric_in)) {
      metric = ranking::make_metric(metric_in.cast<std::string>(), labels, learned.link(),
                                    learned.outputs(), recipe.objective);
    } else {
      metric = python_metric(metric_in, learned.outputs());
    }
  }

  [[nodiscard]] std::string loss_name() const {
    if (!metric) return objective->loss_name();
    return (metric->higher_is_better ? "minus_" : "") + metric->name;
  }
};

py::dict train(const BinnedRows& binned, const Labels& labels, const py::object& objective,
               const py::dict& options, const BinnedRows* held_out, const Labels* held_out_labels,
               const py::object& metric, const Forest* start,
               const std::optional<Array<double>>& start_scores,
               const std::optional<Array<double>>& held_out_start_scores,
               const py::object& progress) {
  const Recipe recipe = recipe_of(options);
  check_rows(binned, labels, "rows");
  const auto learned = objective_of(objective, labels, recipe);
  std::optional<Watched> watched;
  if (held_out != nullptr) {
    check_argument(held_out_labels != nullptr, "held-out rows need labels");
    check_rows(*held_out, *held_out_labels, "held-out rows");
    watched.emplace(objective, metric, *held_out_labels, recipe, *learned);
  }
  const auto report = [&progress](int done, int trees, std::optional<double> loss) {
    const py::gil_scoped_acquire hold;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!progress.is_none()) progress(done, trees, loss);
  };
  const auto scores_in = [](const std::optional<Array<double>>& scores) {
    return scores ? as_span(*scores) : std::span<const double>();
  };
  std::shared_ptr<Forest> forest;
  std::vector<double> losses;
  int best = 0;
  {
    const py::gil_scoped_release release;
    ranking::Trainer trainer(*binned.mapper, binned.matrix, *learned, recipe.train);
    if (start_scores) {
      trainer.start_from({.forest = start != nullptr ? &start->data() : nullptr,
                          .scores = scores_in(start_scores)});
    }
    if (watched) {
      trainer.hold_out({.bins = &held_out->matrix,
                        .objective = watched->objective.get(),
                        .metric = watched->metric ? &*watched->metric : nullptr,
                        .scores = scores_in(held_out_start_scores)});
    }
    trainer.run(report);
    losses = trainer.losses();
    best = trainer.best_step();
    ranking::ForestData data = std::move(trainer).finish();
    if (!recipe.feature_names.empty()) data.feature_names = recipe.feature_names;
    forest = std::make_shared<Forest>(std::move(data));
  }
  py::dict out;
  out["forest"] = std::move(forest);
  out["losses"] = move_to_array(std::move(losses));
  out["loss_name"] = watched ? watched->loss_name() : learned->loss_name();
  out["steps"] = best;
  const std::span<const double> bias = learned->position_bias();
  out["position_bias"] = move_to_array(std::vector<double>(bias.begin(), bias.end()));
  return out;
}

}  // namespace

void register_trees(py::module_& module) {
  py::class_<BinnedRows> type(module, "BinnedRows", "Rows as bins, ready to train on.");
  sparse_methods<float>(type);
  sparse_methods<double>(type);
  type.def(py::init(&bin_dense<float>), py::arg("rows").noconvert(), py::kw_only(),
           py::arg("weights"), py::arg("bins"), py::arg("categorical"), py::arg("seed"),
           py::arg("threads"))
      .def(py::init(&bin_dense<double>), py::arg("rows"), py::kw_only(), py::arg("weights"),
           py::arg("bins"), py::arg("categorical"), py::arg("seed"), py::arg("threads"))
      .def("held_out", &bin_held_out<float>, py::arg("rows").noconvert(), py::arg("threads"))
      .def("held_out", &bin_held_out<double>, py::arg("rows"), py::arg("threads"),
           "Other rows in the same bins.")
      .def_property_readonly("rows", [](const BinnedRows& b) { return b.matrix.rows(); })
      .def_property_readonly(
          "columns", [](const BinnedRows& b) { return b.matrix.columns(); },
          "Columns of bytes: fewer than features where sparse ones share.")
      .def("bounds", [](const BinnedRows& b, std::size_t f) {
        check_argument(f < b.mapper->features(), "feature ", f, " of ", b.mapper->features());
        std::vector<double> bounds = b.mapper->feature(f).bounds;
        return move_to_array(std::move(bounds));
      });
  module.def("find_infinite", &find_infinite<float>, py::arg("rows").noconvert(),
             py::arg("threads") = 0);
  module.def("find_infinite", &find_infinite<double>, py::arg("rows"), py::arg("threads") = 0,
             "(row, column) of the first infinite value, or None.");
  py::class_<Labels>(module, "RowLabels",
                     "What rows are to be: targets [n], and what goes with them.")
      .def(py::init(&labels_of), py::arg("target"), py::kw_only(), py::arg("weight") = py::none(),
           py::arg("group_begin") = py::none(), py::arg("position") = py::none());
  // Targets alone are labels.
  py::implicitly_convertible<py::array, Labels>();
  module.def("train_forest", &train, py::arg("rows"), py::arg("labels"), py::kw_only(),
             py::arg("objective"), py::arg("options"), py::arg("held_out") = py::none(),
             py::arg("held_out_labels") = py::none(), py::arg("metric") = py::none(),
             py::arg("start") = py::none(), py::arg("start_scores") = py::none(),
             py::arg("held_out_start_scores") = py::none(), py::arg("progress") = py::none(),
             "Boosts trees. objective: a name, or derive(scores [outputs, rows]) -> (gradients, "
             "hessians); metric: a name, or measure(scores [outputs, rows]) -> a loss; start: a "
             "forest to go on from, start_scores [outputs, rows] its scores or others. Returns "
             "forest, losses, loss_name, steps, and the bias of each position.");
}

}  // namespace penchant::bindings
