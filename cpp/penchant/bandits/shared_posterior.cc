#include "penchant/bandits/shared_posterior.h"

#include <algorithm>
#include <cmath>

namespace penchant::bandits {
namespace {

std::size_t joint_size(const SharedPosterior::Shape& shape) {
  return shape.interactions ? shape.context * shape.arm : shape.context + shape.arm;
}

}  // namespace

SharedPosterior::SharedPosterior(const Shape& shape)
    : shape_(shape),
      sums_(joint_size(shape), shape.discount),
      theta_(joint_size(shape), 0.0),
      inverse_(shape.variances ? packed_size(joint_size(shape)) : 0, 0.0) {
  for (std::size_t i = 0; i < theta_.size() && shape.variances; ++i) {
    inverse_[packed_begin(i) + i] = 1.0 / std::sqrt(shape.l2);
  }
}

void SharedPosterior::refresh() {
  FactorScratch scratch;
  std::vector<double> gram(packed_size(dimension()));
  std::vector<double> moment(dimension());
  sums_.read(gram, moment);
  factorize(gram, dimension(), shape_.l2, scratch);
  solve_factor(dimension(), scratch, moment, theta_);
  if (shape_.variances) invert_factor(dimension(), scratch, inverse_);
}

void SharedPosterior::joint(std::span<const double> x, std::span<const double> f,
                            std::span<double> z) const {
  if (!shape_.interactions) {
    std::copy(x.begin(), x.end(), z.begin());
    std::copy(f.begin(), f.end(), z.begin() + static_cast<std::ptrdiff_t>(x.size()));
    return;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t j = 0; j < f.size(); ++j) z[i * f.size() + j] = x[i] * f[j];
  }
}

// A row of a triangle may be shorter than z: what is missing is 0.
void SharedPosterior::fold(std::span<const double> x, std::span<const double> row,
                           std::span<double> out) const {
  std::fill(out.begin(), out.end(), 0.0);
  if (!shape_.interactions) {
    const std::size_t of_context = std::min(row.size(), x.size());
    for (std::size_t i = 0; i < of_context; ++i) out[0] += row[i] * x[i];
    for (std::size_t j = x.size(); j < row.size(); ++j) out[1 + j - x.size()] = row[j];
    return;
  }
  const std::size_t arm = shape_.arm;
  for (std::size_t begin = 0, i = 0; begin < row.size(); begin += arm, ++i) {
    const std::size_t size = std::min(arm, row.size() - begin);
    for (std::size_t j = 0; j < size; ++j) out[j] += x[i] * row[begin + j];
  }
}

void SharedPosterior::at(std::span<const double> x, bool factor, ContextPosterior& out,
                         std::vector<double>& scratch) const {
  const std::size_t w = width();
  out.mean.resize(w);
  fold(x, theta_, out.mean);
  if (!factor) return;
  out.factor.assign(packed_size(w), 0.0);
  scratch.resize(w);
  // Q = sum over rows of M, each folded, of its outer product; R is Q's factor.
  for (std::size_t r = 0; r < dimension(); ++r) {
    fold(x, std::span(inverse_).subspan(packed_begin(r), r + 1), scratch);
    double* q = out.factor.data();
    for (std::size_t i = 0; i < w; ++i) {
      for (std::size_t j = 0; j <= i; ++j) q[j] += scratch[i] * scratch[j];
      q += i + 1;
    }
  }
  double largest = 0;
  for (std::size_t i = 0; i < w; ++i) {
    largest = std::max(largest, out.factor[packed_begin(i) + i]);
  }
  factorize_semidefinite(out.factor, w, largest * 1e-14);
}

double SharedPosterior::mean(const ContextPosterior& here, std::span<const double> f) const {
  double sum = shape_.interactions ? 0.0 : here.mean[0];
  const double* u = here.mean.data() + (shape_.interactions ? 0 : 1);
  for (std::size_t j = 0; j < f.size(); ++j) sum += u[j] * f[j];
  return sum;
}

double SharedPosterior::variance(const ContextPosterior& here, std::span<const double> f,
                                 std::vector<double>& scratch) const {
  const std::size_t w = width();
  scratch.assign(w, 0.0);
  const double* r = here.factor.data();
  for (std::size_t i = 0; i < w; ++i) {
    const double fi = shape_.interactions ? f[i] : (i == 0 ? 1.0 : f[i - 1]);
    for (std::size_t j = 0; j <= i; ++j) scratch[j] += r[j] * fi;
    r += i + 1;
  }
  double sum = 0;
  for (const double value : scratch) sum += value * value;
  return sum;
}

std::size_t SharedPosterior::memory_bytes() const {
  return sums_.memory_bytes() + (theta_.capacity() + inverse_.capacity()) * sizeof(double);
}

}  // namespace penchant::bandits
