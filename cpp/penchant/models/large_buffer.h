#pragma once

// Memory for vectors that are gathered in random order: on large pages where the system has them,
// because with small ones nearly every gather of a big matrix first misses the address cache.
//
//   LargeBuffer w;
//   float* rows = w.reserve(count * stride);   // contents undefined; kept until more is asked for

#include <cstddef>

namespace penchant::models {

class LargeBuffer {
 public:
  LargeBuffer() = default;
  ~LargeBuffer();
  LargeBuffer(const LargeBuffer&) = delete;
  LargeBuffer& operator=(const LargeBuffer&) = delete;

  [[nodiscard]] float* reserve(std::size_t floats);

 private:
  float* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace penchant::models
