#include "penchant/bindings/register.h"
#include "penchant/models/pairwise.h"

namespace penchant::bindings {
namespace {

using models::PairwiseModel;
using models::PairwiseTrainer;

py::array_t<float> rows_of(const std::shared_ptr<const void>& owner, MatrixView<const float> view) {
  return borrow(owner, view.data,
                {static_cast<py::ssize_t>(view.rows), static_cast<py::ssize_t>(view.columns)});
}

py::array_t<float> fold_in(const PairwiseModel& model, const data::Interactions& pairs) {
  check_argument(pairs.num_items() == model.num_items(), "fold_in: the events know ",
                 pairs.num_items(), " items, the model ", model.num_items());
  const std::size_t width = model.item_vectors().columns;
  std::vector<float> out(pairs.num_users() * width);
  for (std::size_t u = 0; u < pairs.num_users(); ++u) {
    model.fold_in(pairs.history(UserIndex(static_cast<std::int32_t>(u))),
                  std::span(out).subspan(u * width, width));
  }
  return move_to_array(std::move(out), {static_cast<py::ssize_t>(pairs.num_users()),
                                        static_cast<py::ssize_t>(width)});
}

}  // namespace

void register_ranking_models(py::module_& module) {
  py::class_<PairwiseModel, models::Model, std::shared_ptr<PairwiseModel>>(
      module, "PairwiseModel", "Factors of BPR or WARP; the last column is (1 | bias).")
      .def_property_readonly(
          "user_factors",
          [](const PairwiseModel& m) { return rows_of(m.user_owner(), m.user_vectors()); })
      .def_property_readonly(
          "item_factors",
          [](const PairwiseModel& m) { return rows_of(m.item_owner(), m.item_vectors()); })
      .def("fold_in", &fold_in, py::arg("pairs"), "Vectors [users, factors + 1] of the histories.");
  py::class_<PairwiseTrainer>(module, "PairwiseTrainer")
      .def(py::init([](const data::Interactions& pairs, const std::string& loss, int factors,
                       double learning_rate, double regularization, int max_trials,
                       std::uint64_t seed, int threads) {
             models::PairwiseParameters p;
             check_argument(loss == "bpr" || loss == "warp", "loss must be 'bpr' or 'warp'");
             p.loss = loss == "bpr" ? models::PairwiseLoss::kBpr : models::PairwiseLoss::kWarp;
             p.factors = factors;
             p.learning_rate = learning_rate;
             p.regularization = regularization;
             p.max_trials = max_trials;
             p.seed = seed;
             p.threads = threads;
             return PairwiseTrainer(pairs, p);
           }),
           py::arg("pairs"), py::kw_only(), py::arg("loss"), py::arg("factors"),
           py::arg("learning_rate"), py::arg("regularization"), py::arg("max_trials"),
           py::arg("seed"), py::arg("threads"))
      .def("iterate", &PairwiseTrainer::iterate, py::call_guard<py::gil_scoped_release>(),
           "One step a pair; returns the share that was ranked right.")
      .def("finish", [](PairwiseTrainer& trainer) {
        const py::gil_scoped_release release;
        return std::const_pointer_cast<PairwiseModel>(std::move(trainer).finish());
      });
}

}  // namespace penchant::bindings
