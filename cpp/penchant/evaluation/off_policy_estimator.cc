#include "penchant/evaluation/off_policy_estimator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "penchant/base/error.h"

namespace penchant::evaluation {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

enum class Need : std::uint8_t { kNone, kOptional, kNeeded };

struct Known {
  std::string_view name;
  bool modelled;
  bool normalized;
  WeightShape shape;
  std::string_view parameter;
  Need need;
  double most;  // of the parameter; the least is 0
};

constexpr std::array<Known, 11> kKnown{{
    {"ips", false, false, WeightShape::kClip, "clip", Need::kOptional, kInfinity},
    {"snips", false, true, WeightShape::kClip, "clip", Need::kOptional, kInfinity},
    {"direct_method", true, false, WeightShape::kNone, "", Need::kNone, kInfinity},
    {"doubly_robust", true, false, WeightShape::kClip, "clip", Need::kOptional, kInfinity},
    {"sndr", true, true, WeightShape::kClip, "clip", Need::kOptional, kInfinity},
    {"switch_dr", true, false, WeightShape::kSwitch, "tau", Need::kNeeded, kInfinity},
    {"dros", true, false, WeightShape::kShrink, "lambda_", Need::kNeeded, kInfinity},
    {"sub_gaussian", false, false, WeightShape::kSubGaussian, "lambda_", Need::kNeeded, 1},
    {"sub_gaussian_dr", true, false, WeightShape::kSubGaussian, "lambda_", Need::kNeeded, 1},
    {"mips", false, false, WeightShape::kMarginal, "", Need::kNone, kInfinity},
    {"snmips", false, true, WeightShape::kMarginal, "", Need::kNone, kInfinity},
}};

std::string known_names() {
  std::string out;
  for (const Known& known : kKnown) {
    if (!out.empty()) out += ", ";
    out += known.name;
    if (known.need != Need::kNone) out += concat("(", known.parameter, "=)");
  }
  return out;
}

double parse_parameter(std::string_view text, const Known& known, std::string_view name) {
  const std::size_t equals = text.find('=');
  const std::string_view given = text.substr(0, equals);
  check_argument(equals != std::string_view::npos && given == known.parameter, "estimator '", name,
                 "': write its parameter as '", known.name, "(", known.parameter, "=1)'");
  const std::string_view digits = text.substr(equals + 1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  check_argument(error == std::errc{} && end == digits.data() + digits.size() && value >= 0 &&
                     value <= known.most,
                 "estimator '", name, "': ", known.parameter, " must be a number from 0 to ",
                 known.most);
  return value;
}

}  // namespace

OffPolicyEstimator parse_off_policy_estimator(std::string_view name) {
  std::string plain(name);
  std::erase(plain, ' ');
  const std::size_t open = plain.find('(');
  const std::string_view stem = std::string_view(plain).substr(0, open);
  const auto* known = std::find_if(kKnown.begin(), kKnown.end(),
                                   [&](const Known& each) { return each.name == stem; });
  check_argument(known != kKnown.end(), "unknown off-policy estimator '", name, "'; known are ",
                 known_names());
  OffPolicyEstimator out{known->modelled, known->normalized, known->shape, kInfinity};
  if (open == std::string::npos) {
    check_argument(known->need != Need::kNeeded, "estimator '", name, "' needs ", known->parameter,
                   ": write '", stem, "(", known->parameter, "=1)'");
    return out;
  }
  check_argument(known->need != Need::kNone, "estimator '", name, "' takes no parameter: write '",
                 stem, "'");
  check_argument(plain.back() == ')', "estimator '", name, "': the ')' at the end is missing");
  const std::string_view inside(plain.data() + open + 1, plain.size() - open - 2);
  out.parameter = parse_parameter(inside, *known, name);
  return out;
}

std::string off_policy_estimator_name(const OffPolicyEstimator& estimator) {
  const auto* known = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& each) {
    return each.modelled == estimator.modelled && each.normalized == estimator.normalized &&
           each.shape == estimator.shape;
  });
  check_argument(known != kKnown.end(), "an off-policy estimator that has no name");
  const bool said = known->need == Need::kNeeded ||
                    (known->need == Need::kOptional && estimator.parameter != kInfinity);
  if (!said) return std::string(known->name);
  return concat(known->name, "(", known->parameter, "=", estimator.parameter, ")");
}

}  // namespace penchant::evaluation
