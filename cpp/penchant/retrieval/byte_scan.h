#pragma once

// The nearest rows, exactly, by a scan that reads a byte a coordinate and few of the floats. The
// product of bytes gives every row an upper and a lower bound of its score (Cauchy-Schwarz on what
// rounding to bytes lost, and on float32's own rounding; the proof is in the .cc); only rows whose
// upper bound reaches the k-th best lower bound are scored from their floats. For products rows lie
// in order of falling length, and the scan ends where the lengths alone rule out the rest.
//
//   const ByteScan scan(store, std::nullopt, threads);                 // or over some rows
//   scan.search(store, queries, 10, {}, hits, read);      // hits: the defined order's
//
// What comes back is what exact_search gives, bit for bit. Queries of one call, at most kQueries,
// share each block of rows, and eight at a time a register's worth of it. The early end is that of
// LEMP (Teflioudi, Gemulla & Mykytiuk, SIGMOD 2015) with a single bucket order; bounds on integer
// parts are as in FEXIPRO (Li et al., SIGMOD 2017).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "penchant/base/int8_kernels.h"
#include "penchant/base/top_k.h"
#include "penchant/retrieval/vector_store.h"

namespace penchant::retrieval {

class ByteScan {
 public:
  static constexpr std::size_t kQueries = 48;  // of one call

  // Over `rows` (ascending, none removed; nullopt: all that are there) of the store.
  ByteScan(const VectorStore& store, std::optional<std::span<const std::int32_t>> rows,
           int threads);

  [[nodiscard]] std::size_t rows() const { return order_.size() - gone_.size(); }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  // In strips of base/int8_kernels.h.
  [[nodiscard]] std::span<const std::uint8_t> strips() const { return strips_; }

  // Overwrites the rows' bytes and passes them over from now on; others than its own are ignored.
  // rows: ascending.
  void erase(std::span<const std::int32_t> rows);

  // hits[q * k + i]: the i-th best for query q, index -1 and -infinity where there are fewer.
  // allowed: by row; empty: every row. read[q]: how many rows' bytes were read.
  // queries: [q, store.stride()], prepared by the store.
  void search(const VectorStore& store, MatrixView<const float> queries, std::size_t k,
              std::span<const std::uint8_t> allowed, std::span<Scored> hits,
              std::span<std::uint64_t> read) const;

 private:
  class Run;

  void encode(const VectorStore& store, std::size_t place, std::span<float> shifted,
              std::span<std::uint8_t> bytes);

  bool squared_;  // distances, else products
  std::size_t dimension_;
  std::size_t columns_;
  std::vector<float> centre_;        // subtracted from rows and queries; zeros for products
  std::vector<std::int32_t> order_;  // row of each place; -1: erased
  std::vector<std::size_t> gone_;    // places erased, ascending
  AlignedVector<std::uint8_t> strips_;
  AlignedVector<float> scales_;
  AlignedVector<float> spreads_;  // how far a row may be from its bytes, at least
  AlignedVector<float> lengths_;  // products: of rows, rounded up, falling
  AlignedVector<float> biases_;   // distances: -|row|^2 / 2, rounded up
  float longest_bias_ = 0;        // the largest of -biases_
};

}  // namespace penchant::retrieval
