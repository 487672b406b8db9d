#pragma once

// From a raw score to a probability that means what it says, learned on rows that the trees have
// not seen.
//
//   const Calibration calibration(
//       fit_calibration({.scores = scores, .label = label}, CalibrationMethod::kIsotonic));
//   forest.predict_raw(rows, scores, 1);
//   calibration.apply(scores, 1);          // instead of forest.apply_link(scores)
//
// A probability does not fall when its score rises (the sigmoid: unless the labels say the
// opposite). Serving uses +, -, *, / in one fixed order: the same bits on every CPU.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "penchant/bundle/bundle.h"

namespace penchant::ranking {

enum class CalibrationMethod : std::uint8_t { kIsotonic, kSigmoid };

// Of one output, from x to a probability.
struct CalibrationCurve {
  // Isotonic: straight lines between knots, flat before the first and after the last.
  std::vector<double> x{};  // ascending, within +-1e300
  std::vector<double> p{};  // not descending, 0 to 1
  // Sigmoid: 1 / (1 + exp(-(slope x + offset))).
  double slope = 0;
  double offset = 0;
};

// With one output x is the raw score and p the probability of the second class. With more, x is an
// output's log odds under the softmax, score_o - log(sum over the others of exp(score)), which
// does not change when all scores move alike; the p of a row are divided by their sum.
struct CalibrationData {
  CalibrationMethod method = CalibrationMethod::kIsotonic;
  std::vector<CalibrationCurve> curves{};  // [outputs]
};

struct CalibrationRows {
  std::size_t outputs = 1;
  std::span<const double> scores{};       // [rows, outputs], within +-1e300
  std::span<const std::int32_t> label{};  // [rows]: 0 or 1; with several outputs the right one
  std::span<const double> weight{};       // [rows], from 0 up; empty: ones
};

// Isotonic: the weighted least-squares fit that does not fall, by pooling adjacent violators
// (Ayer et al., "An empirical distribution function for sampling with incomplete information",
// 1955), equal scores taken together. Sigmoid: Platt, "Probabilistic outputs for support vector
// machines" (1999), with his smoothed targets, by Newton's method with backtracking (Lin, Lin and
// Weng, "A note on Platt's probabilistic outputs for support vector machines", 2007).
// O(rows log rows) an output. Throws kInvalidArgument on shapes and values.
[[nodiscard]] CalibrationData fit_calibration(const CalibrationRows& rows,
                                              CalibrationMethod method);

// Turns raw scores [rows, outputs] into the x of the curves, in place.
void curve_inputs(std::span<double> scores, std::size_t outputs);

class Calibration {
 public:
  // Throws kBadData when the curves are not as said above.
  explicit Calibration(CalibrationData data);

  [[nodiscard]] const CalibrationData& data() const { return data_; }
  [[nodiscard]] std::size_t outputs() const { return data_.curves.size(); }

  // From raw scores to probabilities, in place. scores: [rows, outputs]; an infinite score counts
  // as its side's end, NaN stays NaN. Throws kInvalidArgument on shapes.
  void apply(std::span<double> scores, int threads) const;

  // Sections below `prefix` (docs/bundle_format/v1.md). load throws kCorruptBundle.
  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static std::shared_ptr<const Calibration> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix);

 private:
  CalibrationData data_;
};

}  // namespace penchant::ranking
