#pragma once

// Scratch memory for vectors that are gathered in random order, on large pages
// (base/aligned_memory.h) and not cleared.
//
//   LargeBuffer w;
//   float* rows = w.reserve<float>(count * stride);  // undefined; kept until more is asked for

#include <cstddef>

namespace penchant::models {

class LargeBuffer {
 public:
  LargeBuffer() = default;
  ~LargeBuffer();
  LargeBuffer(const LargeBuffer&) = delete;
  LargeBuffer& operator=(const LargeBuffer&) = delete;

  // T is a number.
  template <class T>
  [[nodiscard]] T* reserve(std::size_t count) {
    return static_cast<T*>(reserve_bytes(count * sizeof(T)));
  }

 private:
  [[nodiscard]] void* reserve_bytes(std::size_t bytes);

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace penchant::models
