#include "penchant/bindings/register.h"
#include "penchant/ranking/forest.h"
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

template <class T>
BinnedRows bin_rows(const Array<T>& rows, const std::optional<Array<float>>& weights, int bins,
                    const std::vector<std::int32_t>& categorical, std::uint64_t seed, int threads) {
  ranking::BinningParams params;
  params.max_bins = bins;
  params.categorical = categorical;
  params.seed = seed;
  params.threads = threads;
  const auto view = view_of(rows);
  const auto weight = weights ? as_span(*weights) : std::span<const float>();
  const py::gil_scoped_release release;
  auto mapper = std::make_shared<const BinMapper>(BinMapper::fit(view, weight, params));
  BinnedMatrix matrix = BinnedMatrix::of(view, *mapper, {.tiles = true, .threads = threads});
  return {std::move(mapper), std::move(matrix)};
}

template <class T>
BinnedRows bin_held_out(const BinnedRows& binned, const Array<T>& rows, int threads) {
  const auto view = view_of(rows);
  const py::gil_scoped_release release;
  return {binned.mapper,
          BinnedMatrix::of(view, *binned.mapper, {.tiles = false, .threads = threads})};
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
  options.read("monotone", split.monotone);
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
                 const std::optional<Array<std::int64_t>>& group_begin) {
  Labels labels;
  const auto copy = [](const auto& array, auto& to) {
    const auto values = as_span(array);
    to.assign(values.begin(), values.end());
  };
  copy(target, labels.target);
  if (weight) copy(*weight, labels.weight);
  if (group_begin) copy(*group_begin, labels.group_begin);
  return labels;
}

struct HeldOutRows {
  BinnedRows rows;
  std::unique_ptr<ranking::Objective> objective;
};

py::dict train(const BinnedRows& binned, const Array<float>& target, const std::string& objective,
               const py::dict& options, const std::optional<Array<float>>& weight,
               const std::optional<Array<std::int64_t>>& group_begin,
               const std::optional<Array<std::int32_t>>& position,
               const std::optional<BinnedRows>& held_out,
               const std::optional<Array<float>>& held_out_target,
               const std::optional<Array<float>>& held_out_weight,
               const std::optional<Array<std::int64_t>>& held_out_group_begin,
               const py::object& progress) {
  const Recipe recipe = recipe_of(options);
  check_argument(static_cast<std::size_t>(target.size()) == binned.matrix.rows(), target.size(),
                 " targets for ", binned.matrix.rows(), " rows");
  Labels labels = labels_of(target, weight, group_begin);
  if (position) {
    const auto shown = as_span(*position);
    labels.position.assign(shown.begin(), shown.end());
  }
  const auto learned = ranking::make_objective(objective, std::move(labels), recipe.objective);
  std::unique_ptr<ranking::Objective> watched;
  if (held_out) {
    check_argument(held_out_target.has_value() &&
                       static_cast<std::size_t>(held_out_target->size()) == held_out->matrix.rows(),
                   "held-out rows and targets differ in number");
    watched = ranking::make_objective(
        objective, labels_of(*held_out_target, held_out_weight, held_out_group_begin),
        recipe.objective);
  }
  const auto report = [&progress](int done, int trees, std::optional<double> loss) {
    const py::gil_scoped_acquire hold;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!progress.is_none()) progress(done, trees, loss);
  };
  std::shared_ptr<Forest> forest;
  std::vector<double> losses;
  std::vector<double> scores;
  int best = 0;
  {
    const py::gil_scoped_release release;
    ranking::Trainer trainer(*binned.mapper, binned.matrix, *learned, recipe.train);
    if (held_out) trainer.hold_out({&held_out->matrix, watched.get()});
    trainer.run(report);
    losses = trainer.losses();
    best = trainer.best_step();
    scores.assign(trainer.scores().begin(), trainer.scores().end());
    forest = std::make_shared<Forest>(std::move(trainer).finish());
  }
  py::dict out;
  out["forest"] = std::move(forest);
  out["losses"] = move_to_array(std::move(losses));
  out["loss_name"] = learned->loss_name();
  out["steps"] = best;
  out["scores"] = move_to_array(std::move(scores));
  const std::span<const double> bias = learned->position_bias();
  out["position_bias"] = move_to_array(std::vector<double>(bias.begin(), bias.end()));
  return out;
}

}  // namespace

void register_trees(py::module_& module) {
  py::class_<BinnedRows>(module, "BinnedRows", "Rows as bins, ready to train on.")
      .def(py::init(&bin_rows<float>), py::arg("rows").noconvert(), py::kw_only(),
           py::arg("weights"), py::arg("bins"), py::arg("categorical"), py::arg("seed"),
           py::arg("threads"))
      .def(py::init(&bin_rows<double>), py::arg("rows"), py::kw_only(), py::arg("weights"),
           py::arg("bins"), py::arg("categorical"), py::arg("seed"), py::arg("threads"))
      .def("held_out", &bin_held_out<float>, py::arg("rows").noconvert(), py::arg("threads"))
      .def("held_out", &bin_held_out<double>, py::arg("rows"), py::arg("threads"),
           "Other rows in the same bins.")
      .def_property_readonly("rows", [](const BinnedRows& b) { return b.matrix.rows(); })
      .def("bounds", [](const BinnedRows& b, std::size_t f) {
        check_argument(f < b.mapper->features(), "feature ", f, " of ", b.mapper->features());
        std::vector<double> bounds = b.mapper->feature(f).bounds;
        return move_to_array(std::move(bounds));
      });
  module.def("find_infinite", &find_infinite<float>, py::arg("rows").noconvert(),
             py::arg("threads") = 0);
  module.def("find_infinite", &find_infinite<double>, py::arg("rows"), py::arg("threads") = 0,
             "(row, column) of the first infinite value, or None.");
  module.def("train_forest", &train, py::arg("rows"), py::arg("target"), py::kw_only(),
             py::arg("objective"), py::arg("options"), py::arg("weight") = py::none(),
             py::arg("group_begin") = py::none(), py::arg("position") = py::none(),
             py::arg("held_out") = py::none(), py::arg("held_out_target") = py::none(),
             py::arg("held_out_weight") = py::none(), py::arg("held_out_group_begin") = py::none(),
             py::arg("progress") = py::none(),
             "Boosts trees: forest, losses, loss_name, steps, scores of the training rows by "
             "output, and the bias of each position.");
}

}  // namespace penchant::bindings
