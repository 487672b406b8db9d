#pragma once

// What this build is and what it found on this machine.

#include <string>
#include <utility>
#include <vector>

namespace penchant {

// Pairs in a fixed order: version, build_type, compiler, architecture, simd, simd_available, ...
[[nodiscard]] std::vector<std::pair<std::string, std::string>> build_info();

// "0.1.0"
[[nodiscard]] std::string version();

}  // namespace penchant
