#pragma once

// Arithmetic over the values of other features, in postfix: {0, 1, '/'} is the first over the
// second. What is not known makes the result unknown (NaN), and so does a division by zero.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace penchant::features {

class Formula {
 public:
  enum class Op : std::uint8_t {
    kFeature,   // pushes a feature's value
    kConstant,  // pushes a number
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kLess,  // 1 or 0
    kLessEqual,
    kEqual,
    kNotEqual,
    kAnd,
    kOr,
    kNot,
    kNegate,
    kAbs,
    kLog1p,  // of x >= 0, else unknown
    kSqrt,
    kLogistic,  // 1 / (1 + e^-x)
    kMin,
    kMax,
    kIf,     // condition, then, else
    kKnown,  // 1 where known, else 0
    kElse,   // the first, or the second where the first is not known
  };
  struct Step {
    Op op = Op::kConstant;
    std::size_t feature = 0;
    double constant = 0;

    friend bool operator==(const Step&, const Step&) = default;
  };

  Formula() = default;
  // Throws kInvalidArgument where a step finds too few values, or more than one is left.
  explicit Formula(std::vector<Step> steps);

  // columns: a column of values a feature; of `row`.
  [[nodiscard]] double value(std::span<const double* const> columns, std::size_t row) const;
  // The same of rows first to first + count - 1, to out[0...]; `room` comes and goes with any
  // content.
  void values(std::span<const double* const> columns, std::size_t first, std::size_t count,
              std::vector<double>& room, double* out) const;
  [[nodiscard]] const std::vector<Step>& steps() const { return steps_; }

  // The operator called "+", "<", "and", "log1p", ...; throws kInvalidArgument.
  [[nodiscard]] static Op op_called(std::string_view name);

  friend bool operator==(const Formula& a, const Formula& b) { return a.steps_ == b.steps_; }

 private:
  std::vector<Step> steps_;
  std::size_t depth_ = 0;  // of the stack, at most
};

}  // namespace penchant::features
