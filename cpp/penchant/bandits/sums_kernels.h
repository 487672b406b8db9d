#pragma once

// Adding an event to a packed triangle of exact sums, as many products at a time as vectors hold.

#include <cstddef>
#include <cstdint>

namespace penchant::bandits {

// low[i (i + 1) / 2 + j] += sign x[i] x[j] for j <= i < n. No x is -2^31, sign is 1 or -1, and no
// sum leaves 64 bits. The same integers on every CPU.
void add_products(const std::int32_t* x, std::size_t n, std::int64_t sign, std::int64_t* low);

}  // namespace penchant::bandits
