#pragma once

// How a model or an engine hands its scores to the evaluation without Python in between.

#include <cstddef>
#include <functional>
#include <span>

#include "penchant/evaluation/ranking_metrics.h"

namespace penchant::bindings {

// Python sees an opaque object. Models and engines make one for a list of subjects
// (model._scorer(subjects, ...)); evaluate() calls it with the row's number, from many threads.
struct Scorer {
  std::size_t rows = 0;
  std::size_t num_items = 0;
  std::function<void(std::size_t row, std::span<float> scores)> fill;
  // Where scores are inner products: evaluation::FactorScores, asked for without the GIL.
  std::function<evaluation::FactorScores()> factors = {};
};

}  // namespace penchant::bindings
