#include "penchant/models/attribute_ridge.h"

namespace penchant::models {
namespace {

constexpr int kSteps = 60;           // of conjugate gradient, at most
constexpr double kTolerance = 1e-6;  // of the residual's norm, relative

double inner(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t f = 0; f < a.size(); ++f) sum += a[f] * b[f];
  return sum;
}

}  // namespace

template <class Body>
void AttributeRidge::each(std::size_t row, const Body& body) const {
  for (std::int64_t k = rows_.offsets[row]; k < rows_.offsets[row + 1]; ++k) {
    const auto at = static_cast<std::size_t>(k);
    body(static_cast<std::size_t>(rows_.features[at]), static_cast<double>(rows_.values[at]));
  }
  body(rows_.num_features, 1.0);
}

AttributeRidge::AttributeRidge(const FeatureRows& rows, const std::vector<double>& weights,
                               double ridge)
    : rows_(rows), weights_(weights), ridge_(ridge), diagonal_(rows.num_features + 1, ridge) {
  for (std::size_t r = 0; r < weights_.size(); ++r) {
    each(r, [&](std::size_t f, double v) { diagonal_[f] += weights_[r] * v * v; });
  }
}

std::vector<double> AttributeRidge::coefficients(const std::vector<double>& target) const {
  // Conjugate gradient on (F^T W F + ridge) b = F^T W target.
  std::vector<double> b(diagonal_.size(), 0.0);
  std::vector<double> residual = transposed(target);
  std::vector<double> z = scaled(residual);
  std::vector<double> direction = z;
  double rz = inner(residual, z);
  const double enough = kTolerance * kTolerance * rz;
  for (int step = 0; step < kSteps && rz > enough && rz > 0; ++step) {
    std::vector<double> image = transposed(applied(direction));
    for (std::size_t f = 0; f < image.size(); ++f) image[f] += ridge_ * direction[f];
    const double alpha = rz / inner(direction, image);
    for (std::size_t f = 0; f < b.size(); ++f) {
      b[f] += alpha * direction[f];
      residual[f] -= alpha * image[f];
    }
    z = scaled(residual);
    const double next = inner(residual, z);
    for (std::size_t f = 0; f < b.size(); ++f) direction[f] = z[f] + next / rz * direction[f];
    rz = next;
  }
  return b;
}

std::vector<double> AttributeRidge::applied(const std::vector<double>& coefficients) const {
  std::vector<double> out(weights_.size(), 0.0);
  for (std::size_t r = 0; r < out.size(); ++r) {
    each(r, [&](std::size_t f, double v) { out[r] += v * coefficients[f]; });
  }
  return out;
}

std::vector<double> AttributeRidge::transposed(const std::vector<double>& of_rows) const {
  std::vector<double> out(diagonal_.size(), 0.0);
  for (std::size_t r = 0; r < weights_.size(); ++r) {
    const double weighted = weights_[r] * of_rows[r];
    if (weighted != 0) each(r, [&](std::size_t f, double v) { out[f] += v * weighted; });
  }
  return out;
}

std::vector<double> AttributeRidge::scaled(const std::vector<double>& residual) const {
  std::vector<double> out(residual);
  for (std::size_t f = 0; f < out.size(); ++f) out[f] /= diagonal_[f];
  return out;
}

}  // namespace penchant::models
