#include "penchant/ranking/objective.h"

#include <array>
#include <cmath>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/ranking/objectives.h"

namespace penchant::ranking {

void check_labels(const Labels& labels) {
  check_argument(!labels.target.empty(), "there are no rows to learn from");
  for (std::size_t i = 0; i < labels.target.size(); ++i) {
    check_argument(std::isfinite(labels.target[i]), "y, row ", i, ": not a finite number");
  }
  check_argument(labels.weight.empty() || labels.weight.size() == labels.target.size(),
                 labels.weight.size(), " weights for ", labels.target.size(), " rows");
  bool any = labels.weight.empty();
  for (std::size_t i = 0; i < labels.weight.size(); ++i) {
    check_argument(std::isfinite(labels.weight[i]) && labels.weight[i] >= 0, "sample_weight, row ",
                   i, ": must be a finite number from 0 up");
    any = any || labels.weight[i] > 0;
  }
  check_argument(any, "every sample_weight is zero");
}

void check_groups(const Labels& labels, const char* objective) {
  const auto& begin = labels.group_begin;
  check_argument(begin.size() >= 2, "objective '", objective,
                 "' ranks within queries; give group, the query of each row");
  check_argument(
      begin.front() == 0 && begin.back() == static_cast<std::int64_t>(labels.target.size()),
      "groups must cover the ", labels.target.size(), " rows");
  for (std::size_t q = 1; q < begin.size(); ++q) {
    check_argument(begin[q] > begin[q - 1], "query ", q - 1, " has no rows");
  }
}

std::unique_ptr<Objective> make_objective(const std::string& name, Labels labels,
                                          const ObjectiveParams& params) {
  using Maker = Made (*)(Labels, const ObjectiveParams&);
  static constexpr std::array<std::pair<const char*, Maker>, 10> kMakers = {{
      {"logistic", &make_logistic},
      {"l2", &make_l2},
      {"l1", &make_l1},
      {"huber", &make_huber},
      {"quantile", &make_quantile},
      {"poisson", &make_poisson},
      {"softmax", &make_softmax},
      {"lambdamart", &make_lambdamart},
      {"xendcg", &make_xendcg},
      {"pairwise", &make_pairwise},
  }};
  for (const auto& [known, make] : kMakers) {
    if (name != known) continue;
    check_labels(labels);
    return make(std::move(labels), params);
  }
  std::string names;
  for (const auto& [known, make] : kMakers) names += concat(names.empty() ? "" : ", ", known);
  fail(ErrorKind::kInvalidArgument, concat("no objective '", name, "'; there are ", names));
}

}  // namespace penchant::ranking
