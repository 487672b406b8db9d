#pragma once

// Linear models of many arms: their exact sums, and beside them what scoring reads, which is a pure
// function of the sums: so any order of events, any batches and any number of threads give the
// same bits, and rounding never adds up.
//
//   LinearBank bank({.dimension = 33, .l2 = 1, .discount = 1, .variances = true});
//   bank.ensure(1000);
//   bank.sums(7).add(row, 1);  bank.touch(7);
//   bank.refresh(threads);
//   bank.moments(x, rows, plan, mean, variance);
//
// Memory an arm: the sums 8 n (n + 1) / 2 bytes (twice that once they outgrow 62 bits) + 16 n, and
// for scoring 8 n + 8 n (n + 1) / 2, the latter where variances are wanted.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "penchant/bandits/block_kernels.h"
#include "penchant/bandits/inverse_factor.h"
#include "penchant/bandits/linear_sums.h"
#include "penchant/base/matrix.h"

namespace penchant::bandits {

// Which blocks a list of arms needs, and where each arm lies in them.
struct BlockPlan {
  std::vector<BlockView> blocks{};
  std::vector<std::int32_t> place{};  // [arms]: entry of a row of the kernels' output; -1: new arm
};

class LinearBank {
 public:
  struct Shape {
    std::size_t dimension = 1;
    double l2 = 1;
    double discount = 1;
    bool variances = true;
  };

  explicit LinearBank(const Shape& shape);
  LinearBank(const LinearBank& other);
  LinearBank& operator=(const LinearBank&) = delete;
  ~LinearBank() = default;

  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::size_t arms() const { return sums_.size(); }
  void ensure(std::size_t arms);

  [[nodiscard]] LinearSums& sums(std::size_t arm) { return sums_[arm]; }
  [[nodiscard]] const LinearSums& sums(std::size_t arm) const { return sums_[arm]; }
  void touch(std::size_t arm);  // its sums changed
  void refresh(int threads);    // makes what scoring reads true again

  [[nodiscard]] BlockPlan plan(std::span<const std::int32_t> arms) const;

  // mean, variance [rows, arms of the plan] of x [rows, dimension]; variance may be null.
  void moments(const BlockPlan& plan, const double* x, std::size_t rows, double* mean,
               double* variance) const;

  // The n coefficients of an arm (0 for a new one), and M x of it.
  void theta(std::int32_t arm, std::span<double> out) const;
  void product(std::int32_t arm, std::span<const double> x, std::span<double> out) const;
  // M^T z of it.
  void transposed_product(std::int32_t arm, std::span<const double> z, std::span<double> out) const;

  [[nodiscard]] bool finite() const;  // all that scoring reads
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Block {
    AlignedVector<double> theta;
    AlignedVector<double> inverse;
  };

  void refresh_arm(std::size_t arm, FactorScratch& scratch);
  [[nodiscard]] double prior_root() const;  // M's diagonal where nothing was learnt

  Shape shape_;
  std::vector<LinearSums> sums_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint8_t> is_touched_;
};

}  // namespace penchant::bandits
