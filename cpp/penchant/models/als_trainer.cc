// The training half of als.h.
//
// The conjugate-gradient solver works in whitened space. With G = w0 Y^T Y + lambda I = L L^T and
// W = Y L^-T, a row's system (G + Y_u^T D Y_u) x = Y_u^T c becomes (I + W_u^T D W_u) z = W_u^T c
// with x = L^-T z: the term shared by all rows costs nothing a step, and the eigenvalues lie
// between one and the largest confidence, so that a few warm-started steps suffice. When the
// regularization depends on the row, G takes the mean lambda and the difference enters as (lambda_u
// - lambda) K, K = L^-1 L^-T.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <cblas.h>

#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/models/als.h"
#include "penchant/models/als_kernels.h"
#include "penchant/models/csr.h"
#include "penchant/models/small_linalg.h"

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dpotrs_(const char* uplo, const int* n, const int* columns, const double* a, const int* lda,
             double* b, const int* ldb, int* info);
}

namespace penchant::models {
namespace {

constexpr std::uint32_t kStreamFactors = 0x414C5301;  // this use of the seed
constexpr std::size_t kPad = 16;                      // floats; rows are padded for the kernels
constexpr std::size_t kGramChunk = 512;      // rows summed in float before double takes over
constexpr std::size_t kBlockEntries = 8192;  // non-zeros a parallel block aims at
constexpr std::size_t kBlockRows = 64;       // and its most rows
constexpr std::size_t kPanelRows = 256;      // gathered rows of one exact solve at a time

std::size_t padded(std::size_t n) { return (n + kPad - 1) / kPad * kPad; }

int as_int(std::size_t n) { return static_cast<int>(n); }

// One side of the factorization: its rows of the matrix (values are confidences) and its factors.
struct Side {
  Csr matrix;
  std::vector<double> regularization;  // lambda of each row
  double mean_regularization = 0;
  bool uniform = true;    // whether every row has the mean
  Matrix<float> factors;  // [rows, stride]

  [[nodiscard]] std::size_t rows() const { return matrix.rows(); }
};

// c = 1 + alpha v for every pair.
std::vector<float> confidences(const AlsParameters& p, const data::Interactions& pairs,
                               Timestamp as_of) {
  std::vector<float> out = pair_weights(p.weighting, pairs, as_of);
  for (float& v : out) v = static_cast<float>(1 + p.alpha * static_cast<double>(v));
  return out;
}

double row_regularization(const AlsParameters& p, std::size_t observed, std::size_t row_length) {
  const double n =
      static_cast<double>(observed) + p.unobserved_weight * static_cast<double>(row_length);
  return p.regularization * std::pow(n, p.regularization_exponent);
}

// X^T X of [rows, f] factors, each block in float, blocks added in double in their order.
std::vector<double> gram(const Matrix<float>& factors, std::size_t f, int threads) {
  const std::size_t stride = factors.columns();
  const std::size_t rows = factors.rows();
  // At most 64 partial results whatever the number of rows.
  const std::size_t block = std::max(kGramChunk, (rows + 63) / 64);
  std::vector<std::vector<double>> partial((rows + block - 1) / block);
  parallel_blocks(rows, block, threads, [&](const Block& b) {
    std::vector<double>& sum = partial[b.number];
    sum.assign(f * f, 0.0);
    std::vector<float> chunk(f * f);
    for (std::size_t i = b.begin; i < b.end; i += kGramChunk) {
      const std::size_t count = std::min(kGramChunk, b.end - i);
      cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, as_int(f), as_int(count), 1.0F,
                  factors.row(i).data(), as_int(stride), 0.0F, chunk.data(), as_int(f));
      for (std::size_t j = 0; j < f * f; ++j) sum[j] += static_cast<double>(chunk[j]);
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

// L and its relatives for one half-iteration, as floats for the matrix products.
struct Whitening {
  std::vector<float> lower;         // L
  std::vector<float> inverse;       // L^-1
  std::vector<float> inverse_gram;  // K = L^-1 L^-T
};

Whitening whiten(std::vector<double> g, std::size_t f, double regularization) {
  for (std::size_t i = 0; i < f; ++i) g[i * f + i] += regularization;
  int info = 0;
  const int n = as_int(f);
  // Column-major "U" of a symmetric row-major matrix is row-major L.
  dpotrf_("U", &n, g.data(), &n, &info);
  if (info != 0) {
    fail(ErrorKind::kBadData, "ALS: the normal equations are singular; raise `regularization`");
  }
  Whitening out;
  out.lower.assign(f * f, 0.0F);
  std::vector<double> inverse(f * f, 0.0);
  for (std::size_t i = 0; i < f; ++i) {
    for (std::size_t j = 0; j <= i; ++j) out.lower[i * f + j] = static_cast<float>(g[i * f + j]);
    inverse[i * f + i] = 1.0;
  }
  cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, n, n, 1.0, g.data(),
              n, inverse.data(), n);
  out.inverse.resize(f * f);
  std::transform(inverse.begin(), inverse.end(), out.inverse.begin(),
                 [](double v) { return static_cast<float>(v); });
  std::vector<double> k(f * f, 0.0);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, n, 1.0, inverse.data(), n,
              inverse.data(), n, 0.0, k.data(), n);
  out.inverse_gram.resize(f * f);
  std::transform(k.begin(), k.end(), out.inverse_gram.begin(),
                 [](double v) { return static_cast<float>(v); });
  return out;
}

// out[rows, f] (stride apart) = in * op(m), m [f, f].
void multiply(const float* in, std::size_t rows, std::size_t stride, const std::vector<float>& m,
              CBLAS_TRANSPOSE op, std::size_t f, float* out) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, op, as_int(rows), as_int(f), as_int(f), 1.0F, in,
              as_int(stride), m.data(), as_int(f), 0.0F, out, as_int(stride));
}

// Working memory of one thread's block.
struct Scratch {
  std::vector<std::int32_t> index;
  std::vector<float> target;
  std::vector<float> excess;
  AlignedVector<float> z;        // [kBlockRows, stride]
  AlignedVector<float> vectors;  // residual, direction, image

  [[nodiscard]] GatheredRow gather(const Side& side, std::size_t row, float w0,
                                   const Matrix<float>& other) {
    const auto columns = side.matrix.row_index(row);
    const auto confidence = side.matrix.row_value(row);
    const std::size_t n = columns.size();
    const std::size_t full = (n + 3) / 4 * 4;
    index.assign(full, n > 0 ? columns[0] : 0);
    target.assign(full, 0.0F);
    excess.assign(full, 0.0F);
    std::copy(columns.begin(), columns.end(), index.begin());
    for (std::size_t k = 0; k < n; ++k) {
      target[k] = confidence[k];
      excess[k] = confidence[k] - w0;
    }
    return {other.view().data, other.columns(), index.data(), target.data(), excess.data(), full};
  }
};

}  // namespace

void validate(const AlsParameters& p) {
  check_argument(p.factors >= 1 && p.factors <= 4096, "ALS: factors must be 1 to 4096, not ",
                 p.factors);
  check_argument(p.regularization > 0 && std::isfinite(p.regularization),
                 "ALS: regularization must be a positive number, not ", p.regularization);
  check_argument(p.alpha >= 0 && std::isfinite(p.alpha), "ALS: alpha must be 0 or more, not ",
                 p.alpha);
  check_argument(p.unobserved_weight > 0 && p.unobserved_weight <= 1,
                 "ALS: unobserved_weight must be in (0, 1], not ", p.unobserved_weight);
  check_argument(p.regularization_exponent >= 0 && p.regularization_exponent <= 2,
                 "ALS: regularization_exponent must be in [0, 2], not ", p.regularization_exponent);
  check_argument(p.cg_steps >= 1 && p.cg_steps <= 1000, "ALS: cg_steps must be 1 to 1000, not ",
                 p.cg_steps);
}

struct AlsTrainer::Impl {
  AlsParameters p;
  std::size_t f = 0;
  std::size_t stride = 0;
  Side users;
  Side items;

  void prepare(Side& side, std::size_t row_length) const {
    side.factors = Matrix<float>(side.rows(), stride);
    side.regularization.resize(side.rows());
    for (std::size_t i = 0; i < side.rows(); ++i) {
      side.regularization[i] = row_regularization(p, side.matrix.row_size(i), row_length);
    }
    const double sum = std::accumulate(side.regularization.begin(), side.regularization.end(), 0.0);
    side.mean_regularization = side.rows() == 0 ? 1 : sum / static_cast<double>(side.rows());
    side.uniform = p.regularization_exponent == 0;
    if (side.uniform) side.mean_regularization = p.regularization;
  }

  void start_users() {
    const Philox random(p.seed, kStreamFactors);
    // Large enough that the first solves find all directions; a tenth of it needs twice the passes
    // (benchmarks/README.md).
    const double scale = 1 / std::sqrt(static_cast<double>(f));
    parallel_blocks(users.rows(), 256, p.threads, [&](const Block& block) {
      for (std::size_t i = block.begin; i < block.end; ++i) {
        const auto row = users.factors.row(i);
        for (std::size_t j = 0; j < f; ++j) {
          row[j] = static_cast<float>(scale * random.normal(i, static_cast<std::uint32_t>(j)));
        }
      }
    });
  }

  void solve(Side& side, const Side& other) const {
    const std::vector<double> shared = scaled_gram(other);
    if (p.solver == AlsSolver::kCholesky) {
      solve_exactly(side, other, shared);
    } else {
      solve_by_gradients(side, other, shared);
    }
  }

  std::vector<double> scaled_gram(const Side& other) const {
    std::vector<double> g = gram(other.factors, f, p.threads);
    for (double& v : g) v *= p.unobserved_weight;
    return g;
  }

  void for_each_block(const Side& side, const std::function<void(const Block&)>& body) const {
    parallel_ranges(
        balanced_bounds(side.matrix.offsets.data(), side.rows(), kBlockEntries, kBlockRows),
        p.threads, body);
  }

  void solve_by_gradients(Side& side, const Side& other, const std::vector<double>& shared) const {
    const Whitening white = whiten(shared, f, side.mean_regularization);
    Matrix<float> w(other.rows(), stride);
    parallel_blocks(other.rows(), kGramChunk, p.threads, [&](const Block& b) {
      multiply(other.factors.row(b.begin).data(), b.end - b.begin, stride, white.inverse,
               CblasTrans, f, w.row(b.begin).data());
    });
    for_each_block(side, [&](const Block& block) {
      thread_local Scratch scratch;
      const std::size_t rows = block.end - block.begin;
      float* x = side.factors.row(block.begin).data();
      scratch.z.assign(rows * stride, 0.0F);
      multiply(x, rows, stride, white.lower, CblasNoTrans, f, scratch.z.data());
      for (std::size_t i = 0; i < rows; ++i) {
        const std::size_t row = block.begin + i;
        conjugate_gradients(scratch.gather(side, row, static_cast<float>(p.unobserved_weight), w),
                            static_cast<float>(side.regularization[row] - side.mean_regularization),
                            side.uniform, white, scratch, scratch.z.data() + i * stride);
      }
      multiply(scratch.z.data(), rows, stride, white.inverse, CblasNoTrans, f, x);
    });
  }

  // Warm-started steps on (I + delta K + W^T D W) z = W^T c.
  void conjugate_gradients(const GatheredRow& row, float delta, bool uniform,
                           const Whitening& white, Scratch& scratch, float* z) const {
    if (row.padded == 0) {
      std::fill_n(z, stride, 0.0F);
      return;
    }
    scratch.vectors.assign(3 * stride, 0.0F);
    float* residual = scratch.vectors.data();
    float* direction = residual + stride;
    float* image = direction + stride;
    const auto add_row_term = [&](float sign, const float* v, float* out) {
      if (uniform) return;
      cblas_ssymv(CblasRowMajor, CblasLower, as_int(f), sign * delta, white.inverse_gram.data(),
                  as_int(f), v, 1, 1.0F, out, 1);
    };
    fast_axpy(-1.0F, z, residual, stride);
    add_row_term(-1.0F, z, residual);
    gather_residual(row, z, residual);
    std::copy_n(residual, stride, direction);
    float square = fast_dot(residual, residual, stride);
    for (int step = 0; step < p.cg_steps && square > 1e-20F; ++step) {
      if (step + 1 == p.cg_steps && uniform) {  // the last image is needed for its curvature only
        const float curvature =
            fast_dot(direction, direction, stride) + gather_quadratic(row, direction);
        fast_axpy(square / curvature, direction, z, stride);
        return;
      }
      std::copy_n(direction, stride, image);
      add_row_term(1.0F, direction, image);
      gather_apply(row, direction, image);
      const float length = square / fast_dot(direction, image, stride);
      fast_axpy(length, direction, z, stride);
      fast_axpy(-length, image, residual, stride);
      const float next = fast_dot(residual, residual, stride);
      fast_xpby(residual, next / square, direction, stride);
      square = next;
    }
  }

  void solve_exactly(Side& side, const Side& other, const std::vector<double>& shared) const {
    for_each_block(side, [&](const Block& block) {
      thread_local Scratch scratch;
      std::vector<float> panel(kPanelRows * f);
      std::vector<float> square(f * f);
      std::vector<double> a(f * f);
      std::vector<double> b(f);
      AlignedVector<float> sum(stride);
      for (std::size_t row = block.begin; row < block.end; ++row) {
        const GatheredRow entries =
            scratch.gather(side, row, static_cast<float>(p.unobserved_weight), other.factors);
        sum.assign(stride, 0.0F);
        gather_sum(entries, sum.data());
        weighted_square(entries, panel, square);
        for (std::size_t j = 0; j < f * f; ++j) a[j] = shared[j] + static_cast<double>(square[j]);
        for (std::size_t j = 0; j < f; ++j) {
          a[j * f + j] += side.regularization[row];
          b[j] = static_cast<double>(sum[j]);
        }
        const int n = as_int(f);
        const int one = 1;
        int info = 0;
        dpotrf_("U", &n, a.data(), &n, &info);
        if (info == 0) dpotrs_("U", &n, &one, a.data(), &n, b.data(), &n, &info);
        if (info != 0) {
          fail(ErrorKind::kBadData,
               "ALS: the normal equations are singular; raise `regularization`");
        }
        const auto out = side.factors.row(row);
        for (std::size_t j = 0; j < f; ++j) out[j] = static_cast<float>(b[j]);
      }
    });
  }

  // square = sum_k excess_k v_k v_k^T (lower triangle), through panels of scaled rows.
  void weighted_square(const GatheredRow& row, std::vector<float>& panel,
                       std::vector<float>& square) const {
    std::fill(square.begin(), square.end(), 0.0F);
    for (std::size_t k = 0; k < row.padded; k += kPanelRows) {
      const std::size_t count = std::min(kPanelRows, row.padded - k);
      for (std::size_t q = 0; q < count; ++q) {
        const float scale = std::sqrt(std::max(0.0F, row.excess[k + q]));
        const float* v = row.vectors + static_cast<std::size_t>(row.index[k + q]) * row.stride;
        for (std::size_t j = 0; j < f; ++j) panel[q * f + j] = scale * v[j];
      }
      cblas_ssyrk(CblasRowMajor, CblasLower, CblasTrans, as_int(f), as_int(count), 1.0F,
                  panel.data(), as_int(f), 1.0F, square.data(), as_int(f));
    }
  }
};

AlsTrainer::AlsTrainer(const data::Interactions& interactions, Timestamp as_of,
                       AlsParameters parameters)
    : impl_(std::make_unique<Impl>()) {
  validate(parameters);
  openblas_set_num_threads(1);  // its sums change with its threads; ours don't
  impl_->p = parameters;
  impl_->f = static_cast<std::size_t>(parameters.factors);
  impl_->stride = padded(impl_->f);
  impl_->users.matrix = csr_of(interactions, confidences(parameters, interactions, as_of));
  impl_->items.matrix = transpose(impl_->users.matrix, interactions.num_items());
  impl_->prepare(impl_->users, interactions.num_items());
  impl_->prepare(impl_->items, interactions.num_users());
  impl_->start_users();
}

AlsTrainer::~AlsTrainer() = default;
AlsTrainer::AlsTrainer(AlsTrainer&&) noexcept = default;

void AlsTrainer::iterate() {
  impl_->solve(impl_->items, impl_->users);
  impl_->solve(impl_->users, impl_->items);
}

namespace {

// The objective from factors [rows, stride]; see als.h for the formula. The sum over all pairs of
// (x.y)^2 is the inner product of the two Gram matrices.
double objective(const AlsParameters& p, const Csr& confidence, std::size_t num_items,
                 MatrixView<const float> users, MatrixView<const float> items, std::size_t f) {
  const auto gram_of = [&](MatrixView<const float> factors) {
    std::vector<double> total(f * f, 0.0);
    std::vector<double> chunk(kGramChunk * f);
    for (std::size_t i = 0; i < factors.rows; i += kGramChunk) {
      const std::size_t count = std::min(kGramChunk, factors.rows - i);
      for (std::size_t r = 0; r < count; ++r) {
        std::copy_n(factors.row(i + r).data(), f, chunk.data() + r * f);
      }
      cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, as_int(f), as_int(count), 1.0,
                  chunk.data(), as_int(f), 1.0, total.data(), as_int(f));
    }
    return total;
  };
  const std::vector<double> gx = gram_of(users);
  const std::vector<double> gy = gram_of(items);
  double loss = 0;
  for (std::size_t i = 0; i < f; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      loss += (i == j ? 1 : 2) * p.unobserved_weight * gx[i * f + j] * gy[i * f + j];
    }
  }
  std::vector<std::size_t> item_counts(num_items, 0);
  for (const std::int32_t item : confidence.index) ++item_counts[static_cast<std::size_t>(item)];
  const auto square = [f](std::span<const float> v) {
    double sum = 0;
    for (std::size_t j = 0; j < f; ++j)
      sum += static_cast<double>(v[j]) * static_cast<double>(v[j]);
    return sum;
  };
  for (std::size_t i = 0; i < num_items; ++i) {
    loss += row_regularization(p, item_counts[i], confidence.rows()) * square(items.row(i));
  }
  loss += parallel_sum(confidence.rows(), 256, p.threads, [&](const Block& block) {
    double sum = 0;
    for (std::size_t u = block.begin; u < block.end; ++u) {
      const auto columns = confidence.row_index(u);
      const auto weights = confidence.row_value(u);
      const auto x = users.row(u);
      sum += row_regularization(p, columns.size(), num_items) * square(x);
      for (std::size_t k = 0; k < columns.size(); ++k) {
        const auto y = items.row(static_cast<std::size_t>(columns[k]));
        double s = 0;
        for (std::size_t j = 0; j < f; ++j)
          s += static_cast<double>(x[j]) * static_cast<double>(y[j]);
        const double c = weights[k];
        sum += c * (1 - s) * (1 - s) - p.unobserved_weight * s * s;
      }
    }
    return sum;
  });
  return loss;
}

SharedArray<float> unpadded(const Matrix<float>& factors, std::size_t f) {
  AlignedVector<float> out(factors.rows() * f);
  for (std::size_t i = 0; i < factors.rows(); ++i) {
    std::copy_n(factors.row(i).data(), f, out.data() + i * f);
  }
  return SharedArray<float>::own(std::move(out));
}

}  // namespace

double AlsTrainer::loss() const {
  return objective(impl_->p, impl_->users.matrix, impl_->items.rows(), impl_->users.factors.view(),
                   impl_->items.factors.view(), impl_->f);
}

double als_loss(const AlsModel& model, const data::Interactions& interactions, Timestamp as_of,
                int threads) {
  AlsParameters p = model.parameters();
  p.threads = threads;
  const auto users = model.user_vectors();
  const auto items = model.item_vectors();
  check_argument(users.rows == interactions.num_users() && items.rows == interactions.num_items(),
                 "ALS loss: the model has ", users.rows, " subjects and ", items.rows,
                 " items, the data ", interactions.num_users(), " and ", interactions.num_items());
  return objective(p, csr_of(interactions, confidences(p, interactions, as_of)), items.rows, users,
                   items, static_cast<std::size_t>(p.factors));
}

std::shared_ptr<const AlsModel> AlsTrainer::finish() && {
  const std::size_t f = impl_->f;
  AlsModel::Parts parts;
  parts.parameters = impl_->p;
  parts.users = impl_->users.rows();
  parts.items = impl_->items.rows();
  parts.user_factors = unpadded(impl_->users.factors, f);
  parts.item_factors = unpadded(impl_->items.factors, f);
  std::vector<double> square(f * f, 0.0);
  for (std::size_t i = 0; i < parts.items; ++i) {
    rank_one_update(square, f, 1.0, {parts.item_factors.data() + i * f, f});
  }
  for (std::size_t i = 0; i < f; ++i) {
    for (std::size_t j = i + 1; j < f; ++j) square[i * f + j] = square[j * f + i];
  }
  parts.item_gram = SharedArray<double>::own(std::move(square));
  return std::make_shared<const AlsModel>(std::move(parts));
}

}  // namespace penchant::models
