#pragma once

// The vectors of an index, as the kernels want them: rows padded with zeros to a multiple of
// sixteen columns (so each starts on a cache line, and zeros change no bit of a score), scaled to
// length one for the cosine. Rows that were removed keep their number; their bytes are zero.
//
//   VectorStore store(Metric::kL2, 96);
//   store.append(vectors);
//   AlignedVector<float> query = store.prepare(queries, "queries");   // padded the same way
//   store.score_gathered(rows, query_row, scores);

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"
#include "penchant/retrieval/metric.h"
#include "penchant/retrieval/own_or_borrow.h"

namespace penchant::retrieval {

class VectorStore {
 public:
  static constexpr std::size_t kMaxDimension = 1 << 16;

  VectorStore(Metric metric, std::size_t dimension);

  [[nodiscard]] Metric metric() const { return metric_; }
  [[nodiscard]] std::size_t dimension() const { return dimension_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }  // dimension, padded
  [[nodiscard]] std::size_t rows() const { return vectors_.size() / stride_; }
  [[nodiscard]] MatrixView<const float> view() const { return {vectors_.data(), rows(), stride_}; }

  // Rows that are there, ascending; meaningful when any_removed(), else every row is.
  [[nodiscard]] bool any_removed() const { return !removed_.empty(); }
  [[nodiscard]] bool is_removed(std::int32_t row) const;
  [[nodiscard]] std::span<const std::int32_t> removed_rows() const { return removed_; }
  [[nodiscard]] std::span<const std::int32_t> live_rows() const { return live_; }
  [[nodiscard]] std::size_t live_count() const { return rows() - removed_.size(); }

  // Checks, scales and pads. Throws kInvalidArgument naming `what` and the row.
  [[nodiscard]] AlignedVector<float> prepare(MatrixView<const float> vectors,
                                             std::string_view what) const;
  void append(MatrixView<const float> vectors);
  // Overwrites the bytes with zeros. `rows`: ascending, distinct, not removed yet.
  void erase(std::span<const std::int32_t> rows);

  // Scores of rows [first, first + scores.size()), or of `rows`. `query`: stride() floats.
  void score_range(std::size_t first, std::span<const float> query, std::span<float> scores) const;
  void score_gathered(std::span<const std::int32_t> rows, std::span<const float> query,
                      std::span<float> scores) const;

  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static VectorStore load(const std::shared_ptr<const bundle::Reader>& reader,
                                        const std::string& prefix, Metric metric, std::size_t rows,
                                        std::size_t dimension);

 private:
  void list_live_rows();

  Metric metric_;
  std::size_t dimension_;
  std::size_t stride_;
  OwnOrBorrow<float> vectors_;         // [rows, stride]
  std::vector<std::int32_t> removed_;  // ascending
  std::vector<std::int32_t> live_;     // ascending; empty while nothing is removed
};

// Throws kCorruptBundle, naming `what`, on a row whose squared norm is not finite or would
// overflow.
void check_norms(MatrixView<const float> rows, const std::string& what);

// Section <prefix>/centre: what codes of the store's rows are less (code_store.h).
[[nodiscard]] std::vector<float> load_centre(const std::shared_ptr<const bundle::Reader>& reader,
                                             const std::string& prefix, const VectorStore& store);

}  // namespace penchant::retrieval
