#include "penchant/models/repeat_purchase.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "penchant/models/model_meta.h"

namespace penchant::models {
namespace {

constexpr double kPseudoGaps = 2;
constexpr double kDayMicros = 86'400e6;

double micros_between(Timestamp earlier, Timestamp later) {
  return std::max(0.0, static_cast<double>((later - earlier).micros));
}

}  // namespace

std::shared_ptr<const Model> fit_repeat_purchase(const data::Interactions& pairs, Timestamp as_of) {
  double gaps = 0;
  double between = 0;
  Timestamp earliest = as_of;
  for (std::size_t u = 0; u < pairs.num_users(); ++u) {
    const data::History history = pairs.history(UserIndex(static_cast<std::int32_t>(u)));
    for (std::size_t k = 0; k < history.size(); ++k) {
      earliest = std::min(earliest, history.first[k]);
      if (history.counts[k] < 2) continue;
      gaps += history.counts[k] - 1;
      between += micros_between(history.first[k], history.last[k]);
    }
  }
  double mean = gaps > 0 ? between / gaps : micros_between(earliest, as_of);
  if (mean < 1) mean = kDayMicros;
  return std::make_shared<const RepeatPurchaseModel>(pairs.num_items(),
                                                     Duration{static_cast<std::int64_t>(mean)});
}

void RepeatPurchaseModel::score_all(const Query& query, std::span<float> scores) const {
  std::fill(scores.begin(), scores.end(), 0.0F);
  const data::History& history = query.history;
  const double pooled = static_cast<double>(mean_gap_.micros);
  for (std::size_t k = 0; k < history.size(); ++k) {
    const double n = history.counts[k];
    const double between = micros_between(history.first[k], history.last[k]);
    const double gap = (between + kPseudoGaps * pooled) / (n - 1 + kPseudoGaps);
    const double silence = micros_between(history.last[k], query.as_of);
    scores[static_cast<std::size_t>(history.items[k].value)] =
        static_cast<float>(n / std::sqrt(1 + silence / gap));
  }
}

void RepeatPurchaseModel::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix, {{"kind", kind()}, {"mean_gap_us", mean_gap_.micros}});
}

std::shared_ptr<const Model> RepeatPurchaseModel::load(
    const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
    std::size_t /*num_users*/, std::size_t num_items) {
  const Meta meta(*reader, prefix);
  return std::make_shared<const RepeatPurchaseModel>(
      num_items, Duration{meta.integer<std::int64_t>("mean_gap_us", 1,
                                                     std::numeric_limits<std::int64_t>::max())});
}

}  // namespace penchant::models
