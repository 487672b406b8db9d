#include "penchant/bandits/normal.h"

#include <array>
#include <cmath>
#include <numbers>

#include "penchant/bandits/quadrature.h"
#include "penchant/base/portable_math.h"

namespace penchant::bandits {
namespace {

double density(double z) {
  const double root = std::numbers::inv_sqrtpi / std::numbers::sqrt2;
  return root * portable_exp2(-0.5 * z * z * std::numbers::log2e);
}

struct Table {
  std::array<NormalValue, std::size_t{kNormalKnots}> knots{};

  Table() {
    double sum = 0;
    for (std::size_t i = 0; i < knots.size(); ++i) {
      const double z = static_cast<double>(i) / kNormalPerUnit - kNormalEnd;
      if (i > 0) {
        constexpr double kHalf = 0.5 / kNormalPerUnit;
        for (std::size_t q = 0; q < kGaussPoints; ++q) {
          sum += kHalf * kGauss[q].weight * density(z - kHalf + kHalf * kGauss[q].point);
        }
      }
      knots[i] = {.cdf = sum, .density = density(z)};
    }
  }
};

const Table& table() {
  static const Table made;
  return made;
}

template <std::size_t kCount>
double polynomial(const std::array<double, kCount>& highest_last, double x) {
  double sum = 0;
  for (std::size_t k = kCount; k-- > 0;) sum = sum * x + highest_last[k];
  return sum;
}

constexpr std::array<double, 8> kCentreTop = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                              1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                              4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                              3.3430575583588128105e+4, 2.5090809287301226727e+3};
constexpr std::array<double, 8> kCentreBottom = {1.0,
                                                 4.2313330701600911252e+1,
                                                 6.8718700749205790830e+2,
                                                 5.3941960214247511077e+3,
                                                 2.1213794301586595867e+4,
                                                 3.9307895800092710610e+4,
                                                 2.8729085735721942674e+4,
                                                 5.2264952788528545610e+3};
constexpr std::array<double, 8> kTailTop = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                            5.76949722146069140550e0,  3.64784832476320460504e0,
                                            1.27045825245236838258e0,  2.41780725177450611770e-1,
                                            2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr std::array<double, 8> kTailBottom = {1.0,
                                               2.05319162663775882187e0,
                                               1.67638483018380384940e0,
                                               6.89767334985100004550e-1,
                                               1.48103976427480074590e-1,
                                               1.51986665636164571966e-2,
                                               5.47593808499534494600e-4,
                                               1.05075007164441684324e-9};
constexpr std::array<double, 8> kFarTop = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                           1.78482653991729133580e0,  2.96560571828504891230e-1,
                                           2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                           2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr std::array<double, 8> kFarBottom = {1.0,
                                              5.99832206555887937690e-1,
                                              1.36929880922735805310e-1,
                                              1.48753612908506148525e-2,
                                              7.86869131145613259100e-4,
                                              1.84631831751005468180e-5,
                                              1.42151175831644588870e-7,
                                              2.04426310338993978564e-15};

}  // namespace

const NormalValue* normal_knots() { return table().knots.data(); }

double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kCentreTop, r) / polynomial(kCentreBottom, r);
  }
  const double tail = q < 0 ? p : 1 - p;
  double r = std::sqrt(-portable_log2(tail) * std::numbers::ln2);
  double z = 0;
  if (r <= 5) {
    r -= 1.6;
    z = polynomial(kTailTop, r) / polynomial(kTailBottom, r);
  } else {
    r -= 5;
    z = polynomial(kFarTop, r) / polynomial(kFarBottom, r);
  }
  return q < 0 ? -z : z;
}

}  // namespace penchant::bandits
