#include "penchant/evaluation/metric.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "penchant/base/error.h"

namespace penchant::evaluation {
namespace {

enum class Cut : std::uint8_t { kNeeded, kOptional, kNone };

struct Known {
  std::string_view name;
  MetricKind kind;
  Cut cut;
};

constexpr std::array<Known, 9> kKnown{{
    {"precision", MetricKind::kPrecision, Cut::kNeeded},
    {"recall", MetricKind::kRecall, Cut::kNeeded},
    {"hit_rate", MetricKind::kHitRate, Cut::kNeeded},
    {"map", MetricKind::kMap, Cut::kNeeded},
    {"ndcg", MetricKind::kNdcg, Cut::kNeeded},
    {"mrr", MetricKind::kMrr, Cut::kOptional},
    {"auc", MetricKind::kAuc, Cut::kNone},
    {"coverage", MetricKind::kCoverage, Cut::kNeeded},
    {"novelty", MetricKind::kNovelty, Cut::kNeeded},
}};

constexpr std::int32_t kLongestList = 1'000'000;

std::string known_names() {
  std::string out;
  for (const Known& known : kKnown) {
    if (!out.empty()) out += ", ";
    out += known.name;
    if (known.cut == Cut::kNeeded) out += "@k";
    if (known.cut == Cut::kOptional) out += "[@k]";
  }
  return out;
}

std::int32_t parse_cut(std::string_view digits, std::string_view name) {
  std::int32_t k = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), k);
  check_argument(
      error == std::errc{} && end == digits.data() + digits.size() && k >= 1 && k <= kLongestList,
      "metric '", name, "': the cut after '@' must be a whole number from 1 to ", kLongestList);
  return k;
}

}  // namespace

Metric parse_metric(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::size_t at = lower.find('@');
  const std::string_view stem = std::string_view(lower).substr(0, at);
  const auto* known = std::find_if(kKnown.begin(), kKnown.end(),
                                   [&](const Known& each) { return each.name == stem; });
  check_argument(known != kKnown.end(), "unknown metric '", name, "'; known are ", known_names());
  if (at == std::string::npos) {
    check_argument(known->cut != Cut::kNeeded, "metric '", name, "' needs a cut: write '", stem,
                   "@10'");
    return {known->kind, 0};
  }
  check_argument(known->cut != Cut::kNone, "metric '", name, "' takes no cut: write '", stem, "'");
  return {known->kind, parse_cut(std::string_view(lower).substr(at + 1), name)};
}

std::string metric_name(const Metric& metric) {
  const auto* known = std::find_if(kKnown.begin(), kKnown.end(),
                                   [&](const Known& each) { return each.kind == metric.kind; });
  std::string out(known->name);
  if (metric.k > 0) {
    out += '@';
    out += std::to_string(metric.k);
  }
  return out;
}

}  // namespace penchant::evaluation
