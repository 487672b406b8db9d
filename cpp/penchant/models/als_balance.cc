#include "penchant/models/als_balance.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <cblas.h>

#include "penchant/base/parallel.h"
#include "penchant/models/panel_linalg.h"

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
}

namespace penchant::models {
namespace {

using Square = std::vector<double>;  // row-major f x f

Square product(CBLAS_TRANSPOSE op, const Square& a, const Square& b, std::size_t f) {
  Square out(f * f);
  const int n = static_cast<int>(f);
  cblas_dgemm(CblasRowMajor, op, CblasNoTrans, n, n, n, 1.0, a.data(), n, b.data(), n, 0.0,
              out.data(), n);
  return out;
}

double trace(const Square& a, std::size_t f) {
  double sum = 0;
  for (std::size_t j = 0; j < f; ++j) sum += a[j * f + j];
  return sum;
}

// A little of the identity, so that directions that a side lacks don't blow up.
void lift(Square& a, std::size_t f) {
  const double little = 1e-6 * trace(a, f) / static_cast<double>(f);
  for (std::size_t j = 0; j < f; ++j) a[j * f + j] += little;
}

void transform(AlsSide& side, const PackedMatrix& m, std::size_t f, int threads,
               LargeBuffer& buffer) {
  const std::size_t stride = side.factors.columns();
  float* out = buffer.reserve<float>(side.rows() * stride);
  parallel_blocks(side.rows(), 480, threads, [&](const Block& b) {
    multiply(side.factors.row(b.begin).data(), b.end - b.begin, m, out + b.begin * stride);
    for (std::size_t i = b.begin; i < b.end; ++i) {
      std::copy_n(out + i * stride, f, side.factors.row(i).data());
    }
  });
}

}  // namespace

void als_balance(const AlsParameters& p, AlsSide& users, AlsSide& items, LargeBuffer& buffer) {
  const auto f = static_cast<std::size_t>(p.factors);
  const std::size_t stride = users.factors.columns();
  if (users.rows() == 0 || items.rows() == 0) return;
  Square s = als_gram(users.factors, f, p.threads, buffer, users.regularization);
  const Square t = als_gram(items.factors, f, p.threads, buffer, items.regularization);
  const double before = trace(s, f) + trace(t, f);
  if (!(trace(s, f) > 0) || !(trace(t, f) > 0)) return;
  lift(s, f);
  Square lower = s;  // S = L L^T
  const int n = static_cast<int>(f);
  int info = 0;
  dpotrf_("U", &n, lower.data(), &n, &info);
  if (info != 0) return;
  for (std::size_t i = 0; i < f; ++i) {
    std::fill_n(lower.begin() + static_cast<std::ptrdiff_t>(i * f + i + 1), f - i - 1, 0.0);
  }
  // L^T T L = U D U^T gives P = L^-T U D^1/2 U^T L^-1, so A = L^-T U D^1/4 and A^-T = L U D^-1/4.
  const Square middle = product(CblasTrans, lower, product(CblasNoTrans, t, lower, f), f);
  const Eigen e = eigendecomposition(middle, f);
  double after = 0;
  for (const double d : e.values) after += 2 * std::sqrt(std::max(d, 0.0));
  if (!(after < 0.999 * before)) return;
  const double least = 1e-12 * e.values.back();
  Square forth(f * f);
  Square back(f * f);
  for (std::size_t j = 0; j < f; ++j) {
    const double root = std::pow(std::max(e.values[j], least), 0.25);
    for (std::size_t i = 0; i < f; ++i) {
      forth[i * f + j] = e.vectors[j * f + i] * root;
      back[i * f + j] = e.vectors[j * f + i] / root;
    }
  }
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, n, n, 1.0,
              lower.data(), n, forth.data(), n);
  back = product(CblasNoTrans, lower, back, f);
  transform(users, pack(forth, f, stride, MatrixShape::kFull), f, p.threads, buffer);
  transform(items, pack(back, f, stride, MatrixShape::kFull), f, p.threads, buffer);
}

}  // namespace penchant::models
