#pragma once

// Exact answers about the inner products of queries with all rows of a matrix (item factors), most
// of which are never computed in float: the best k rows, and how many rows rank below or above
// given scores. Whatever is answered is what dot_rows of kernels.h and a sort would say, bit for
// bit.
//
//   const FactorScan scan(item_vectors);                            // once
//   std::vector<FactorScan::Answer> answers(queries.size());
//   if (scan.accepts(vector)) ...                                   // each query
//   scan.run(queries, answers);                                     // on any thread
//
// A first pass on rows rounded to 16-bit integers gives every score up to a proved slack (the
// proof is in the .cc). A row whose band of possible scores holds no threshold and can't reach the
// list needs no more; the few others are scored by dot_gathered in the defined order. Rows go from
// the largest norm down, so that for many queries whole tiles fall below everything that matters
// and are not multiplied at all. Time O(rows * columns) a query with a small constant, memory half
// that of the matrix, and 256 numbers a query.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/ids.h"
#include "penchant/base/matrix.h"
#include "penchant/base/top_k.h"

namespace penchant {

class FactorScan {
 public:
  static constexpr std::size_t kQueries =
      48;  // of one run: they share each tile's way to the cache

  struct Query {
    std::span<const float> vector;  // [columns], accepted
    std::size_t k = 0;              // best rows wanted; 0: no list
    // Rows in no list: ascending indices, and where `allowed` (a byte a row) holds 0; empty: none.
    std::span<const ItemIndex> skipped;
    std::span<const std::uint8_t> allowed;
    std::span<const float> thresholds;  // ascending scores, at most kMostThresholds
    Scored pivot;                       // with count_before: its score must be the last threshold
    bool count_before = false;
  };

  struct Answer {
    std::vector<Scored> best;  // k or fewer, best first (ranks_before)
    // Over all rows, skipped ones too: sum over thresholds t of #(score < t) + #(score <= t), and
    // the rows that rank before the pivot.
    std::int64_t twice_below = 0;
    std::int64_t before = 0;
  };

  // Reads `rows` later too: they must outlive this. O(rows * columns).
  explicit FactorScan(MatrixView<const float> rows);

  // Whether the matrix can be scanned at all: finite, norms within 1e-13 .. 1e16 or zero.
  [[nodiscard]] bool usable() const { return usable_; }
  // The same of a query's vector. A zero vector is not accepted: every row would tie.
  [[nodiscard]] bool accepts(std::span<const float> vector) const;

  // answers[i] of queries[i]; at most kQueries of them, all accepted. Throws kInvalidArgument.
  void run(std::span<const Query> queries, std::span<Answer> answers) const;

  [[nodiscard]] MatrixView<const float> rows() const { return rows_; }

 private:
  class Run;

  MatrixView<const float> rows_;
  std::size_t columns_ = 0;             // padded
  std::size_t padded_rows_ = 0;         // to whole tiles
  AlignedVector<std::int16_t> strips_;  // of int16_kernels.h, rows by falling scale
  std::vector<float> scales_;           // [rows] falling; row = scale * integers
  std::vector<std::int32_t> index_;     // [rows] where the row stands in rows_
  double largest_residual_ = 0;         // of any row, in units of its scale
  bool usable_ = false;
};

}  // namespace penchant
