#pragma once

// Row-major views and immutable shared storage.
//
//   Matrix<float> owned(rows, columns);             // zeroed, 64-byte aligned, padded rows: none
//   MatrixView<const float> view = owned.view();
//   SharedArray<float> kept = SharedArray<float>::own(std::move(vector));   // cheap to copy

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "penchant/base/aligned_memory.h"

namespace penchant {

template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>& /*other*/) {}  // NOLINT(google-explicit-constructor)
  T* allocate(std::size_t n) { return static_cast<T*>(allocate_aligned(n * sizeof(T))); }
  void deallocate(T* p, std::size_t n) { deallocate_aligned(p, n * sizeof(T)); }
  friend bool operator==(AlignedAllocator, AlignedAllocator) { return true; }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

// Does not own. rows x columns, row-major, rows adjacent.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;

  [[nodiscard]] std::span<T> row(std::size_t i) const { return {data + i * columns, columns}; }
  [[nodiscard]] std::span<T> flat() const { return {data, rows * columns}; }
  operator MatrixView<const T>() const {  // NOLINT(google-explicit-constructor)
    return {data, rows, columns};
  }
};

template <class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns)
      : rows_(rows), columns_(columns), data_(rows * columns) {}

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] MatrixView<T> view() { return {data_.data(), rows_, columns_}; }
  [[nodiscard]] MatrixView<const T> view() const { return {data_.data(), rows_, columns_}; }
  [[nodiscard]] std::span<T> row(std::size_t i) { return view().row(i); }
  [[nodiscard]] std::span<const T> row(std::size_t i) const { return view().row(i); }
  [[nodiscard]] AlignedVector<T> release() && { return std::move(data_); }

 private:
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  AlignedVector<T> data_;
};

// Immutable and shared: either owns its elements or keeps alive what does (a mapped bundle).
template <class T>
class SharedArray {
 public:
  SharedArray() = default;
  SharedArray(std::shared_ptr<const void> owner, std::span<const T> elements)
      : owner_(std::move(owner)), elements_(elements) {}

  template <class Vector>
  [[nodiscard]] static SharedArray own(Vector&& elements) {
    auto kept = std::make_shared<const std::remove_cvref_t<Vector>>(std::forward<Vector>(elements));
    const std::span<const T> view(kept->data(), kept->size());
    return SharedArray(std::move(kept), view);
  }

  [[nodiscard]] std::span<const T> span() const { return elements_; }
  [[nodiscard]] const T* data() const { return elements_.data(); }
  [[nodiscard]] std::size_t size() const { return elements_.size(); }
  [[nodiscard]] bool empty() const { return elements_.empty(); }
  [[nodiscard]] const T& operator[](std::size_t i) const { return elements_[i]; }
  [[nodiscard]] auto begin() const { return elements_.begin(); }
  [[nodiscard]] auto end() const { return elements_.end(); }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::shared_ptr<const void> owner_;
  std::span<const T> elements_;
};

}  // namespace penchant
