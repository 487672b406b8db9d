#pragma once

// Elements that are either ours to change or borrowed from a mapped bundle, copied at the first
// change.
//
//   OwnOrBorrow<float> rows(reader->array<float>("vectors"));
//   rows.data()[3];                // read, wherever they are
//   rows.own()[3] = 0;             // now ours

#include <cstddef>
#include <span>
#include <utility>

#include "penchant/base/matrix.h"

namespace penchant::retrieval {

template <class T>
class OwnOrBorrow {
 public:
  OwnOrBorrow() = default;
  explicit OwnOrBorrow(AlignedVector<T> elements) : own_(std::move(elements)) {}
  explicit OwnOrBorrow(SharedArray<T> elements) : borrowed_(std::move(elements)), borrows_(true) {}

  [[nodiscard]] const T* data() const { return borrows_ ? borrowed_.data() : own_.data(); }
  [[nodiscard]] std::size_t size() const { return borrows_ ? borrowed_.size() : own_.size(); }
  [[nodiscard]] std::span<const T> span() const { return {data(), size()}; }
  [[nodiscard]] const T& operator[](std::size_t i) const { return data()[i]; }

  [[nodiscard]] AlignedVector<T>& own() {
    if (borrows_) {
      own_.assign(borrowed_.begin(), borrowed_.end());
      borrowed_ = {};
      borrows_ = false;
    }
    return own_;
  }

 private:
  AlignedVector<T> own_;
  SharedArray<T> borrowed_;
  bool borrows_ = false;
};

}  // namespace penchant::retrieval
