#include "penchant/models/als_half.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include <cblas.h>

#include "penchant/base/parallel.h"
#include "penchant/models/als_kernels.h"
#include "penchant/models/panel_linalg.h"

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w,
             double* work, const int* lwork, int* iwork, const int* liwork, int* info);
}

namespace penchant::models {
namespace {

constexpr std::size_t kGramChunk = 512;      // rows summed in float before double takes over
constexpr std::size_t kBlockEntries = 8192;  // non-zeros a parallel block aims at
constexpr std::size_t kBlockRows = 120;      // and its most rows

[[noreturn]] void singular() {
  fail(ErrorKind::kBadData, "ALS: the normal equations are singular; raise `regularization`");
}

int as_int(std::size_t n) { return static_cast<int>(n); }

// The coordinates in which the shared term is diagonal; see the header.
struct Basis {
  PackedMatrix to;               // W = V to
  PackedMatrix from;             // z = x from
  PackedMatrix back;             // x = z back
  std::vector<double> diagonal;  // D; empty where it is all in the basis
};

Basis whitened(std::vector<double> g, std::size_t f, std::size_t stride, double regularization) {
  for (std::size_t i = 0; i < f; ++i) g[i * f + i] += regularization;
  int info = 0;
  const int n = as_int(f);
  // Column-major "U" of a symmetric row-major matrix is row-major L.
  dpotrf_("U", &n, g.data(), &n, &info);
  if (info != 0) singular();
  std::vector<double> inverse(f * f, 0.0);
  for (std::size_t i = 0; i < f; ++i) {
    std::fill_n(g.begin() + static_cast<std::ptrdiff_t>(i * f + i + 1), f - i - 1, 0.0);
    inverse[i * f + i] = 1.0;
  }
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, n, n, 1.0, g.data(),
              n, inverse.data(), n);
  std::vector<double> transposed(f * f);
  for (std::size_t i = 0; i < f; ++i) {
    for (std::size_t j = 0; j < f; ++j) transposed[j * f + i] = inverse[i * f + j];
  }
  return {pack(transposed, f, stride, MatrixShape::kUpper),
          pack(g, f, stride, MatrixShape::kLower),
          pack(inverse, f, stride, MatrixShape::kLower),
          {}};
}

Basis eigenvectors(std::vector<double> g, std::size_t f, std::size_t stride) {
  Eigen e = eigendecomposition(std::move(g), f);
  std::vector<double> transposed(f * f);
  for (std::size_t i = 0; i < f; ++i) {
    for (std::size_t j = 0; j < f; ++j) transposed[j * f + i] = e.vectors[i * f + j];
  }
  for (double& v : e.values) v = std::max(v, 0.0);
  return {pack(transposed, f, stride, MatrixShape::kFull),
          pack(transposed, f, stride, MatrixShape::kFull),
          pack(e.vectors, f, stride, MatrixShape::kFull), std::move(e.values)};
}

// One row's gathered entries. Two take turns, so that a row's end can ask for the next one's start.
struct GatheredRow {
  std::vector<const float*> rows;
  std::vector<float> target;
  std::vector<float> excess;

  // t = c - (c - w0) o, e = c - w0, o: what the fixed columns add to the score (empty: nothing).
  void gather(const AlsSide& side, std::size_t row, float w0, MatrixView<const float> vectors,
              std::span<const float> offset) {
    const auto columns = side.matrix.row_index(row);
    const auto confidence = side.matrix.row_value(row);
    const std::size_t n = columns.size();
    const std::size_t full = (n + 3) / 4 * 4;
    rows.resize(full);
    target.assign(full, 0.0F);
    excess.assign(full, 0.0F);
    const float* base = vectors.data;
    const std::size_t stride = vectors.columns;
    for (std::size_t k = 0; k < n; ++k) {
      const auto at = static_cast<std::size_t>(columns[k]);
      rows[k] = base + at * stride;
      excess[k] = confidence[k] - w0;
      target[k] = confidence[k];
      if (!offset.empty()) target[k] -= excess[k] * offset[at];
    }
    std::fill(rows.begin() + static_cast<std::ptrdiff_t>(n), rows.end(), base);
  }
};

// Working memory of one thread, made anew where the number of factors changes.
struct Workspace {
  explicit Workspace(std::size_t width)
      : stride(width), vectors(4 * width), diagonal(width), z(kBlockRows * width) {}

  std::size_t stride;
  std::array<GatheredRow, 2> gathered;
  AlignedVector<float> vectors;
  AlignedVector<float> diagonal;
  AlignedVector<float> z;               // [kBlockRows, stride]
  std::unique_ptr<PanelSquare> square;  // of an exact solve, or of one block of unknowns
  std::size_t square_width = 0;
  std::vector<float> dots;
  std::vector<float> weights;
  std::vector<const float*> slices;

  PanelSquare& square_of(std::size_t width) {
    if (square_width != width) square = std::make_unique<PanelSquare>(width);
    square_width = width;
    return *square;
  }

  [[nodiscard]] static Workspace& here(std::size_t stride) {
    thread_local std::unique_ptr<Workspace> mine;
    if (!mine || mine->stride != stride) mine = std::make_unique<Workspace>(stride);
    return *mine;
  }
};

// The residual at z in unknowns [first, first + width), into space.vectors; space.dots holds v_k .
// z and `slices` the vectors from `first` on.
void left_over(const RowSystem& row, const float* const* slices, std::size_t first,
               std::size_t width, Workspace& space, const float* z) {
  space.weights.resize(row.padded);
  for (std::size_t k = 0; k < row.padded; ++k) {
    space.weights[k] = row.target[k] - row.excess[k] * space.dots[k];
  }
  float* out = space.vectors.data();
  for (std::size_t j = 0; j < width; ++j) {
    const float d = row.diagonal == nullptr ? 1.0F : row.diagonal[first + j];
    const float h = row.shared == nullptr ? 0.0F : row.shared[first + j];
    out[j] = h - d * z[first + j];
  }
  gather_sum(slices, space.weights.data(), row.padded, width, out);
}

void solve_exactly(const RowSystem& row, Workspace& space, float* z) {
  PanelSquare& a = space.square_of(row.stride);
  a.set_diagonal(row.diagonal);
  a.add_weighted(row.rows, row.excess, row.padded);
  if (row.shared != nullptr) {
    std::copy_n(row.shared, row.stride, z);
  } else {
    std::fill_n(z, row.stride, 0.0F);
  }
  gather_sum(row.rows, row.target, row.padded, row.stride, z);
  if (!a.factorize()) singular();
  a.solve(z);
  // Once more with what is left over: single precision then does even where weights differ by
  // thousands.
  space.dots.assign(row.padded, 0.0F);
  gather_dots(row.rows, row.padded, row.stride, z, space.dots.data());
  left_over(row, row.rows, 0, row.stride, space, z);
  a.solve(space.vectors.data());
  for (std::size_t j = 0; j < row.stride; ++j) z[j] += space.vectors[j];
}

// One sweep of exact solves over blocks of unknowns, the others held (Rendle, Krichene, Zhang &
// Koren, "iALS++: Speeding up matrix factorization with subspace optimization", 2021, alg. 3). The
// row's vectors stay in cache for all its blocks; `dots` keeps v_k . z up to date.
void sweep_blocks(const RowSystem& row, std::size_t block, Workspace& space, float* z) {
  space.dots.assign(row.padded, 0.0F);
  space.slices.resize(row.padded);
  gather_dots(row.rows, row.padded, row.stride, z, space.dots.data());
  float* step = space.vectors.data();
  for (std::size_t first = 0; first < row.stride; first += block) {
    const std::size_t width = std::min(block, row.stride - first);
    for (std::size_t k = 0; k < row.padded; ++k) space.slices[k] = row.rows[k] + first;
    left_over(row, space.slices.data(), first, width, space, z);
    PanelSquare& a = space.square_of(width);
    a.set_diagonal(row.diagonal == nullptr ? nullptr : row.diagonal + first);
    a.add_weighted(space.slices.data(), row.excess, row.padded);
    if (!a.factorize()) singular();
    a.solve(step);
    for (std::size_t j = 0; j < width; ++j) z[first + j] += step[j];
    gather_dots(space.slices.data(), row.padded, width, step, space.dots.data());
  }
}

void solve_row(const AlsParameters& p, const RowSystem& row, bool warm, Workspace& space,
               float* z) {
  if (row.padded == 0 && row.shared == nullptr) {
    std::fill_n(z, row.stride, 0.0F);
  } else if (p.solver == AlsSolver::kConjugateGradient) {
    conjugate_gradients(row, p.cg_steps, warm, z, space.vectors.data());
  } else if (p.solver == AlsSolver::kCholesky) {
    solve_exactly(row, space, z);
  } else {
    sweep_blocks(row, padded_to_panels(static_cast<std::size_t>(p.block_factors)), space, z);
  }
}

// What the rows of `side` are solved against: the other side's factors without its bias, which
// multiplies a column of ones (`offset`), and with a column of ones for the side's own bias.
struct Against {
  const Matrix<float>* vectors = nullptr;
  Matrix<float> copy;
  std::vector<float> offset;  // empty: no bias there

  Against(const AlsSide& side, const AlsSide& other, std::size_t f) : vectors(&other.factors) {
    if (!side.has_bias && !other.has_bias) return;
    copy = Matrix<float>(other.rows(), other.factors.columns());
    for (std::size_t i = 0; i < other.rows(); ++i) {
      std::copy_n(other.factors.row(i).data(), f, copy.row(i).data());
      if (side.has_bias) copy.row(i)[f] = 1.0F;
      if (other.has_bias) offset.push_back(other.factors.row(i)[f]);
    }
    vectors = &copy;
  }

  // h = -w0 sum_i o_i v_i, in the coordinates of `to`; empty where there is no offset.
  [[nodiscard]] AlignedVector<float> shared(double w0, const PackedMatrix& to) const {
    if (offset.empty()) return {};
    const std::size_t stride = vectors->columns();
    std::vector<double> sum(stride, 0.0);
    for (std::size_t i = 0; i < offset.size(); ++i) {
      for (std::size_t j = 0; j < stride; ++j) {
        sum[j] -= w0 * static_cast<double>(offset[i]) * static_cast<double>(vectors->row(i)[j]);
      }
    }
    AlignedVector<float> plain(stride);
    for (std::size_t j = 0; j < stride; ++j) plain[j] = static_cast<float>(sum[j]);
    AlignedVector<float> out(stride);
    multiply(plain.data(), 1, to, out.data());
    return out;
  }
};

}  // namespace

Eigen eigendecomposition(std::vector<double> symmetric, std::size_t f) {
  const int n = as_int(f);
  int info = 0;
  Eigen out;
  out.values.resize(f);
  int size = 1 + 6 * n + 2 * n * n;
  std::vector<double> work(static_cast<std::size_t>(size));
  std::vector<int> integer_work(3 + 5 * f);
  int integers = as_int(integer_work.size());
  dsyevd_("V", "L", &n, symmetric.data(), &n, out.values.data(), work.data(), &size,
          integer_work.data(), &integers, &info);
  if (info != 0) singular();
  out.vectors = std::move(symmetric);  // LAPACK's columns are our rows
  return out;
}

std::vector<float> als_confidences(const AlsParameters& p, const data::Interactions& pairs,
                                   Timestamp as_of) {
  std::vector<float> out = pair_weights(p.weighting, pairs, as_of);
  for (float& v : out) v = static_cast<float>(1 + p.alpha * static_cast<double>(v));
  return out;
}

double als_row_regularization(const AlsParameters& p, std::size_t observed,
                              std::size_t row_length) {
  const double n =
      static_cast<double>(observed) + p.unobserved_weight * static_cast<double>(row_length);
  return p.regularization * std::pow(n, p.regularization_exponent);
}

std::vector<double> als_gram(const Matrix<float>& factors, std::size_t f, int threads,
                             std::span<const double> weights) {
  const std::size_t rows = factors.rows();
  // At most 64 partial results whatever the number of rows.
  const std::size_t block = std::max(kGramChunk, (rows + 63) / 64);
  std::vector<std::vector<double>> partial((rows + block - 1) / block);
  parallel_blocks(rows, block, threads, [&](const Block& b) {
    std::vector<double>& sum = partial[b.number];
    sum.assign(f * f, 0.0);
    PanelSquare square(factors.columns());
    std::vector<const float*> chunk;
    std::vector<float> chunk_weights;
    for (std::size_t i = b.begin; i < b.end; i += kGramChunk) {
      const std::size_t count = std::min(kGramChunk, b.end - i);
      chunk.resize(count);
      for (std::size_t r = 0; r < count; ++r) chunk[r] = factors.row(i + r).data();
      if (!weights.empty()) {
        const auto here = weights.subspan(i, count);
        chunk_weights.assign(here.begin(), here.end());
      }
      square.clear();
      square.add_weighted(chunk.data(), weights.empty() ? nullptr : chunk_weights.data(), count);
      square.add_lower_to(sum, f);
    }
  });
  std::vector<double> total(f * f, 0.0);
  for (const auto& sum : partial) {
    for (std::size_t j = 0; j < f * f; ++j) total[j] += sum[j];
  }
  for (std::size_t i = 0; i < f; ++i) {
    for (std::size_t j = i + 1; j < f; ++j) total[i * f + j] = total[j * f + i];
  }
  return total;
}

void als_half(const AlsParameters& p, AlsSide& side, const AlsSide& other, LargeBuffer& buffer) {
  const auto core = static_cast<std::size_t>(p.factors);
  const std::size_t f = core + (side.has_bias ? 1 : 0);
  const std::size_t stride = side.factors.columns();
  const Against against(side, other, core);
  std::vector<double> g = als_gram(*against.vectors, f, p.threads);
  for (double& v : g) v *= p.unobserved_weight;
  const bool uniform = p.regularization_exponent == 0;
  const Basis basis = uniform ? whitened(std::move(g), f, stride, p.regularization)
                              : eigenvectors(std::move(g), f, stride);
  const MatrixView<float> w{buffer.reserve(other.rows() * stride), other.rows(), stride};
  parallel_blocks(other.rows(), kGramChunk, p.threads, [&](const Block& b) {
    multiply(against.vectors->row(b.begin).data(), b.end - b.begin, basis.to,
             w.row(b.begin).data());
  });
  const AlignedVector<float> shared = against.shared(p.unobserved_weight, basis.to);
  const auto w0 = static_cast<float>(p.unobserved_weight);
  const bool warm = p.solver != AlsSolver::kCholesky;
  const auto bounds =
      balanced_bounds(side.matrix.offsets.data(), side.rows(), kBlockEntries, kBlockRows);
  parallel_ranges(bounds, p.threads, [&](const Block& block) {
    Workspace& space = Workspace::here(stride);
    float* x = side.factors.row(block.begin).data();
    if (warm) multiply(x, block.end - block.begin, basis.from, space.z.data());
    space.gathered[0].gather(side, block.begin, w0, w, against.offset);
    for (std::size_t i = block.begin; i < block.end; ++i) {
      const GatheredRow& entries = space.gathered[(i - block.begin) % 2];
      GatheredRow& next = space.gathered[(i - block.begin + 1) % 2];
      if (i + 1 < block.end) next.gather(side, i + 1, w0, w, against.offset);
      RowSystem row{entries.rows.data(), entries.target.data(), entries.excess.data(),
                    entries.rows.size(), stride};
      if (!uniform) {
        for (std::size_t j = 0; j < stride; ++j) {
          const double d = j < f ? basis.diagonal[j] : 0.0;
          space.diagonal[j] = static_cast<float>(d + side.regularization[i]);
        }
        row.diagonal = space.diagonal.data();
      }
      if (!shared.empty()) row.shared = shared.data();
      if (i + 1 < block.end) {
        row.next = next.rows.data();
        row.next_count = std::min<std::size_t>(8, next.rows.size());
      }
      solve_row(p, row, warm, space, space.z.data() + (i - block.begin) * stride);
    }
    multiply(space.z.data(), block.end - block.begin, basis.back, x);
  });
}

}  // namespace penchant::models
