#include "penchant/ranking/forest.h"

#include <algorithm>
#include <numbers>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/portable_math.h"
#include "penchant/ranking/forest_layout.h"
#include "penchant/ranking/forest_score.h"

namespace penchant::ranking {
namespace {

double portable_exp(double x) { return portable_exp2(x * std::numbers::log2e); }

void softmax(std::span<double> scores) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) {
    score = portable_exp(score - largest);
    sum += score;
  }
  for (double& score : scores) score /= sum;
}

template <class T>
void predict(const ForestData& data, const ForestLayout& layout, MatrixView<const T> rows,
             std::span<double> scores, int threads) {
  check_argument(rows.columns == static_cast<std::size_t>(data.num_features),
                 "the forest was made for ", data.num_features, " features, the rows have ",
                 rows.columns);
  check_argument(scores.size() == rows.rows * data.outputs(), "room for ", scores.size(),
                 " scores, but ", rows.rows, " rows have ", data.outputs(), " each");
  const std::size_t outputs = data.outputs();
  parallel_blocks(rows.rows, kBlockRows, threads, [&](const Block& block) {
    const std::size_t count = block.end - block.begin;
    const auto out = scores.subspan(block.begin * outputs, count * outputs);
    for (auto at = out.begin(); at != out.end(); at += static_cast<std::ptrdiff_t>(outputs)) {
      std::copy(data.base.begin(), data.base.end(), at);
    }
    add_trees<T>(data, layout, {rows.data + block.begin * rows.columns, count, rows.columns}, out);
  });
}

}  // namespace

Forest::Forest(ForestData data) : data_(std::move(data)) {
  check_forest(data_);
  layout_ = std::make_unique<const ForestLayout>(lay_out(data_));
}

Forest::~Forest() = default;

void Forest::predict_raw(MatrixView<const float> rows, std::span<double> scores,
                         int threads) const {
  predict(data_, *layout_, rows, scores, threads);
}

void Forest::predict_raw(MatrixView<const double> rows, std::span<double> scores,
                         int threads) const {
  predict(data_, *layout_, rows, scores, threads);
}

void Forest::apply_link(std::span<double> scores) const {
  check_argument(scores.size() % outputs() == 0, scores.size(), " scores are no whole rows of ",
                 outputs());
  switch (data_.link) {
    case Link::kIdentity:
      return;
    case Link::kSigmoid:
      for (double& score : scores) score = 1 / (1 + portable_exp(-data_.link_slope * score));
      return;
    case Link::kExp:
      for (double& score : scores) score = portable_exp(score);
      return;
    case Link::kSoftmax:
      for (std::size_t i = 0; i < scores.size(); i += outputs()) {
        softmax(scores.subspan(i, outputs()));
      }
      return;
  }
}

}  // namespace penchant::ranking
