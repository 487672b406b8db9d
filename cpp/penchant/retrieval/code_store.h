#pragma once

// A byte a coordinate: a copy of the vectors that a walk can read in a quarter of the time. What it
// finds is scored again from the floats, so codes decide which rows are looked at, never a score
// that is returned. Their arithmetic is that of exact integers (base/int8_kernels.h), the same on
// every CPU.
//
//   CodeStore codes(Metric::kL2, 96, CodeStore::centre_of(rows));
//   codes.append(rows);
//   CodeQuery query;
//   codes.prepare(vector, query);
//   codes.score_gathered(found, query, scores);       // higher is nearer; -|x-q|^2 but for a
//   constant
//
// A row x is kept as x - centre ~ scale * v with v in [-127, 127]; distances are those to the
// vector that the bytes stand for. A constant that is the same for all rows is left out of a score.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "penchant/base/code_kernels.h"
#include "penchant/base/matrix.h"
#include "penchant/retrieval/metric.h"

namespace penchant::retrieval {

struct CodeQuery {
  AlignedVector<std::int16_t> integers;
  std::int32_t offset = 0;
  float gain = 0;
  float norm = 0;  // of the query's code, squared (kL2); else 1: norm - score is a distance

  [[nodiscard]] CodeQueryView view() const { return {integers.data(), offset, gain}; }
};

// Rows that a byte a coordinate can't tell from the best `keep`: a margin beyond them, to be scored
// from their floats.
[[nodiscard]] constexpr std::size_t head_of(std::size_t keep) { return keep + keep / 2 + 16; }

class CodeStore {
 public:
  // metric: kL2, or else products.
  CodeStore(Metric metric, std::size_t dimension, std::vector<float> centre);

  // What to subtract from every row: the mean, coarsely rounded, of many rows; zeros for few.
  [[nodiscard]] static std::vector<float> centre_of(MatrixView<const float> rows,
                                                    std::size_t dimension);
  // Of the rows `order` alone.
  [[nodiscard]] static std::vector<float> centre_of(MatrixView<const float> rows,
                                                    std::span<const std::int32_t> order,
                                                    std::size_t dimension);

  [[nodiscard]] std::size_t rows() const { return bytes_.size() / stride_; }
  [[nodiscard]] std::span<const float> centre() const { return centre_; }
  [[nodiscard]] CodeView view() const { return {bytes_.data(), stride_, used_}; }

  // rows: at least `dimension` columns, of which the first are taken.
  void append(MatrixView<const float> rows, int threads = 1);
  // Rows `order` of `rows`, in that order.
  void append_gathered(MatrixView<const float> rows, std::span<const std::int32_t> order,
                       int threads = 1);
  // Overwrites the bytes.
  void erase(std::span<const std::int32_t> rows);

  void prepare(std::span<const float> vector, CodeQuery& query) const;

  void score_gathered(std::span<const std::int32_t> rows, const CodeQuery& query,
                      std::span<float> scores, bool prefetch = true) const {
    score_codes_gathered(view(), rows, query.view(), prefetch, scores);
  }

 private:
  void encode(std::span<const float> row, std::uint8_t* to) const;

  bool squared_;  // distances, else products
  std::size_t dimension_;
  std::size_t used_;
  std::size_t stride_;
  std::vector<float> centre_;
  AlignedVector<std::uint8_t> bytes_;  // [rows, stride]
};

}  // namespace penchant::retrieval
