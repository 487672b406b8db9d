#pragma once

// Elementary functions for the serving path. The C library picks variants of exp and log by CPU,
// and they differ in the last bit; these use only +, -, *, / in a fixed order, so that every
// machine gives the same bits. Relative error below 1e-14 on the ranges named.

namespace penchant {

[[nodiscard]] double portable_exp2(double x);          // any x; 0 below -1022, infinity from 1024
[[nodiscard]] double portable_log2(double x);          // x > 0, normal
[[nodiscard]] double portable_log1p(double x);         // x >= 0
[[nodiscard]] double portable_sin_turn(double turns);  // sin(2 pi turns), |turns| < 2^50
[[nodiscard]] double portable_pow(double x,
                                  double y);  // x > 0, normal; error grows with |y log2 x|

}  // namespace penchant
