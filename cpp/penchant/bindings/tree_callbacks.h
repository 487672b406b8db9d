#pragma once

// Losses and metrics of boosted trees that are written in Python. The trainer calls them from the
// thread that started it, which has released the GIL.

#include <algorithm>
#include <memory>
#include <utility>

#include "penchant/bindings/register.h"
#include "penchant/ranking/metric.h"

namespace penchant::bindings {

[[nodiscard]] inline py::array_t<double> scores_of(std::span<const double> scores,
                                                   std::size_t outputs) {
  const auto columns = static_cast<py::ssize_t>(scores.size() / outputs);
  return py::array_t<double>({static_cast<py::ssize_t>(outputs), columns}, scores.data());
}

// derive(scores [outputs, rows]) -> (gradients, hessians), float32 of the same shape.
class PythonObjective final : public ranking::Objective {
 public:
  PythonObjective(py::object derive, std::size_t outputs, ranking::Link link)
      : derive_(std::move(derive)), outputs_(outputs), link_(link) {}

  [[nodiscard]] std::size_t outputs() const override { return outputs_; }
  [[nodiscard]] ranking::Link link() const override { return link_; }
  [[nodiscard]] std::vector<double> start() const override {
    return std::vector<double>(outputs_, 0.0);
  }

  void derivatives(std::span<const double> scores, std::span<float> gradients,
                   std::span<float> hessians, const ranking::Step& /*step*/) const override {
    const py::gil_scoped_acquire hold;
    const auto [g, h] =
        derive_(scores_of(scores, outputs_)).cast<std::pair<Array<float>, Array<float>>>();
    check_argument(as_span(g).size() == gradients.size() && as_span(h).size() == hessians.size(),
                   "an objective's derivatives must be one a score, ", gradients.size());
    std::ranges::copy(as_span(g), gradients.begin());
    std::ranges::copy(as_span(h), hessians.begin());
  }

  // Unknown: held-out rows are watched by a metric.
  [[nodiscard]] double loss(std::span<const double> /*scores*/, int /*threads*/) const override {
    return 0;
  }
  [[nodiscard]] const char* loss_name() const override { return "custom"; }

 private:
  py::object derive_;
  std::size_t outputs_;
  ranking::Link link_;
};

// measure(scores [outputs, rows]) -> a loss.
[[nodiscard]] inline ranking::Metric python_metric(const py::object& measure, std::size_t outputs) {
  return {"custom", false, [&measure, outputs](std::span<const double> scores, int /*threads*/) {
            const py::gil_scoped_acquire hold;
            return measure(scores_of(scores, outputs)).cast<double>();
          }};
}

}  // namespace penchant::bindings
