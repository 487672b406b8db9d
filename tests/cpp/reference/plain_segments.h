#pragma once

// Rules of segments the slow way: every comparison anew, in logic of three values.

#include <cmath>
#include <optional>
#include <string>
#include <vector>

namespace penchant::reference {

struct PlainStep {
  enum class Op { kCompare, kKnown, kAnd, kOr, kNot };
  Op op = Op::kCompare;
  std::size_t column = 0;
  std::string compare;
  double bound = 0;
  bool unknown_is_false = false;

  [[nodiscard]] std::string json() const {
    switch (op) {
      case Op::kAnd:
        return "\"and\"";
      case Op::kOr:
        return "\"or\"";
      case Op::kNot:
        return "\"not\"";
      case Op::kKnown:
        return "{\"known\": " + std::to_string(column) + "}";
      case Op::kCompare:
        break;
    }
    return "{\"column\": " + std::to_string(column) + ", \"compare\": \"" + compare +
           "\", \"bound\": " + std::to_string(bound) +
           (unknown_is_false ? ", \"unknown\": false}" : "}");
  }
};

using PlainRule = std::vector<PlainStep>;  // postfix

inline std::optional<bool> plain_compare(double x, const PlainStep& step) {
  if (std::isnan(x)) {
    if (step.unknown_is_false) return false;
    return std::nullopt;
  }
  if (step.compare == "<") return x < step.bound;
  if (step.compare == "<=") return x <= step.bound;
  if (step.compare == "==") return x == step.bound;
  if (step.compare == "!=") return x != step.bound;
  if (step.compare == ">=") return x >= step.bound;
  return x > step.bound;
}

// values: one a column.
inline bool plain_holds(const PlainRule& rule, const std::vector<double>& values) {
  using Op = PlainStep::Op;
  std::vector<std::optional<bool>> stack;
  const auto pop = [&] {
    const std::optional<bool> top = stack.back();
    stack.pop_back();
    return top;
  };
  for (const PlainStep& step : rule) {
    if (step.op == Op::kCompare) {
      stack.push_back(plain_compare(values[step.column], step));
    } else if (step.op == Op::kKnown) {
      stack.emplace_back(!std::isnan(values[step.column]));
    } else if (step.op == Op::kNot) {
      const auto one = pop();
      stack.push_back(one ? std::optional<bool>(!*one) : std::nullopt);
    } else {
      const bool decides = step.op == Op::kOr;
      const auto right = pop();
      const auto left = pop();
      if (left == decides || right == decides) {
        stack.emplace_back(decides);
      } else if (left && right) {
        stack.emplace_back(!decides);
      } else {
        stack.emplace_back(std::nullopt);
      }
    }
  }
  return stack.back() == true;
}

}  // namespace penchant::reference
