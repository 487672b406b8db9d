#include "penchant/ranking/forest.h"

#include <algorithm>
#include <numbers>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/portable_math.h"
#include "penchant/ranking/split_decision.h"

namespace penchant::ranking {
namespace {

constexpr std::size_t kBlockRows = 256;

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
void predict_block(const ForestData& data, MatrixView<const T> rows, const Block& block,
                   std::span<double> scores) {
  const std::size_t outputs = data.outputs();
  for (std::size_t i = block.begin; i < block.end; ++i) {
    std::copy(data.base.begin(), data.base.end(), scores.begin() + static_cast<long>(i * outputs));
  }
  for (std::size_t t = 0; t < data.trees(); ++t) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      const T* const row = rows.data + i * rows.columns;
      const std::size_t leaf = leaf_of(data, t, [&](std::int32_t feature) {
        return input_value(data, static_cast<double>(row[feature]));
      });
      scores[i * outputs + t % outputs] += data.leaves[leaf];
    }
  }
}

template <class T>
void predict(const ForestData& data, MatrixView<const T> rows, std::span<double> scores,
             int threads) {
  check_argument(rows.columns == static_cast<std::size_t>(data.num_features),
                 "the forest was made for ", data.num_features, " features, the rows have ",
                 rows.columns);
  check_argument(scores.size() == rows.rows * data.outputs(), "room for ", scores.size(),
                 " scores, but ", rows.rows, " rows have ", data.outputs(), " each");
  parallel_blocks(rows.rows, kBlockRows, threads,
                  [&](const Block& block) { predict_block(data, rows, block, scores); });
}

}  // namespace

struct Forest::Layout {};

Forest::Forest(ForestData data) : data_(std::move(data)) { check_forest(data_); }

Forest::~Forest() = default;

void Forest::predict_raw(MatrixView<const float> rows, std::span<double> scores,
                         int threads) const {
  predict(data_, rows, scores, threads);
}

void Forest::predict_raw(MatrixView<const double> rows, std::span<double> scores,
                         int threads) const {
  predict(data_, rows, scores, threads);
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
