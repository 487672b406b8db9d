#include "penchant/retrieval/vector_store.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "penchant/base/error.h"
#include "penchant/base/kernels.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kPad = 16;  // floats: a cache line, and the lanes of a kernel

// With norms below this no product, difference or partial sum of two vectors overflows, so that
// nothing downstream meets an infinity or a NaN.
constexpr double kMaxSquaredNorm = std::numeric_limits<float>::max() / 8.0;

// Added in order: the same on every CPU.
double squared_norm(std::span<const float> row) {
  double sum = 0;
  for (const float x : row) sum += static_cast<double>(x) * static_cast<double>(x);
  return sum;
}

double checked_squared_norm(std::span<const float> row, std::size_t number, std::string_view what,
                            ErrorKind kind) {
  const double norm = squared_norm(row);
  if (norm <= kMaxSquaredNorm) return norm;
  for (std::size_t j = 0; j < row.size(); ++j) {
    if (!std::isfinite(row[j])) {
      fail(kind, concat(what, ", row ", number, ", column ", j, ": ",
                        std::isnan(row[j]) ? "NaN" : "infinite",
                        "; every coordinate must be a finite number"));
    }
  }
  fail(kind, concat(what, ", row ", number, ": squared norm ", norm,
                    " would overflow float32; scale the vectors down"));
}

}  // namespace

VectorStore::VectorStore(Metric metric, std::size_t dimension)
    : metric_(metric), dimension_(dimension), stride_((dimension + kPad - 1) / kPad * kPad) {
  check_argument(dimension >= 1 && dimension <= kMaxDimension, "vectors have ", dimension,
                 " columns; an index takes 1 to ", kMaxDimension);
}

bool VectorStore::is_removed(std::int32_t row) const {
  return std::binary_search(removed_.begin(), removed_.end(), row);
}

AlignedVector<float> VectorStore::prepare(MatrixView<const float> vectors,
                                          std::string_view what) const {
  check_argument(vectors.columns == dimension_, what, " have ", vectors.columns,
                 " columns, the index has ", dimension_);
  AlignedVector<float> out(vectors.rows * stride_, 0.0F);
  for (std::size_t i = 0; i < vectors.rows; ++i) {
    const auto row = vectors.row(i);
    const double norm = checked_squared_norm(row, i, what, ErrorKind::kInvalidArgument);
    float* to = out.data() + i * stride_;
    if (metric_ == Metric::kCosine) {
      const double scale = norm > 0 ? 1.0 / std::sqrt(norm) : 0.0;
      for (std::size_t j = 0; j < dimension_; ++j) {
        to[j] = static_cast<float>(static_cast<double>(row[j]) * scale);
      }
    } else {
      std::copy(row.begin(), row.end(), to);
    }
  }
  return out;
}

void VectorStore::append(MatrixView<const float> vectors) {
  check_argument(vectors.rows + rows() < std::numeric_limits<std::int32_t>::max(),
                 "an index holds fewer than 2^31 - 1 vectors");
  AlignedVector<float> more = prepare(vectors, "vectors");
  AlignedVector<float>& all = vectors_.own();
  if (all.empty()) {
    all = std::move(more);
  } else {
    all.insert(all.end(), more.begin(), more.end());
  }
  if (any_removed()) list_live_rows();
}

void VectorStore::erase(std::span<const std::int32_t> rows) {
  AlignedVector<float>& all = vectors_.own();
  for (const std::int32_t row : rows) {
    std::fill_n(all.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(row) * stride_),
                stride_, 0.0F);
  }
  std::vector<std::int32_t> removed;
  removed.reserve(removed_.size() + rows.size());
  std::merge(removed_.begin(), removed_.end(), rows.begin(), rows.end(),
             std::back_inserter(removed));
  removed_ = std::move(removed);
  list_live_rows();
}

void VectorStore::list_live_rows() {
  live_.clear();
  live_.reserve(live_count());
  auto gone = removed_.begin();
  for (std::int32_t row = 0; row < static_cast<std::int32_t>(rows()); ++row) {
    if (gone != removed_.end() && *gone == row) {
      ++gone;
    } else {
      live_.push_back(row);
    }
  }
}

void VectorStore::score_range(std::size_t first, std::span<const float> query,
                              std::span<float> scores) const {
  const MatrixView<const float> part{vectors_.data() + first * stride_, scores.size(), stride_};
  if (metric_ == Metric::kL2) {
    squared_distance_rows(part, query, scores);
    for (float& score : scores) score = 0.0F - score;
  } else {
    dot_rows(part, query, scores);
  }
}

void VectorStore::score_gathered(std::span<const std::int32_t> rows, std::span<const float> query,
                                 std::span<float> scores) const {
  if (metric_ == Metric::kL2) {
    squared_distance_gathered(view(), rows, query, scores);
    for (float& score : scores) score = 0.0F - score;
  } else {
    dot_gathered(view(), rows, query, scores);
  }
}

void VectorStore::save(bundle::Writer& writer, const std::string& prefix) const {
  writer.add(prefix + "/vectors", view());
  writer.add(prefix + "/removed", std::span<const std::int32_t>(removed_));
}

void check_norms(MatrixView<const float> rows, const std::string& what) {
  for (std::size_t i = 0; i < rows.rows; ++i) {
    checked_squared_norm(rows.row(i), i, what, ErrorKind::kCorruptBundle);
  }
}

std::vector<float> load_centre(const std::shared_ptr<const bundle::Reader>& reader,
                               const std::string& prefix, const VectorStore& store) {
  const std::string what = prefix + "/centre";
  const auto centre = reader->array<float>(what);
  if (centre.size() != store.dimension()) {
    fail(ErrorKind::kCorruptBundle,
         concat(what, ": ", centre.size(), " columns, the vectors have ", store.dimension()));
  }
  check_norms({centre.data(), 1, centre.size()}, what);
  return {centre.begin(), centre.end()};
}

VectorStore VectorStore::load(const std::shared_ptr<const bundle::Reader>& reader,
                              const std::string& prefix, Metric metric, std::size_t rows,
                              std::size_t dimension) {
  const auto corrupt = [&](const std::string& what) {
    fail(ErrorKind::kCorruptBundle, concat(prefix, ": ", what));
  };
  if (dimension < 1 || dimension > kMaxDimension) corrupt(concat("dimension ", dimension));
  VectorStore store(metric, dimension);
  const MatrixView<const float> vectors = reader->matrix<float>(prefix + "/vectors");
  if (vectors.rows != rows || vectors.columns != store.stride_ ||
      rows >= std::numeric_limits<std::int32_t>::max()) {
    corrupt(concat("vectors are ", vectors.rows, " x ", vectors.columns, ", expected ", rows, " x ",
                   store.stride_));
  }
  check_norms(vectors, prefix + "/vectors");
  store.vectors_ = OwnOrBorrow<float>(SharedArray<float>(reader, vectors.flat()));
  const SharedArray<std::int32_t> removed = reader->array<std::int32_t>(prefix + "/removed");
  std::int32_t last = -1;
  for (const std::int32_t row : removed) {
    if (row <= last || static_cast<std::size_t>(row) >= rows) {
      corrupt(concat("removed rows must ascend within ", rows, "; met ", row, " after ", last));
    }
    last = row;
  }
  store.removed_.assign(removed.begin(), removed.end());
  if (store.any_removed()) store.list_live_rows();
  return store;
}

}  // namespace penchant::retrieval
