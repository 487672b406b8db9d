#pragma once

// The largest inner products, exactly, by a scan that reads a byte a coordinate and few of the
// floats. Rows lie in order of falling length. For each block of them the product of codes gives
// every row an upper and a lower bound (Cauchy-Schwarz on what rounding to bytes lost, and on
// float32's own rounding); only rows whose upper bound reaches the k-th best lower bound are scored
// from their floats, and the scan ends where the lengths alone rule out the rest.
//
//   const ByteScan scan(store, threads);
//   std::uint64_t read = scan.search(store, query, 10, {}, hits);      // hits: the defined order's
//
// What comes back is what exact_search gives, bit for bit. The early end is that of LEMP
// (Teflioudi, Gemulla & Mykytiuk, SIGMOD 2015) with a single bucket order; bounds on integer parts
// are as in FEXIPRO (Li et al., SIGMOD 2017).

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/int8_kernels.h"
#include "penchant/base/top_k.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

class ByteScan {
 public:
  // Over the rows of the store that are there; its metric must be a product (ip, cosine).
  ByteScan(const VectorStore& store, int threads);

  [[nodiscard]] static bool serves(Metric metric) { return metric != Metric::kL2; }

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return bytes_; }

  // Overwrites the rows' bytes and passes them over from now on.
  void erase(std::span<const std::int32_t> rows);

  // hits[i]: the i-th best, index -1 and -infinity where there are fewer. allowed: by row; empty:
  // every row. Returns how many rows' bytes were read.
  std::uint64_t search(const VectorStore& store, std::span<const float> query, std::size_t k,
                       std::span<const std::uint8_t> allowed, std::span<Scored> hits) const;

 private:
  // How far the true score may be from the one of codes: slack * |x'|, and a little where products
  // are among the smallest floats. No score is above reach * |x'|.
  struct Bounds {
    float slack = 0;
    float reach = 0;
    float least = 0;
  };
  [[nodiscard]] Bounds bounds_of(const ByteQuery& seen, double norm) const;

  std::size_t dimension_;
  std::size_t columns_;
  float worst_ = 0;                    // largest |x - x'| / |x'|
  std::vector<std::int32_t> order_;    // row of each place; -1: erased
  AlignedVector<std::uint8_t> bytes_;  // [places, columns]
  AlignedVector<float> scales_;
  AlignedVector<float> lengths_;  // |x'| rounded up, falling but for that rounding
};

}  // namespace penchant::retrieval
