#include "penchant/models/pair_weight.h"

#include <algorithm>

#include "penchant/base/error.h"
#include "penchant/base/portable_math.h"

namespace penchant::models {

double recency(Timestamp at, Timestamp as_of, Duration half_life) {
  if (at >= as_of) return 1;
  const Duration age = as_of - at;
  return portable_exp2(-static_cast<double>(age.micros) / static_cast<double>(half_life.micros));
}

float pair_weight(const PairWeighting& weighting, float value, Timestamp last, Timestamp as_of) {
  double weight = value;
  if (weighting.value == ValueWeighting::kLog) weight = portable_log1p(weight);
  if (weighting.value == ValueWeighting::kBinary) weight = 1;
  if (weighting.value == ValueWeighting::kCapped) weight = std::min(weight, 1.0);
  if (weighting.half_life) weight *= recency(last, as_of, *weighting.half_life);
  return static_cast<float>(weight);
}

ValueWeighting parse_value_weighting(std::string_view name) {
  if (name == "linear") return ValueWeighting::kLinear;
  if (name == "log") return ValueWeighting::kLog;
  if (name == "binary") return ValueWeighting::kBinary;
  if (name == "capped") return ValueWeighting::kCapped;
  fail(ErrorKind::kInvalidArgument,
       concat("weighting must be 'linear', 'log', 'binary' or 'capped', not '", name.substr(0, 64),
              "'"));
}

std::string_view value_weighting_name(ValueWeighting weighting) {
  switch (weighting) {
    case ValueWeighting::kLinear:
      return "linear";
    case ValueWeighting::kLog:
      return "log";
    case ValueWeighting::kBinary:
      return "binary";
    case ValueWeighting::kCapped:
      return "capped";
  }
  return "";
}

std::vector<float> pair_weights(const PairWeighting& weighting, const data::Interactions& pairs,
                                Timestamp as_of) {
  std::vector<float> out;
  out.reserve(pairs.nnz());
  for (std::size_t u = 0; u < pairs.num_users(); ++u) {
    const data::History history = pairs.history(UserIndex(static_cast<std::int32_t>(u)));
    for (std::size_t k = 0; k < history.size(); ++k) {
      out.push_back(pair_weight(weighting, history.values[k], history.last[k], as_of));
    }
  }
  return out;
}

}  // namespace penchant::models
