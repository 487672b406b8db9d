#pragma once

// The probability of each arm that it is the best.
//
// For independent arms with cdf F_a and density f_a it is the integral of f_a(t) prod_{b != a}
// F_b(t). All arms are integrated together, by eight Gauss-Legendre points a panel; a panel is
// halved until the arms' sum over it agrees within 5e-7 with the difference of prod_b F_b between
// its ends, which it equals. The result is divided by its sum. Within 1e-5 of the truth
// (tests/cpp/bandits/best_of_test.cc), and the arm is drawn from what is returned, so what is
// logged is exact.

#include <cstddef>
#include <span>

namespace penchant::bandits {

// Normal arms of these means and standard deviations, from 0 up. O(points * arms).
void best_of_normals(std::span<const double> mean, std::span<const double> deviation,
                     std::span<double> probability);

// Beta(alpha, beta) arms, parameters above 0.
void best_of_betas(std::span<const double> alpha, std::span<const double> beta,
                   std::span<double> probability);

// Votes: each row of scores [voters, arms] gives its share to its largest entries, alike.
void best_of_votes(std::span<const double> scores, std::span<double> probability);

}  // namespace penchant::bandits
