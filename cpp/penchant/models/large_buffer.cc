#include "penchant/models/large_buffer.h"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace penchant::models {
namespace {
constexpr std::size_t kLargePage = std::size_t{2} << 20;
}

LargeBuffer::~LargeBuffer() { std::free(data_); }

void* LargeBuffer::reserve_bytes(std::size_t bytes) {
  const std::size_t wanted = (bytes + kLargePage - 1) / kLargePage * kLargePage;
  if (wanted <= bytes_) return data_;
  std::free(data_);
  bytes_ = 0;
  data_ = std::aligned_alloc(kLargePage, wanted);
  if (data_ == nullptr) throw std::bad_alloc();
  bytes_ = wanted;
#if defined(__linux__)
  madvise(data_, wanted, MADV_HUGEPAGE);  // a wish: without it everything works, only slower
#endif
  return data_;
}

}  // namespace penchant::models
