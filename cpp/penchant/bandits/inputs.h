#pragma once

// The numbers that models see: a context and an arm's attributes, each with a 1 in front where
// there is an intercept or nothing else.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "penchant/bandits/options.h"
#include "penchant/bandits/policy.h"

namespace penchant::bandits {

class Inputs {
 public:
  explicit Inputs(const PolicyOptions& options)
      : context_in_(options.dimension),
        arm_in_(options.arm_dimension),
        context_one_(options.intercept || options.dimension == 0),
        arm_one_(options.intercept || options.arm_dimension == 0) {}

  [[nodiscard]] std::size_t context() const { return context_in_ + (context_one_ ? 1 : 0); }
  [[nodiscard]] std::size_t arm() const { return arm_in_ + (arm_one_ ? 1 : 0); }

  void put_context(std::span<const double> in, std::span<double> out) const {
    put(in, context_one_, out);
  }
  void put_arm(std::span<const double> in, std::span<double> out) const { put(in, arm_one_, out); }

  // Contexts of `rows` rows from `first`, [rows, context()].
  [[nodiscard]] std::vector<double> contexts(const Candidates& ask, std::size_t first,
                                             std::size_t rows) const {
    std::vector<double> out(rows * context());
    for (std::size_t r = 0; r < rows; ++r) {
      put_context(ask.contexts.row(first + r), std::span(out).subspan(r * context(), context()));
    }
    return out;
  }

  // Whether each row of the candidates has attributes of its own.
  [[nodiscard]] bool by_row(const Candidates& ask) const {
    return ask.features.size() > ask.arms.size() * arm_in_;
  }

  // Attributes of all arms in a row, [arms, arm()].
  void put_arms(const Candidates& ask, std::size_t row, std::vector<double>& out) const {
    const std::size_t arms = ask.arms.size();
    out.resize(arms * arm());
    const std::size_t begin = by_row(ask) ? row * arms * arm_in_ : 0;
    for (std::size_t a = 0; a < arms; ++a) {
      put_arm(ask.features.subspan(begin + a * arm_in_, arm_in_),
              std::span(out).subspan(a * arm(), arm()));
    }
  }

 private:
  static void put(std::span<const double> in, bool one, std::span<double> out) {
    if (one) out[0] = 1;
    std::copy(in.begin(), in.end(), out.begin() + (one ? 1 : 0));
  }

  std::size_t context_in_;
  std::size_t arm_in_;
  bool context_one_;
  bool arm_one_;
};

}  // namespace penchant::bandits
