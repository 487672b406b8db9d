#include "penchant/engine/rank_explanation.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace penchant::engine {
namespace {

// At most four digits, as people read them: "3", "0.1235", "1e+07".
std::string shown(float value) {
  if (value != value) return "not known";
  char text[32];
  const auto end =
      std::to_chars(text, text + sizeof text, value, std::chars_format::general, 4).ptr;
  return {text, end};
}

// contributions: [features + 1], the expected score last.
RankerShare share_of(const CandidateFeatures& features, std::span<const float> row,
                     std::span<const double> contributions) {
  std::vector<std::size_t> order(features.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::abs(contributions[a]) > std::abs(contributions[b]);
  });
  RankerShare out;
  out.expected = contributions.back();
  for (const std::size_t f : order) {
    if (out.features.size() < kExplainedFeatures && contributions[f] != 0) {
      out.features.push_back({features.name(f), concat(features.words(f), ": ", shown(row[f])),
                              row[f], contributions[f]});
    } else {
      out.others += contributions[f];
    }
  }
  return out;
}

}  // namespace

void explain_ranks(Workspace& work) {
  if (work.reranked.empty() || !work.assets->ranker->explainer) return;  // none without a ranker
  const Ranker& ranker = *work.assets->ranker;
  const std::size_t columns = ranker.features.size();
  const std::size_t count = work.reranked.size();
  Matrix<double> rows(count, columns);
  const auto row_of = [&](std::size_t i) {
    return std::span<const float>(work.rows).subspan(work.reranked[i] * columns, columns);
  };
  for (std::size_t i = 0; i < count; ++i) {
    if (work.reranked[i] != kNotReranked) std::ranges::copy(row_of(i), rows.row(i).begin());
  }
  std::vector<double> contributions(count * (columns + 1));
  ranker.explainer->values(rows.view(), contributions, 1);
  // A forged forest may have covers that shares can't be made of; then nothing is said.
  const auto finite = [](double value) { return std::isfinite(value); };
  if (!std::all_of(contributions.begin(), contributions.end(), finite)) return;
  for (std::size_t i = 0; i < count; ++i) {
    if (work.reranked[i] == kNotReranked) continue;
    work.decision.items[i].ranker =
        share_of(ranker.features, row_of(i),
                 std::span(contributions).subspan(i * (columns + 1), columns + 1));
  }
}

}  // namespace penchant::engine
