#include "penchant/models/singular_vectors.h"

#include <algorithm>
#include <cmath>

#include <cblas.h>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/models/training_kernels.h"

extern "C" {
void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w,
             double* work, const int* lwork, int* iwork, const int* liwork, int* info);
}

namespace penchant::models {
namespace {

constexpr std::uint32_t kStreamSubspace = 0x53564401;  // this use of the seed
constexpr int kIterations = 8;  // each multiplies by A^T A: errors shrink by ratios ^ 16
constexpr std::size_t kOversampling = 16;
constexpr std::size_t kBlockRows = 256;
constexpr std::size_t kMostPartials = 64;
constexpr std::size_t kBlockEntries = 16384;  // non-zeros a parallel block aims at
constexpr double kNothing = 1e-10;            // of the largest eigenvalue: outside the span

int as_int(std::size_t n) { return static_cast<int>(n); }

// a^T b of two [rows, l] matrices, [l, l]: blocks in float, added in double in their order.
std::vector<double> inner_products(const Matrix<float>& a, const Matrix<float>& b, int threads) {
  const std::size_t rows = a.rows();
  const std::size_t l = a.columns();
  const std::size_t block = std::max(kBlockRows, (rows + kMostPartials - 1) / kMostPartials);
  std::vector<std::vector<double>> partial((rows + block - 1) / block);
  parallel_blocks(rows, block, threads, [&](const Block& range) {
    std::vector<double>& sum = partial[range.number];
    sum.assign(l * l, 0.0);
    std::vector<float> chunk(l * l);
    for (std::size_t i = range.begin; i < range.end; i += kBlockRows) {
      const std::size_t count = std::min(kBlockRows, range.end - i);
      cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, as_int(l), as_int(l), as_int(count),
                  1.0F, a.row(i).data(), as_int(l), b.row(i).data(), as_int(l), 0.0F, chunk.data(),
                  as_int(l));
      for (std::size_t j = 0; j < l * l; ++j) sum[j] += static_cast<double>(chunk[j]);
    }
  });
  std::vector<double> total(l * l, 0.0);
  for (const auto& sum : partial) {
    for (std::size_t j = 0; j < l * l; ++j) total[j] += sum[j];
  }
  return total;
}

struct Eigen {
  std::vector<double> values;   // descending
  std::vector<double> vectors;  // [l, l], row r belongs to values[r]
};

// Of a symmetric matrix.
Eigen symmetric_eigen(std::vector<double> a, std::size_t l) {
  for (std::size_t i = 0; i < l; ++i) {
    for (std::size_t j = 0; j < i; ++j) a[j * l + i] = a[i * l + j];
  }
  std::vector<double> values(l);
  const int n = as_int(l);
  int lwork = -1;
  int liwork = -1;
  int info = 0;
  double work_size = 0;
  int iwork_size = 0;
  dsyevd_("V", "U", &n, a.data(), &n, values.data(), &work_size, &lwork, &iwork_size, &liwork,
          &info);
  lwork = static_cast<int>(work_size);
  liwork = iwork_size;
  std::vector<double> work(static_cast<std::size_t>(lwork));
  std::vector<int> iwork(static_cast<std::size_t>(liwork));
  dsyevd_("V", "U", &n, a.data(), &n, values.data(), work.data(), &lwork, iwork.data(), &liwork,
          &info);
  if (info != 0) fail(ErrorKind::kBadData, "the singular vectors did not converge");
  // LAPACK: ascending, vectors as columns of a column-major matrix, which are our rows.
  Eigen out;
  out.values.assign(values.rbegin(), values.rend());
  out.vectors.resize(l * l);
  for (std::size_t r = 0; r < l; ++r) {
    std::copy_n(a.begin() + static_cast<std::ptrdiff_t>((l - 1 - r) * l), l,
                out.vectors.begin() + static_cast<std::ptrdiff_t>(r * l));
  }
  return out;
}

// in [rows, l] times the transposed first `count` rows of `basis` [.., l], each scaled.
Matrix<float> project(const Matrix<float>& in, const Eigen& basis, const std::vector<double>& scale,
                      std::size_t count, int threads) {
  const std::size_t l = in.columns();
  std::vector<float> turn(count * l);
  for (std::size_t r = 0; r < count; ++r) {
    for (std::size_t j = 0; j < l; ++j) {
      turn[r * l + j] = static_cast<float>(basis.vectors[r * l + j] * scale[r]);
    }
  }
  Matrix<float> out(in.rows(), count);
  if (count == 0) return out;
  parallel_blocks(in.rows(), kBlockRows, threads, [&](const Block& block) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, as_int(block.end - block.begin),
                as_int(count), as_int(l), 1.0F, in.row(block.begin).data(), as_int(l), turn.data(),
                as_int(l), 0.0F, out.row(block.begin).data(), as_int(count));
  });
  return out;
}

// An orthonormal basis of the columns' span, by the eigenvectors of their inner products;
// directions that are nothing but rounding are dropped.
Matrix<float> orthonormal(const Matrix<float>& in, int threads) {
  const Eigen eigen = symmetric_eigen(inner_products(in, in, threads), in.columns());
  std::vector<double> scale;
  for (const double value : eigen.values) {
    if (!(value > 0) || value < kNothing * eigen.values.front()) break;
    scale.push_back(1 / std::sqrt(value));
  }
  return project(in, eigen, scale, scale.size(), threads);
}

Matrix<float> random_block(std::size_t rows, std::size_t columns, std::uint64_t seed, int threads) {
  const Philox random(seed, kStreamSubspace);
  Matrix<float> out(rows, columns);
  parallel_blocks(rows, kBlockRows, threads, [&](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        out.row(i)[j] = static_cast<float>(random.normal(i, static_cast<std::uint32_t>(j)));
      }
    }
  });
  return out;
}

}  // namespace

void multiply(const Csr& matrix, const Matrix<float>& in, Matrix<float>& out, int threads) {
  const std::size_t l = in.columns();
  parallel_ranges(
      balanced_bounds(matrix.offsets.data(), matrix.rows(), kBlockEntries, matrix.rows()), threads,
      [&](const Block& block) {
        for (std::size_t i = block.begin; i < block.end; ++i) {
          const auto row = out.row(i);
          std::fill(row.begin(), row.end(), 0.0F);
          const auto index = matrix.row_index(i);
          const auto value = matrix.row_value(i);
          for (std::size_t k = 0; k < index.size(); ++k) {
            fused_axpy(value[k], in.row(static_cast<std::size_t>(index[k])).data(), row.data(), l);
          }
        }
      });
}

SingularVectors top_singular_vectors(const SparsePair& matrix, std::size_t wanted,
                                     std::uint64_t seed, int threads) {
  openblas_set_num_threads(1);  // its sums change with its threads; our blocks don't
  const std::size_t columns = matrix.columns.rows();
  const std::size_t width =
      std::min({wanted + std::max(kOversampling, wanted / 4), columns, matrix.rows.rows()});
  SingularVectors out;
  if (width == 0 || wanted == 0) return out;
  Matrix<float> q = orthonormal(random_block(columns, width, seed, threads), threads);
  const auto apply = [&](const Matrix<float>& in) {
    Matrix<float> half(matrix.rows.rows(), in.columns());
    multiply(matrix.rows, in, half, threads);
    Matrix<float> whole(columns, in.columns());
    multiply(matrix.columns, half, whole, threads);
    return whole;
  };
  for (int i = 0; i < kIterations && q.columns() > 0; ++i) q = orthonormal(apply(q), threads);
  if (q.columns() == 0) return out;
  q = orthonormal(q, threads);  // once more: the last one lost digits to small directions
  const Eigen eigen = symmetric_eigen(inner_products(q, apply(q), threads), q.columns());
  for (const double value : eigen.values) {
    if (out.squares.size() == wanted || !(value > kNothing * eigen.values.front())) break;
    out.squares.push_back(value);
  }
  const std::size_t found = out.squares.size();
  out.vectors = project(q, eigen, std::vector<double>(found, 1.0), found, threads);
  return out;
}

}  // namespace penchant::models
