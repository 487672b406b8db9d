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

std::vector<double> transposed(const std::vector<double>& a, std::size_t f) {
  constexpr std::size_t kTile = 16;  // both sides of it stay in the nearest cache
  std::vector<double> out(f * f);
  for (std::size_t row = 0; row < f; row += kTile) {
    for (std::size_t column = 0; column < f; column += kTile) {
      for (std::size_t i = row; i < std::min(row + kTile, f); ++i) {
        for (std::size_t j = column; j < std::min(column + kTile, f); ++j) {
          out[j * f + i] = a[i * f + j];
        }
      }
    }
  }
  return out;
}

// L^-1 by blocks of columns: column j begins at row j, and columns don't need each other.
std::vector<double> lower_inverse(const std::vector<double>& l, std::size_t f, int threads) {
  constexpr std::size_t kColumns = 32;
  const int n = as_int(f);
  std::vector<double> out(f * f, 0.0);
  parallel_blocks(f, kColumns, threads, [&](const Block& b) {
    for (std::size_t j = b.begin; j < b.end; ++j) out[j * f + j] = 1.0;
    const std::size_t at = b.begin * f + b.begin;
    cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit,
                as_int(f - b.begin), as_int(b.end - b.begin), 1.0, l.data() + at, n,
                out.data() + at, n);
  });
  return out;
}

// A half's serial part is all that keeps two threads from being twice as fast where rows are short
// and factors many, so what can be shared out is.
Basis whitened(std::vector<double> g, std::size_t f, std::size_t stride, double regularization,
               int threads) {
  for (std::size_t i = 0; i < f; ++i) g[i * f + i] += regularization;
  int info = 0;
  const int n = as_int(f);
  // Column-major "U" of a symmetric row-major matrix is row-major L.
  dpotrf_("U", &n, g.data(), &n, &info);
  if (info != 0) singular();
  for (std::size_t i = 0; i < f; ++i) {
    std::fill_n(g.begin() + static_cast<std::ptrdiff_t>(i * f + i + 1), f - i - 1, 0.0);
  }
  const std::vector<double> inverse = lower_inverse(g, f, threads);
  Basis out;
  parallel_blocks(3, 1, threads, [&](const Block& b) {
    if (b.number == 0) out.to = pack(transposed(inverse, f), f, stride, MatrixShape::kUpper);
    if (b.number == 1) out.from = pack(g, f, stride, MatrixShape::kLower);
    if (b.number == 2) out.back = pack(inverse, f, stride, MatrixShape::kLower);
  });
  return out;
}

Basis eigenvectors(std::vector<double> g, std::size_t f, std::size_t stride) {
  Eigen e = eigendecomposition(std::move(g), f);
  const std::vector<double> columns = transposed(e.vectors, f);
  for (double& v : e.values) v = std::max(v, 0.0);
  return {pack(columns, f, stride, MatrixShape::kFull),
          pack(columns, f, stride, MatrixShape::kFull),
          pack(e.vectors, f, stride, MatrixShape::kFull), std::move(e.values)};
}

// One row's entries. Two take turns, so that a row's end can ask for the next one's start.
struct Entries {
  std::vector<std::int32_t> columns;
  std::vector<float> target;
  std::vector<float> excess;

  // t = c - (c - w0) o, e = c - w0, o: what the fixed columns add to the score (empty: nothing).
  void gather(const AlsSide& side, std::size_t row, float w0, std::span<const float> offset) {
    const auto at = side.matrix.row_index(row);
    const auto confidence = side.matrix.row_value(row);
    const std::size_t n = at.size();
    const std::size_t full = (n + 3) / 4 * 4;
    columns.resize(full);
    target.resize(full);
    excess.resize(full);
    std::copy_n(at.data(), n, columns.data());
    std::copy_n(confidence.data(), n, target.data());
    for (std::size_t k = 0; k < n; ++k) excess[k] = confidence[k] - w0;
    for (std::size_t k = 0; k < n && !offset.empty(); ++k) {
      target[k] -= excess[k] * offset[static_cast<std::size_t>(at[k])];
    }
    for (std::size_t k = n; k < full; ++k) {
      columns[k] = 0;
      target[k] = 0.0F;
      excess[k] = 0.0F;
    }
  }
};

// Working memory of one thread, made anew where the number of factors changes.
struct Workspace {
  explicit Workspace(std::size_t width)
      : stride(width), vectors(4 * width), diagonal(width), z(kBlockRows * width) {}

  std::size_t stride;
  std::array<Entries, 2> entries;
  AlignedVector<float> vectors;
  AlignedVector<float> diagonal;
  AlignedVector<float> z;               // [kBlockRows, stride]
  std::unique_ptr<PanelSquare> square;  // of an exact solve, or of one block of unknowns
  std::size_t square_width = 0;
  std::vector<float> dots;
  std::vector<float> weights;
  std::vector<const float*> rows;    // the row's vectors
  std::vector<const float*> slices;  // and from some unknown on

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

// The gathered vectors of a row, for the solvers that take them in full precision.
std::span<const float* const> gathered(const RowSystem& row, MatrixView<const float> vectors,
                                       Workspace& space) {
  space.rows.resize(row.padded);
  for (std::size_t k = 0; k < row.padded; ++k) {
    space.rows[k] = vectors.data + static_cast<std::size_t>(row.columns[k]) * vectors.columns;
  }
  return space.rows;
}

void solve_exactly(const RowSystem& row, MatrixView<const float> vectors, Workspace& space,
                   float* z) {
  const float* const* rows = gathered(row, vectors, space).data();
  PanelSquare& a = space.square_of(row.stride);
  a.set_diagonal(row.diagonal);
  a.add_weighted(rows, row.excess, row.padded);
  if (row.shared != nullptr) {
    std::copy_n(row.shared, row.stride, z);
  } else {
    std::fill_n(z, row.stride, 0.0F);
  }
  gather_sum(rows, row.target, row.padded, row.stride, z);
  if (!a.factorize()) singular();
  a.solve(z);
  // Once more with what is left over: single precision then does even where weights differ by
  // thousands.
  space.dots.assign(row.padded, 0.0F);
  gather_dots(rows, row.padded, row.stride, z, space.dots.data());
  left_over(row, rows, 0, row.stride, space, z);
  a.solve(space.vectors.data());
  for (std::size_t j = 0; j < row.stride; ++j) z[j] += space.vectors[j];
}

// One sweep of exact solves over blocks of unknowns, the others held (Rendle, Krichene, Zhang &
// Koren, "iALS++: Speeding up matrix factorization with subspace optimization", 2021, alg. 3). The
// row's vectors stay in cache for all its blocks; `dots` keeps v_k . z up to date.
void sweep_blocks(const RowSystem& row, MatrixView<const float> vectors, std::size_t block,
                  Workspace& space, float* z) {
  const float* const* rows = gathered(row, vectors, space).data();
  space.dots.assign(row.padded, 0.0F);
  space.slices.resize(row.padded);
  gather_dots(rows, row.padded, row.stride, z, space.dots.data());
  float* step = space.vectors.data();
  for (std::size_t first = 0; first < row.stride; first += block) {
    const std::size_t width = std::min(block, row.stride - first);
    for (std::size_t k = 0; k < row.padded; ++k) space.slices[k] = rows[k] + first;
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

// W of one half, in full or rounded to words.
struct Whitened {
  MatrixView<const float> vectors;
  const std::uint32_t* words = nullptr;
};

void solve_row(const AlsParameters& p, const RowSystem& row, const Whitened& w, Workspace& space,
               float* z) {
  if (row.padded == 0 && row.shared == nullptr) {
    std::fill_n(z, row.stride, 0.0F);
  } else if (p.solver == AlsSolver::kConjugateGradient) {
    float* work = space.vectors.data();
    if (w.words != nullptr) {
      conjugate_gradients(row, w.words, p.cg_steps, true, z, work);
    } else {
      conjugate_gradients(row, w.vectors.data, p.cg_steps, true, z, work);
    }
  } else if (p.solver == AlsSolver::kCholesky) {
    solve_exactly(row, w.vectors, space, z);
  } else {
    const std::size_t block = padded_to_panels(static_cast<std::size_t>(p.block_factors));
    sweep_blocks(row, w.vectors, block, space, z);
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

Whitened whiten(const Matrix<float>& vectors, const PackedMatrix& to, bool rounded, int threads,
                LargeBuffer& buffer) {
  const std::size_t rows = vectors.rows();
  const std::size_t stride = vectors.columns();
  Whitened out;
  if (!rounded) {
    float* w = buffer.reserve<float>(rows * stride);
    parallel_blocks(rows, kGramChunk, threads, [&](const Block& b) {
      multiply(vectors.row(b.begin).data(), b.end - b.begin, to, w + b.begin * stride);
    });
    out.vectors = {w, rows, stride};
    return out;
  }
  const std::size_t width = words_of(stride);
  auto* words = buffer.reserve<std::uint32_t>(rows * width);
  parallel_blocks(rows, kBlockRows, threads, [&](const Block& b) {
    Workspace& space = Workspace::here(stride);
    multiply(vectors.row(b.begin).data(), b.end - b.begin, to, space.z.data());
    round_to_words(space.z.data(), b.end - b.begin, stride, words + b.begin * width);
  });
  out.words = words;
  return out;
}

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
                             LargeBuffer& buffer, std::span<const double> weights) {
  constexpr std::size_t kWave = 32;  // chunks summed in float before all are added up in double
  const std::size_t rows = factors.rows();
  const std::size_t stride = factors.columns();
  const std::size_t chunks = (rows + kGramChunk - 1) / kGramChunk;
  float* sums = buffer.reserve<float>(std::min(kWave, chunks) * stride * stride);
  std::vector<double> total(f * f, 0.0);
  for (std::size_t wave = 0; wave < chunks; wave += kWave) {
    const std::size_t begin = wave * kGramChunk;
    const std::size_t end = std::min(begin + kWave * kGramChunk, rows);
    parallel_blocks(end - begin, kGramChunk, threads, [&](const Block& b) {
      Workspace& space = Workspace::here(stride);
      PanelSquare& square = space.square_of(stride);
      const std::size_t count = b.end - b.begin;
      space.rows.resize(count);
      space.weights.resize(count);
      for (std::size_t r = 0; r < count; ++r) {
        space.rows[r] = factors.row(begin + b.begin + r).data();
        if (!weights.empty()) {
          space.weights[r] = static_cast<float>(weights[begin + b.begin + r]);
        }
      }
      square.clear();
      square.add_weighted(space.rows.data(), weights.empty() ? nullptr : space.weights.data(),
                          count);
      std::ranges::copy(square.values(), sums + b.number * stride * stride);
    });
    const std::size_t summed = (end - begin + kGramChunk - 1) / kGramChunk;
    parallel_blocks(f, kPanel, threads, [&](const Block& b) {
      for (std::size_t c = 0; c < summed; ++c) {
        const float* panel = sums + c * stride * stride + b.number * stride * kPanel;
        for (std::size_t i = b.begin; i < b.end; ++i) {
          for (std::size_t j = 0; j <= i; ++j) {
            total[i * f + j] += static_cast<double>(panel[j * kPanel + i - b.begin]);
          }
        }
      }
    });
  }
  for (std::size_t i = 0; i < f; ++i) {
    for (std::size_t j = i + 1; j < f; ++j) total[i * f + j] = total[j * f + i];
  }
  return total;
}

void als_half(const AlsParameters& p, AlsSide& side, const AlsSide& other, bool rounded,
              LargeBuffer& buffer) {
  const auto core = static_cast<std::size_t>(p.factors);
  const std::size_t f = core + (side.has_bias ? 1 : 0);
  const std::size_t stride = side.factors.columns();
  const Against against(side, other, core);
  std::vector<double> g = als_gram(*against.vectors, f, p.threads, buffer);
  for (double& v : g) v *= p.unobserved_weight;
  const bool uniform = p.regularization_exponent == 0;
  const Basis basis = uniform ? whitened(std::move(g), f, stride, p.regularization, p.threads)
                              : eigenvectors(std::move(g), f, stride);
  rounded = rounded && p.solver == AlsSolver::kConjugateGradient;
  const Whitened w = whiten(*against.vectors, basis.to, rounded, p.threads, buffer);
  const AlignedVector<float> shared = against.shared(p.unobserved_weight, basis.to);
  const auto w0 = static_cast<float>(p.unobserved_weight);
  const std::size_t ahead = vectors_ahead(stride);
  const bool warm = p.solver != AlsSolver::kCholesky;
  const auto bounds =
      balanced_bounds(side.matrix.offsets.data(), side.rows(), kBlockEntries, kBlockRows);
  parallel_ranges(bounds, p.threads, [&](const Block& block) {
    Workspace& space = Workspace::here(stride);
    float* x = side.factors.row(block.begin).data();
    if (warm) multiply(x, block.end - block.begin, basis.from, space.z.data());
    space.entries[0].gather(side, block.begin, w0, against.offset);
    for (std::size_t i = block.begin; i < block.end; ++i) {
      const Entries& entries = space.entries[(i - block.begin) % 2];
      Entries& next = space.entries[(i - block.begin + 1) % 2];
      if (i + 1 < block.end) next.gather(side, i + 1, w0, against.offset);
      RowSystem row{entries.columns.data(), entries.target.data(), entries.excess.data(),
                    entries.columns.size(), stride};
      if (!uniform) {
        for (std::size_t j = 0; j < stride; ++j) {
          const double d = j < f ? basis.diagonal[j] : 0.0;
          space.diagonal[j] = static_cast<float>(d + side.regularization[i]);
        }
        row.diagonal = space.diagonal.data();
      }
      if (!shared.empty()) row.shared = shared.data();
      if (i + 1 < block.end) {
        row.next = next.columns.data();
        row.next_count = std::min(ahead, next.columns.size());
      }
      solve_row(p, row, w, space, space.z.data() + (i - block.begin) * stride);
    }
    multiply(space.z.data(), block.end - block.begin, basis.back, x);
  });
}

}  // namespace penchant::models
