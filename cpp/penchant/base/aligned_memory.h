#pragma once

// Where large arrays live: on large pages where the system has them, because with small ones nearly
// every gather from a big matrix (a walk of a graph, the vectors of a history) first misses the
// address cache.
//
//   AlignedVector<float> rows(count * columns);      // base/matrix.h; allocates here

#include <cstddef>

namespace penchant {

// Aligned to 64 bytes, and from 4 MiB on to a large page; contents undefined. Throws
// std::bad_alloc. Free with deallocate_aligned and the same size.
[[nodiscard]] void* allocate_aligned(std::size_t bytes);
void deallocate_aligned(void* data, std::size_t bytes) noexcept;

}  // namespace penchant
