#pragma once

// Gauss-Legendre points on [-1, 1]: exact for polynomials up to degree 15. Abramowitz & Stegun,
// "Handbook of mathematical functions" (1964), table 25.4.

#include <array>
#include <cstddef>

namespace penchant::bandits {

struct GaussPoint {
  double point;
  double weight;
};

inline constexpr std::size_t kGaussPoints = 8;
inline constexpr std::array<GaussPoint, kGaussPoints> kGauss = {{
    {-0.96028985649753623168, 0.10122853629037625915},
    {-0.79666647741362673959, 0.22238103445337447054},
    {-0.52553240991632898582, 0.31370664587788728734},
    {-0.18343464249564980494, 0.36268378337836198297},
    {0.18343464249564980494, 0.36268378337836198297},
    {0.52553240991632898582, 0.31370664587788728734},
    {0.79666647741362673959, 0.22238103445337447054},
    {0.96028985649753623168, 0.10122853629037625915},
}};

}  // namespace penchant::bandits
