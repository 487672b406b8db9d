#include "penchant/ranking/metric.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/ranking/objectives.h"

namespace penchant::ranking {
namespace {

using Scores = std::span<const double>;

struct Asked {
  std::string base;
  int at = 0;
};

Asked parse(const std::string& name, const ObjectiveParams& params) {
  const std::size_t mark = name.find('@');
  Asked asked{name.substr(0, mark), params.ndcg_at};
  if (mark == std::string::npos) return asked;
  const char* const end = name.data() + name.size();
  const auto read = std::from_chars(name.data() + mark + 1, end, asked.at);
  check_argument(read.ec == std::errc() && read.ptr == end && asked.at >= 1, "metric '", name,
                 "': after @ comes a whole number from 1 up");
  return asked;
}

Metric loss_of(const std::string& name, const char* objective, Labels labels,
               const ObjectiveParams& params, bool higher_is_better) {
  std::shared_ptr<const Objective> made = make_objective(objective, std::move(labels), params);
  return {name, higher_is_better, [made, higher_is_better](Scores scores, int threads) {
            const double loss = made->loss(scores, threads);
            return higher_is_better ? -loss : loss;
          }};
}

Metric accuracy(const Labels& labels, std::size_t outputs) {
  return {"accuracy", true, [labels, outputs](Scores scores, int threads) {
            const std::size_t rows = labels.target.size();
            return weighted_mean(labels, threads, [&](std::size_t i) {
              std::size_t best = outputs == 1 && scores[i] > 0 ? 1 : 0;
              for (std::size_t o = 1; o < outputs; ++o) {
                if (scores[o * rows + i] > scores[best * rows + i]) best = o;
              }
              return static_cast<double>(best) == static_cast<double>(labels.target[i]) ? 1.0 : 0.0;
            });
          }};
}

double area_under_curve(const Labels& labels, std::size_t outputs, Scores scores) {
  const std::size_t rows = labels.target.size();
  std::vector<std::pair<double, std::uint32_t>> order(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const double margin = outputs == 1 ? scores[i] : scores[rows + i] - scores[i];
    if (std::isnan(margin)) return margin;  // it has no place in an order
    order[i] = {margin, static_cast<std::uint32_t>(i)};
  }
  std::sort(order.begin(), order.end());
  double below = 0;  // weight of the negative rows that score less
  double pairs = 0;
  double positives = 0;
  for (std::size_t i = 0; i < rows;) {
    double ones = 0;
    double zeros = 0;
    const double score = order[i].first;
    for (; i < rows && order[i].first == score; ++i) {
      const std::uint32_t row = order[i].second;
      (labels.target[row] > 0 ? ones : zeros) += weight_of(labels, row);
    }
    pairs += ones * (below + zeros / 2);
    below += zeros;
    positives += ones;
  }
  return pairs / (positives * below);
}

Metric auc(const Labels& labels, std::size_t outputs) {
  double weight[2] = {0, 0};
  for (std::size_t i = 0; i < labels.target.size(); ++i) {
    const float y = labels.target[i];
    check_argument(y == 0 || y == 1, "metric 'auc' tells two classes apart; y, row ", i, ": ", y);
    weight[y > 0 ? 1 : 0] += weight_of(labels, i);
  }
  check_argument(outputs <= 2, "metric 'auc' tells two classes apart, not ", outputs);
  check_argument(weight[0] > 0 && weight[1] > 0,
                 "metric 'auc': the held-out rows have one class only");
  return {"auc", true, [labels, outputs](Scores scores, int) {
            return area_under_curve(labels, outputs, scores);
          }};
}

Metric of_numbers(const std::string& name, const Labels& labels, Link link) {
  const bool absolute = name == "mae";
  const bool root = name == "rmse";
  return {name, false, [=](Scores scores, int threads) {
            const double mean = weighted_mean(labels, threads, [&](std::size_t i) {
              const double predicted = link == Link::kExp ? std::exp(scores[i]) : scores[i];
              const double off = predicted - static_cast<double>(labels.target[i]);
              return absolute ? std::abs(off) : off * off;
            });
            return root ? std::sqrt(mean) : mean;
          }};
}

// precision at each relevant row among the first k, over as many as there could be; or one over
// the place of the first.
double query_value(const Labels& labels, Scores scores, std::size_t q, std::size_t k, bool first) {
  const auto begin = static_cast<std::size_t>(labels.group_begin[q]);
  const auto size = static_cast<std::size_t>(labels.group_begin[q + 1]) - begin;
  std::vector<std::uint32_t> order(size);
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return scores[begin + a] > scores[begin + b];
  });
  double found = 0;
  double sum = 0;
  for (std::size_t place = 0; place < std::min(k, size); ++place) {
    if (labels.target[begin + order[place]] <= 0) continue;
    const double at = static_cast<double>(place) + 1;
    if (first) return 1 / at;
    sum += ++found / at;
  }
  const auto relevant =
      std::count_if(labels.target.begin() + static_cast<std::ptrdiff_t>(begin),
                    labels.target.begin() + static_cast<std::ptrdiff_t>(begin + size),
                    [](float y) { return y > 0; });
  return sum / static_cast<double>(std::min(k, static_cast<std::size_t>(relevant)));
}

Metric of_queries(const Asked& asked, const Labels& labels) {
  check_groups(labels, asked.base.c_str());
  std::vector<std::size_t> counted;  // queries with a relevant row
  for (std::size_t q = 0; q + 1 < labels.group_begin.size(); ++q) {
    const auto begin = labels.target.begin() + labels.group_begin[q];
    const auto end = labels.target.begin() + labels.group_begin[q + 1];
    if (std::any_of(begin, end, [](float y) { return y > 0; })) counted.push_back(q);
  }
  check_argument(!counted.empty(), "metric '", asked.base, "': no held-out row is relevant");
  const bool first = asked.base == "mrr";
  const auto k = static_cast<std::size_t>(asked.at);
  return {concat(asked.base, "@", asked.at), true, [=](Scores scores, int threads) {
            const double sum = parallel_sum(counted.size(), 64, threads, [&](const Block& block) {
              double part = 0;
              for (std::size_t i = block.begin; i < block.end; ++i) {
                part += query_value(labels, scores, counted[i], k, first);
              }
              return part;
            });
            return sum / static_cast<double>(counted.size());
          }};
}

}  // namespace

Metric make_metric(const std::string& name, Labels labels, Link link, std::size_t outputs,
                   const ObjectiveParams& params) {
  check_labels(labels);
  const Asked asked = parse(name, params);
  const std::string& base = asked.base;
  if (base == "ndcg") {
    ObjectiveParams at = params;
    at.ndcg_at = asked.at;
    return loss_of(concat("ndcg@", asked.at), "pairwise", std::move(labels), at, true);
  }
  if (base == "map" || base == "mrr") return of_queries(asked, labels);
  check_argument(base == name, "metric '", name, "': only ndcg, map and mrr take @k");
  if (base == "auc") return auc(labels, outputs);
  if (base == "log_loss" || base == "accuracy") {
    check_argument(link == Link::kSigmoid || link == Link::kSoftmax, "metric '", name,
                   "' is of classes, which the objective doesn't tell apart");
    if (base == "accuracy") return accuracy(labels, outputs);
    const char* const objective = link == Link::kSigmoid ? "logistic" : "softmax";
    return loss_of(name, objective, std::move(labels), params, false);
  }
  if (base == "mse" || base == "rmse" || base == "mae") {
    check_argument(outputs == 1 && (link == Link::kIdentity || link == Link::kExp), "metric '",
                   name, "' is of numbers, not of classes");
    return of_numbers(name, labels, link);
  }
  fail(ErrorKind::kInvalidArgument,
       concat("no metric '", name,
              "'; there are log_loss, accuracy, auc, mse, rmse, mae, ndcg@k, map@k, mrr@k"));
}

}  // namespace penchant::ranking
