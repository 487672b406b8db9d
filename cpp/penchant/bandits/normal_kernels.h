#pragma once

// Many normal arms at one point, side by side; the bits don't depend on the width of the machine's
// vectors: arm a is in lane a mod 8, and the lanes' products are multiplied in one fixed order.

#include <cstddef>
#include <vector>

namespace penchant::bandits {

// Arms padded to whole vectors by arms that are below everything.
struct NormalArms {
  std::vector<double> mean{};
  std::vector<double> reciprocal{};  // of the standard deviations

  void add(double arm_mean, double arm_reciprocal);
  void pad();  // once all are added
};

// prod_a F_a(t), by cubic interpolation within 1e-9 for each arm, and in ratio [padded arms] f_a(t)
// / F_a(t) unless it is null. Where the product is below 1e-12 it is 0 and the ratios are not
// filled.
[[nodiscard]] double normals_below(const NormalArms& arms, double t, double* ratio);

}  // namespace penchant::bandits
