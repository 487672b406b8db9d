#pragma once

// What "near" means. A score is higher for a nearer vector:
//
//   ip       x.q
//   l2       -|x - q|^2
//   cosine   x.q / (|x| |q|), 0 when either is the zero vector

#include <cstdint>
#include <string_view>

namespace penchant::retrieval {

enum class Metric : std::uint8_t { kInnerProduct, kL2, kCosine };

[[nodiscard]] std::string_view metric_name(Metric metric);  // "ip" "l2" "cosine"
[[nodiscard]] Metric parse_metric(std::string_view name);   // throws kInvalidArgument

}  // namespace penchant::retrieval
