#pragma once

// Numbers as whole millionths, the form in which plans add them up.

#include <cstddef>
#include <cstdint>
#include <span>

namespace penchant::features {

// Rounded half away from zero; what is missing (NaN) becomes kNoNumber. out: [numbers]. Returns the
// first row that is infinite or beyond 9,223,372,036,854, or how many there are where none is.
std::size_t to_millionths(std::span<const double> numbers, std::span<std::int64_t> out,
                          int threads);
std::size_t to_millionths(std::span<const std::int64_t> numbers, std::span<std::int64_t> out,
                          int threads);

}  // namespace penchant::features
