#include "penchant/retrieval/metric.h"

#include "penchant/base/error.h"

namespace penchant::retrieval {

std::string_view metric_name(Metric metric) {
  switch (metric) {
    case Metric::kInnerProduct:
      return "ip";
    case Metric::kL2:
      return "l2";
    case Metric::kCosine:
      return "cosine";
  }
  return "";
}

Metric parse_metric(std::string_view name) {
  for (const Metric metric : {Metric::kInnerProduct, Metric::kL2, Metric::kCosine}) {
    if (name == metric_name(metric)) return metric;
  }
  fail(ErrorKind::kInvalidArgument,
       concat("metric '", name, "' is not known; choose one of: ip, l2, cosine"));
}

}  // namespace penchant::retrieval
