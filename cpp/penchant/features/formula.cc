#include "penchant/features/formula.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "penchant/base/error.h"
#include "penchant/base/portable_math.h"

namespace penchant::features {
namespace {

constexpr std::size_t kMostSteps = 1000;
constexpr std::size_t kMostDepth = 64;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct Named {
  std::string_view name;
  Formula::Op op;
  std::size_t takes;
};

using Op = Formula::Op;
constexpr std::array kOps = {
    Named{"+", Op::kAdd, 2},
    Named{"-", Op::kSubtract, 2},
    Named{"*", Op::kMultiply, 2},
    Named{"/", Op::kDivide, 2},
    Named{"<", Op::kLess, 2},
    Named{"<=", Op::kLessEqual, 2},
    Named{"==", Op::kEqual, 2},
    Named{"!=", Op::kNotEqual, 2},
    Named{"and", Op::kAnd, 2},
    Named{"or", Op::kOr, 2},
    Named{"not", Op::kNot, 1},
    Named{"negate", Op::kNegate, 1},
    Named{"abs", Op::kAbs, 1},
    Named{"log1p", Op::kLog1p, 1},
    Named{"sqrt", Op::kSqrt, 1},
    Named{"min", Op::kMin, 2},
    Named{"max", Op::kMax, 2},
    Named{"if", Op::kIf, 3},
    Named{"known", Op::kKnown, 1},
    Named{"else", Op::kElse, 2},
    Named{"logistic", Op::kLogistic, 1},
};

std::size_t taken_by(Op op) {
  if (op == Op::kFeature || op == Op::kConstant) return 0;
  return std::ranges::find(kOps, op, &Named::op)->takes;
}

double truth(bool holds) { return holds ? 1 : 0; }

double of_one(Op op, double x) {
  if (op == Op::kKnown) return truth(!std::isnan(x));
  if (std::isnan(x)) return kUnknown;
  switch (op) {
    case Op::kNot:
      return truth(x == 0);
    case Op::kNegate:
      return -x;
    case Op::kAbs:
      return std::abs(x);
    case Op::kSqrt:
      return x < 0 ? kUnknown : std::sqrt(x);
    case Op::kLogistic:
      return 1 / (1 + portable_exp2(-x * std::numbers::log2e));
    default:
      return x < 0 ? kUnknown : portable_log1p(x);
  }
}

double of_two(Op op, double a, double b) {
  if (op == Op::kElse) return std::isnan(a) ? b : a;
  if (std::isnan(a) || std::isnan(b)) return kUnknown;
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSubtract:
      return a - b;
    case Op::kMultiply:
      return a * b;
    case Op::kDivide:
      return b == 0 ? kUnknown : a / b;
    case Op::kLess:
      return truth(a < b);
    case Op::kLessEqual:
      return truth(a <= b);
    case Op::kEqual:
      return truth(a == b);
    case Op::kNotEqual:
      return truth(a != b);
    case Op::kAnd:
      return truth(a != 0 && b != 0);
    case Op::kOr:
      return truth(a != 0 || b != 0);
    case Op::kMin:
      return std::min(a, b);
    default:
      return std::max(a, b);
  }
}

// An operator known to the compiler, so that a column is one short loop.
template <Op op>
void run_one(double* x, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) x[i] = of_one(op, x[i]);
}
template <Op op>
void run_two(double* a, const double* b, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) a[i] = of_two(op, a[i], b[i]);
}

void run_one(Op op, double* x, std::size_t count) {
  switch (op) {
    case Op::kNot:
      return run_one<Op::kNot>(x, count);
    case Op::kNegate:
      return run_one<Op::kNegate>(x, count);
    case Op::kAbs:
      return run_one<Op::kAbs>(x, count);
    case Op::kSqrt:
      return run_one<Op::kSqrt>(x, count);
    case Op::kKnown:
      return run_one<Op::kKnown>(x, count);
    case Op::kLogistic:
      return run_one<Op::kLogistic>(x, count);
    default:
      return run_one<Op::kLog1p>(x, count);
  }
}

void run_two(Op op, double* a, const double* b, std::size_t count) {
  switch (op) {
    case Op::kAdd:
      return run_two<Op::kAdd>(a, b, count);
    case Op::kSubtract:
      return run_two<Op::kSubtract>(a, b, count);
    case Op::kMultiply:
      return run_two<Op::kMultiply>(a, b, count);
    case Op::kDivide:
      return run_two<Op::kDivide>(a, b, count);
    case Op::kLess:
      return run_two<Op::kLess>(a, b, count);
    case Op::kLessEqual:
      return run_two<Op::kLessEqual>(a, b, count);
    case Op::kEqual:
      return run_two<Op::kEqual>(a, b, count);
    case Op::kNotEqual:
      return run_two<Op::kNotEqual>(a, b, count);
    case Op::kAnd:
      return run_two<Op::kAnd>(a, b, count);
    case Op::kOr:
      return run_two<Op::kOr>(a, b, count);
    case Op::kMin:
      return run_two<Op::kMin>(a, b, count);
    case Op::kElse:
      return run_two<Op::kElse>(a, b, count);
    default:
      return run_two<Op::kMax>(a, b, count);
  }
}

}  // namespace

Formula::Formula(std::vector<Step> steps) : steps_(std::move(steps)) {
  check_argument(steps_.size() <= kMostSteps, "a formula of ", steps_.size(), " steps; at most ",
                 kMostSteps, " are possible");
  std::size_t depth = 0;
  for (const Step& step : steps_) {
    const std::size_t takes = taken_by(step.op);
    check_argument(depth >= takes, "a formula lacks an operand");
    depth += 1 - takes;
    check_argument(depth <= kMostDepth, "a formula is nested deeper than ", kMostDepth);
    depth_ = std::max(depth_, depth);
  }
  check_argument(depth == 1, "a formula must come to one value, not ", depth);
}

double Formula::value(std::span<const double* const> columns, std::size_t row) const {
  std::array<double, kMostDepth> stack;
  std::size_t top = 0;
  for (const Step& step : steps_) {
    const std::size_t takes = taken_by(step.op);
    if (step.op == Op::kFeature) {
      stack[top++] = columns[step.feature][row];
    } else if (step.op == Op::kConstant) {
      stack[top++] = step.constant;
    } else if (step.op == Op::kIf) {
      const double condition = stack[top - 3];
      const double chosen = condition != 0 ? stack[top - 2] : stack[top - 1];
      top -= 2;
      stack[top - 1] = std::isnan(condition) ? kUnknown : chosen;
    } else if (takes == 1) {
      stack[top - 1] = of_one(step.op, stack[top - 1]);
    } else {
      --top;
      stack[top - 1] = of_two(step.op, stack[top - 1], stack[top]);
    }
  }
  const double out = stack[0];
  return std::isfinite(out) ? out : kUnknown;
}

void Formula::values(std::span<const double* const> columns, std::size_t first, std::size_t count,
                     std::vector<double>& room, double* out) const {
  if (room.size() < depth_ * count) room.resize(depth_ * count);
  double* top = room.data();  // of the stack, a column each
  for (const Step& step : steps_) {
    if (step.op == Op::kFeature) {
      std::copy_n(columns[step.feature] + first, count, top);
      top += count;
    } else if (step.op == Op::kConstant) {
      std::fill_n(top, count, step.constant);
      top += count;
    } else if (step.op == Op::kIf) {
      top -= 2 * count;
      double* const condition = top - count;
      for (std::size_t i = 0; i < count; ++i) {
        const double chosen = condition[i] != 0 ? top[i] : top[count + i];
        condition[i] = std::isnan(condition[i]) ? kUnknown : chosen;
      }
    } else if (taken_by(step.op) == 1) {
      run_one(step.op, top - count, count);
    } else {
      top -= count;
      run_two(step.op, top - count, top, count);
    }
  }
  for (std::size_t i = 0; i < count; ++i) out[i] = std::isfinite(room[i]) ? room[i] : kUnknown;
}

Formula::Op Formula::op_called(std::string_view name) {
  const auto at = std::ranges::find(kOps, name, &Named::name);
  check_argument(at != kOps.end(), "a formula has no operator '", name, "'");
  return at->op;
}

}  // namespace penchant::features
