#pragma once

// One linear model that all arms share, over joint features of context and arm: z = x (x) f (entry
// i * |f| + j is x_i f_j), or x and f side by side. For one context it is a small model over the
// arm's attributes alone, so scoring an arm costs |f|^2 / 2 however wide z is:
//
//   ContextPosterior here;
//   shared.at(x, true, here, scratch);     // u ~ N(mean, R R^T) over f (or over 1 and f)
//   score = f . here.mean;  variance = |R^T f|^2

#include <span>
#include <vector>

#include "penchant/bandits/inverse_factor.h"
#include "penchant/bandits/linear_sums.h"

namespace penchant::bandits {

struct ContextPosterior {
  std::vector<double> mean{};    // [width]
  std::vector<double> factor{};  // R, packed lower [width, width]; where asked for
};

class SharedPosterior {
 public:
  struct Shape {
    std::size_t context = 1;  // |x|
    std::size_t arm = 1;      // |f|
    bool interactions = true;
    double l2 = 1;
    double discount = 1;
    bool variances = true;  // or means alone: no inverse is kept
  };

  explicit SharedPosterior(const Shape& shape);

  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::size_t dimension() const { return theta_.size(); }  // |z|
  [[nodiscard]] LinearSums& sums() { return sums_; }
  [[nodiscard]] const LinearSums& sums() const { return sums_; }
  void refresh();  // after the sums changed. O(|z|^3 / 2).

  void joint(std::span<const double> x, std::span<const double> f, std::span<double> z) const;

  // Columns of the small model: |f|, without interactions 1 + |f|.
  [[nodiscard]] std::size_t width() const { return shape_.arm + (shape_.interactions ? 0 : 1); }

  // O(|z|), with the factor O(|z|^2 / 2 + |z| width^2 / 2).
  void at(std::span<const double> x, bool factor, ContextPosterior& out,
          std::vector<double>& scratch) const;

  // f . mean and |R^T f|^2 of the small model.
  [[nodiscard]] double mean(const ContextPosterior& here, std::span<const double> f) const;
  [[nodiscard]] double variance(const ContextPosterior& here, std::span<const double> f,
                                std::vector<double>& scratch) const;

  [[nodiscard]] std::span<const double> theta() const { return theta_; }
  [[nodiscard]] std::span<const double> inverse() const { return inverse_; }  // M of all of z
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // out [width] = the row's entries folded by x: what z . row is as a function of f.
  void fold(std::span<const double> x, std::span<const double> row, std::span<double> out) const;

  Shape shape_;
  LinearSums sums_;
  std::vector<double> theta_;
  std::vector<double> inverse_;
};

}  // namespace penchant::bandits
