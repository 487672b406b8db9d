#pragma once

// One linear model that all arms share, over joint features of context and arm: z = x (x) f (entry
// i * |f| + j is x_i f_j), or x and f side by side. For one context it is a small model over the
// arm's attributes alone, so scoring an arm costs |f|^2 / 2 however wide z is:
//
//   ContextPosterior here;
//   shared.at(x, true, here, scratch);     // u ~ N(mean, R R^T) over f (or over 1 and f)
//   score = f . here.mean;  variance = |R^T f|^2
//
// Up to kMostPure coefficients everything is made anew from the exact sums at each refresh. Above,
// that would take too long, and events move the factor by one rank each; from each kRebuild-th
// event on it is made anew. Then the bits depend on the order of the events since, not on batches.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "penchant/bandits/inverse_factor.h"
#include "penchant/bandits/linear_sums.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bandits {

inline constexpr std::size_t kMostPure = 64;
inline constexpr std::size_t kRebuild = 256;

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
    bool variances = true;  // or means alone
  };

  explicit SharedPosterior(const Shape& shape);

  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] std::size_t dimension() const { return theta_.size(); }  // |z|
  [[nodiscard]] const LinearSums& sums() const { return sums_; }

  void learn(const FixedRow& row, std::int64_t copies);
  void take_back(const FixedRow& row, std::int64_t copies, std::int64_t age);
  void refresh();  // what was learnt counts. O(|z|^3 / 3), or O(|z|^2) an event.

  void save(bundle::Writer& writer, const std::string& prefix) const;
  void load(const bundle::Reader& reader, const std::string& prefix);  // throws kCorruptBundle

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

  // An event since the factor was last made anew: added, or with sign -1 taken back.
  struct Move {
    FixedRow row;
    std::int64_t copies;
  };

  [[nodiscard]] bool pure() const { return dimension() <= kMostPure || sums_.fading(); }
  void note(const FixedRow& row, std::int64_t copies);
  void rebuild();
  [[nodiscard]] bool move(const Move& event);
  void load_moves(const bundle::Reader& reader, const std::string& prefix);

  Shape shape_;
  LinearSums sums_;
  std::vector<Move> moves_;  // counted in sums_
  std::size_t moved_ = 0;    // of them, those that theta_ and inverse_ know
  bool stale_ = false;       // theta_ and inverse_ are those of other sums
  std::vector<double> theta_;
  std::vector<double> inverse_;
  std::vector<double> scratch_;
};

}  // namespace penchant::bandits
