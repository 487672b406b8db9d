#include "penchant/models/large_buffer.h"

#include <utility>

#include "penchant/base/aligned_memory.h"

namespace penchant::models {

LargeBuffer::~LargeBuffer() {
  if (data_ != nullptr) deallocate_aligned(data_, bytes_);
}

void* LargeBuffer::reserve_bytes(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  if (data_ != nullptr) deallocate_aligned(std::exchange(data_, nullptr), bytes_);
  bytes_ = 0;
  data_ = allocate_aligned(bytes);
  bytes_ = bytes;
  return data_;
}

}  // namespace penchant::models
