#include "penchant/models/dense_inverse.h"

#include <algorithm>

#include <cblas.h>

#include "penchant/base/parallel.h"

extern "C" {
void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void strtri_(const char* uplo, const char* diag, const int* n, float* a, const int* lda, int* info);
void dtrtri_(const char* uplo, const char* diag, const int* n, double* a, const int* lda,
             int* info);
}

namespace penchant::models {
namespace {

// Rows and columns of a block. A product of blocks copies both before it multiplies, which weighs
// less the larger they are; but a few thousand rows need enough of them for all threads.
std::size_t block_of(std::size_t n) { return n >= 4096 ? 512 : 256; }

int as_int(std::size_t n) { return static_cast<int>(n); }

// c[m, n] (ldc) = alpha * op(a) * op(b) + beta * c, row-major.
void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, std::size_t m, std::size_t n, std::size_t k,
             float alpha, const float* a, std::size_t lda, const float* b, std::size_t ldb,
             float beta, float* c, std::size_t ldc) {
  cblas_sgemm(CblasRowMajor, ta, tb, as_int(m), as_int(n), as_int(k), alpha, a, as_int(lda), b,
              as_int(ldb), beta, c, as_int(ldc));
}
void product(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, std::size_t m, std::size_t n, std::size_t k,
             double alpha, const double* a, std::size_t lda, const double* b, std::size_t ldb,
             double beta, double* c, std::size_t ldc) {
  cblas_dgemm(CblasRowMajor, ta, tb, as_int(m), as_int(n), as_int(k), alpha, a, as_int(lda), b,
              as_int(ldb), beta, c, as_int(ldc));
}

// x [m, n] = x * L^-T with L [n, n] lower.
void solve_right(std::size_t m, std::size_t n, const float* l, std::size_t ldl, float* x,
                 std::size_t ldx) {
  cblas_strsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, as_int(m), as_int(n),
              1.0F, l, as_int(ldl), x, as_int(ldx));
}
void solve_right(std::size_t m, std::size_t n, const double* l, std::size_t ldl, double* x,
                 std::size_t ldx) {
  cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, as_int(m), as_int(n),
              1.0, l, as_int(ldl), x, as_int(ldx));
}

// LAPACK's column-major upper triangle is the row-major lower one.
int factor_diagonal(std::size_t n, float* a, std::size_t lda) {
  const int order = as_int(n);
  const int stride = as_int(lda);
  int info = 0;
  spotrf_("U", &order, a, &stride, &info);
  return info;
}
int factor_diagonal(std::size_t n, double* a, std::size_t lda) {
  const int order = as_int(n);
  const int stride = as_int(lda);
  int info = 0;
  dpotrf_("U", &order, a, &stride, &info);
  return info;
}
void invert_triangle(std::size_t n, float* a, std::size_t lda) {
  const int order = as_int(n);
  const int stride = as_int(lda);
  int info = 0;
  strtri_("U", "N", &order, a, &stride, &info);
}
void invert_triangle(std::size_t n, double* a, std::size_t lda) {
  const int order = as_int(n);
  const int stride = as_int(lda);
  int info = 0;
  dtrtri_("U", "N", &order, a, &stride, &info);
}

template <class T>
class Inverter {
 public:
  Inverter(MatrixView<T> a, int threads)
      : a_(a), n_(a.rows), block_(block_of(a.rows)), threads_(threads) {}

  [[nodiscard]] std::size_t blocks() const { return (n_ + block_ - 1) / block_; }

  // Block column b of L, from the columns before it.
  void factor(std::size_t b) {
    const std::size_t first = b * block_;
    const std::size_t width = size(b);
    each_block(b, blocks(), [&](std::size_t i) {
      if (first > 0) {
        product(CblasNoTrans, CblasTrans, size(i), width, first, T{-1}, at(i * block_, 0), n_,
                at(first, 0), n_, T{1}, at(i * block_, first), n_);
      }
    });
    if (factor_diagonal(width, at(first, first), n_) != 0) {
      fail(ErrorKind::kBadData,
           "the regularized Gram matrix is not positive definite; raise `regularization`");
    }
    for (std::size_t r = 0; r < width; ++r) {
      T* row = at(first + r, first);
      std::fill(row + r + 1, row + width, T{0});
    }
    each_block(b + 1, blocks(), [&](std::size_t i) {
      solve_right(size(i), width, at(first, first), n_, at(i * block_, first), n_);
    });
  }

  // Block row b of M = L^-1, from the rows of M above it: M_bc = -L_bb^-1 sum_k L_bk M_kc.
  void invert_row(std::size_t b) {
    const std::size_t first = b * block_;
    const std::size_t height = size(b);
    invert_triangle(height, at(first, first), n_);
    if (first == 0) return;
    strip_.resize(height * first);
    for (std::size_t r = 0; r < height; ++r) {
      std::copy_n(at(first + r, 0), first, strip_.data() + r * first);
    }
    each_block(0, b, [&](std::size_t c) {
      thread_local AlignedVector<T> sum;
      sum.resize(height * block_);
      const std::size_t column = c * block_;
      product(CblasNoTrans, CblasNoTrans, height, block_, first - column, T{1},
              strip_.data() + column, first, at(column, column), n_, T{0}, sum.data(), block_);
      product(CblasNoTrans, CblasNoTrans, height, block_, height, T{-1}, at(first, first), n_,
              sum.data(), block_, T{0}, at(first, column), n_);
    });
  }

  // Block row b of M^T M; it needs rows b and below of M only, so it may take their place.
  void square_row(std::size_t b) {
    const std::size_t first = b * block_;
    const std::size_t height = size(b);
    const std::size_t below = first + height;
    strip_.resize(height * height);
    for (std::size_t r = 0; r < height; ++r) {
      std::copy_n(at(first + r, first), height, strip_.data() + r * height);
    }
    each_block(0, b + 1, [&](std::size_t c) {
      thread_local AlignedVector<T> sum;
      const std::size_t width = size(c);
      const std::size_t column = c * block_;
      sum.resize(height * width);
      product(CblasTrans, CblasNoTrans, height, width, height, T{1}, strip_.data(), height,
              at(first, column), n_, T{0}, sum.data(), width);
      if (below < n_) {
        product(CblasTrans, CblasNoTrans, height, width, n_ - below, T{1}, at(below, first), n_,
                at(below, column), n_, T{1}, sum.data(), width);
      }
      for (std::size_t r = 0; r < height; ++r) {
        std::copy_n(sum.data() + r * width, width, at(first + r, column));
      }
    });
  }

  void mirror() {
    each_block(0, blocks(), [&](std::size_t b) {
      for (std::size_t c = 0; c <= b; ++c) {
        for (std::size_t i = b * block_; i < b * block_ + size(b); ++i) {
          const T* row = at(i, 0);
          const std::size_t end = std::min(c * block_ + size(c), i);
          for (std::size_t j = c * block_; j < end; ++j) *at(j, i) = row[j];
        }
      }
    });
  }

 private:
  [[nodiscard]] std::size_t size(std::size_t b) const { return std::min(block_, n_ - b * block_); }
  [[nodiscard]] T* at(std::size_t row, std::size_t column) const {
    return a_.data + row * n_ + column;
  }
  void each_block(std::size_t first, std::size_t end,
                  const std::function<void(std::size_t)>& body) const {
    if (first >= end) return;
    parallel_blocks(end - first, 1, threads_,
                    [&](const Block& block) { body(first + block.begin); });
  }

  MatrixView<T> a_;
  std::size_t n_;
  std::size_t block_;
  int threads_;
  AlignedVector<T> strip_;
};

}  // namespace

int inverse_steps(std::size_t n) { return as_int(3 * ((n + block_of(n) - 1) / block_of(n))); }

template <class T>
void invert_in_place(MatrixView<T> a, int threads, const Progress& progress, int done_before,
                     int total_steps) {
  check_argument(a.rows == a.columns, "invert: the matrix is ", a.rows, " x ", a.columns);
  openblas_set_num_threads(1);  // its sums change with its threads; our blocks don't
  Inverter<T> inverter(a, threads);
  int done = done_before;
  const auto tick = [&] {
    ++done;
    if (progress) progress(done, total_steps);
  };
  for (std::size_t b = 0; b < inverter.blocks(); ++b) {
    inverter.factor(b);
    tick();
  }
  for (std::size_t b = 0; b < inverter.blocks(); ++b) {
    inverter.invert_row(b);
    tick();
  }
  for (std::size_t b = 0; b < inverter.blocks(); ++b) {
    inverter.square_row(b);
    tick();
  }
  inverter.mirror();
}

template void invert_in_place<float>(MatrixView<float>, int, const Progress&, int, int);
template void invert_in_place<double>(MatrixView<double>, int, const Progress&, int, int);

}  // namespace penchant::models
