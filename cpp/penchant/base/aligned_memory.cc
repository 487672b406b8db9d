#include "penchant/base/aligned_memory.h"

#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace penchant {
namespace {

constexpr std::align_val_t kCacheLine{64};
constexpr std::align_val_t kLargePage{std::size_t{2} << 20};
constexpr std::size_t kLarge = std::size_t{4} << 20;  // below, rounding up to a page costs too much

}  // namespace

void* allocate_aligned(std::size_t bytes) {
  if (bytes < kLarge) return ::operator new(bytes, kCacheLine);
  void* data = ::operator new(bytes, kLargePage);
#if defined(__linux__)
  (void)madvise(data, bytes, MADV_HUGEPAGE);  // a wish: without it everything works, only slower
#endif
  return data;
}

void deallocate_aligned(void* data, std::size_t bytes) noexcept {
  ::operator delete(data, bytes < kLarge ? kCacheLine : kLargePage);
}

}  // namespace penchant
