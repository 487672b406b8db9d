#pragma once

// A hash for people and JSON: 16 hexadecimal digits.

#include <cstdint>
#include <string>

namespace penchant::engine {

[[nodiscard]] inline std::string hex16(std::uint64_t value) {
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 15];
  return out;
}

}  // namespace penchant::engine
