#pragma once

// Division that rounds down, also of times before 1970.

#include <cstdint>

namespace penchant::features {

// b > 0.
[[nodiscard]] constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

}  // namespace penchant::features
