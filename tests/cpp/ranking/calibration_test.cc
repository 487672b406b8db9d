// Calibration against its plain twin, by what defines its fits, and in a bundle.

#include "penchant/ranking/calibration.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "bundle/forge.h"
#include "reference/plain_calibration.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::ranking {
namespace {

namespace forge = bundle::forge;

struct Made {
  std::size_t outputs = 1;
  std::vector<double> scores{};
  std::vector<std::int32_t> label{};
  std::vector<double> weight{};

  [[nodiscard]] CalibrationRows rows() const {
    return {.outputs = outputs, .scores = scores, .label = label, .weight = weight};
  }
};

// Scores from a coarse grid, so that some are equal; labels that follow them by half.
Made made(std::size_t rows, std::size_t outputs, std::uint64_t seed, bool weighted) {
  std::mt19937_64 random(seed);
  Made out{.outputs = outputs};
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t o = 0; o < outputs; ++o) {
      out.scores.push_back(static_cast<double>(random() % 41) * 0.125 - 2.5);
    }
    const double* row = out.scores.data() + i * outputs;
    const bool follows = random() % 2 == 0;
    if (outputs == 1) {
      out.label.push_back(follows ? (row[0] > 0 ? 1 : 0) : static_cast<std::int32_t>(random() % 2));
    } else {
      const auto top = std::max_element(row, row + outputs) - row;
      out.label.push_back(static_cast<std::int32_t>(follows ? static_cast<std::uint64_t>(top)
                                                            : random() % outputs));
    }
    if (weighted) out.weight.push_back(static_cast<double>(random() % 5) * 0.5);
  }
  return out;
}

TEST(Calibration, IsotonicFitsAreThoseOfTheMinMaxFormula) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Made data = made(1 + seed * 2, 1, seed, seed % 2 == 1);
    double total = 0;
    std::vector<reference::WeightedLabel> rows;
    for (std::size_t i = 0; i < data.label.size(); ++i) {
      const double weight = data.weight.empty() ? 1 : data.weight[i];
      total += weight;
      if (weight > 0) rows.push_back({data.scores[i], weight, static_cast<double>(data.label[i])});
    }
    if (total == 0) continue;
    const Calibration calibration(fit_calibration(data.rows(), CalibrationMethod::kIsotonic));
    for (const reference::WeightedLabel& row : rows) {
      std::vector<double> score{row.x};
      calibration.apply(score, 1);
      EXPECT_NEAR(score[0], reference::isotonic_at(rows, row.x), 1e-12) << seed;
    }
  }
}

// The derivatives of the smoothed loss vanish, whatever the scale of the scores.
TEST(Calibration, SigmoidFitsAreStationary) {
  for (const double scale : {1e-6, 1.0, 1e5}) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      Made data = made(200, 1, seed, seed % 2 == 1);
      for (double& score : data.scores) score *= scale;
      const CalibrationData fitted = fit_calibration(data.rows(), CalibrationMethod::kSigmoid);
      const CalibrationCurve& curve = fitted.curves[0];
      double right = 0;
      double wrong = 0;
      for (std::size_t i = 0; i < data.label.size(); ++i) {
        (data.label[i] == 1 ? right : wrong) += data.weight.empty() ? 1 : data.weight[i];
      }
      double to_slope = 0;
      double to_offset = 0;
      for (std::size_t i = 0; i < data.label.size(); ++i) {
        const double weight = data.weight.empty() ? 1 : data.weight[i];
        const double target = data.label[i] == 1 ? (right + 1) / (right + 2) : 1 / (wrong + 2);
        const double push = weight * (reference::curve_at(curve, data.scores[i]) - target);
        to_slope += push * data.scores[i] / scale;
        to_offset += push;
      }
      EXPECT_NEAR(to_slope, 0, 1e-6) << scale << ", " << seed;
      EXPECT_NEAR(to_offset, 0, 1e-6) << scale << ", " << seed;
      EXPECT_GT(curve.slope, 0);
    }
  }
}

TEST(Calibration, SeparatedClassesAndEqualScoresHaveFiniteSigmoids) {
  const std::vector<std::int32_t> label{0, 0, 1, 1};
  for (const std::vector<double>& scores :
       {std::vector<double>{-2, -1, 1, 2}, {3, 3, 3, 3}, {-1e300, 0, 1, 1e300}}) {
    for (const auto& given : {label, std::vector<std::int32_t>{1, 1, 1, 1}}) {
      const Calibration calibration(
          fit_calibration({.scores = scores, .label = given}, CalibrationMethod::kSigmoid));
      std::vector<double> p = scores;
      calibration.apply(p, 1);
      for (const double one : p) EXPECT_TRUE(one >= 0 && one <= 1);
    }
  }
}

TEST(Calibration, ProbabilitiesAreThoseOfThePlainTwin) {
  for (const std::size_t outputs : {1, 2, 3, 6}) {
    for (const auto method : {CalibrationMethod::kIsotonic, CalibrationMethod::kSigmoid}) {
      const Made data = made(400, outputs, outputs, true);
      const Calibration calibration(fit_calibration(data.rows(), method));
      std::mt19937_64 random(9);
      std::normal_distribution<double> normal(0, 3);
      std::vector<double> scores(300 * outputs);
      for (double& score : scores) score = normal(random);
      std::vector<double> p = scores;
      calibration.apply(p, 1);
      std::vector<double> alone = scores;
      for (std::size_t i = 0; i < scores.size(); i += outputs) {
        const auto row = std::span(alone).subspan(i, outputs);
        const std::vector<double> plain =
            reference::calibrated_row(calibration.data(), {row.begin(), row.end()});
        for (std::size_t o = 0; o < outputs; ++o) EXPECT_NEAR(p[i + o], plain[o], 1e-12);
        calibration.apply(row, 1);
      }
      EXPECT_EQ(p, alone);
    }
  }
}

TEST(Calibration, TheSameBitsAtAnyNumberOfThreads) {
  const Made data = made(30'000, 3, 5, false);
  const Calibration calibration(fit_calibration(data.rows(), CalibrationMethod::kIsotonic));
  std::vector<double> one = data.scores;
  calibration.apply(one, 1);
  for (const int threads : {2, 8}) {
    std::vector<double> many = data.scores;
    calibration.apply(many, threads);
    EXPECT_EQ(one, many);
  }
}

TEST(Calibration, EndsOddScoresAndOrder) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Calibration calibration({.curves = {{.x = {-1, 0, 0.5}, .p = {0.1, 0.3, 0.30000000001}}}});
  std::vector<double> scores{-kInf, -1, 0, 0.5, kInf, std::nan("")};
  calibration.apply(scores, 1);
  EXPECT_EQ((std::vector<double>(scores.begin(), scores.end() - 1)),
            (std::vector<double>{0.1, 0.1, 0.3, 0.30000000001, 0.30000000001}));
  EXPECT_TRUE(std::isnan(scores.back()));
  std::vector<double> rising;
  for (int i = 0; i <= 100'000; ++i) rising.push_back(-1.1 + i * 1.8e-5);
  calibration.apply(rising, 1);
  EXPECT_TRUE(std::is_sorted(rising.begin(), rising.end()));
}

TEST(Calibration, RefusesWhatItCantLearnFrom) {
  const std::vector<double> scores{0, 1};
  const std::vector<std::int32_t> label{0, 1};
  const std::vector<double> zeros{0, 0};
  const std::vector<double> negative{-1, 2};
  const std::vector<double> infinite{0, std::numeric_limits<double>::infinity()};
  const std::vector<std::int32_t> third{0, 2};
  for (const CalibrationRows& rows : {
           CalibrationRows{.scores = scores, .label = {}},
           CalibrationRows{.outputs = 2, .scores = scores, .label = label},
           CalibrationRows{.scores = infinite, .label = label},
           CalibrationRows{.scores = scores, .label = third},
           CalibrationRows{.scores = scores, .label = label, .weight = zeros},
           CalibrationRows{.scores = scores, .label = label, .weight = negative},
           CalibrationRows{.scores = scores, .label = label, .weight = {zeros.data(), 1}},
       }) {
    EXPECT_THROW(static_cast<void>(fit_calibration(rows, CalibrationMethod::kSigmoid)), Error);
  }
}

std::string saved(const Calibration& calibration) {
  bundle::Writer writer;
  calibration.save(writer, "c");
  return forge::to_string(writer.to_bytes("{}"));
}

bool accepted(const std::string& file) {
  try {
    const auto calibration =
        Calibration::load(bundle::Reader::from_bytes(forge::to_bytes(file)), "c");
    std::vector<double> scores(calibration->outputs() * 3, 0.25);
    calibration->apply(scores, 1);
    for (const double p : scores) EXPECT_TRUE(p >= 0 && p <= 1) << p;
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    return false;
  }
}

TEST(Calibration, ReadsWhatWasSavedAndRefusesWhatIsForged) {
  for (const auto method : {CalibrationMethod::kIsotonic, CalibrationMethod::kSigmoid}) {
    const Made data = made(60, 3, 7, false);
    const Calibration calibration(fit_calibration(data.rows(), method));
    const std::string file = saved(calibration);
    const auto reader = bundle::Reader::from_bytes(forge::to_bytes(file));
    EXPECT_EQ(saved(*Calibration::load(reader, "c")), file);
    std::mt19937_64 random(3);
    constexpr double kOdd[] = {-1, 0, 0.5, 1, 2, 1e301, NAN, INFINITY};
    int refused = 0;
    for (int turn = 0; turn < 3000; ++turn) {
      std::string forged = file;
      const bundle::Section& section = reader->sections()[random() % reader->sections().size()];
      const std::size_t size = bundle::dtype_size(section.dtype);
      const std::size_t at = section.offset + random() % (section.bytes / size) * size;
      const double number = kOdd[random() % std::size(kOdd)];
      const auto whole = static_cast<std::int64_t>(random() % 70) - 5;
      std::memcpy(forged.data() + at,
                  section.dtype == bundle::DType::kFloat64 ? reinterpret_cast<const char*>(&number)
                                                           : reinterpret_cast<const char*>(&whole),
                  size);
      forge::repair(forged);
      if (!accepted(forged)) ++refused;
    }
    EXPECT_GT(refused, 300);
    EXPECT_LT(refused, 3000);
    for (const bundle::Section& gone : reader->sections()) {
      bundle::Writer writer;
      for (const bundle::Section& section : reader->sections()) {
        if (section.name == gone.name) continue;
        writer.add_bytes(section.name, section.dtype, section.shape,
                         reader->file_bytes().subspan(section.offset, section.bytes));
      }
      EXPECT_FALSE(accepted(forge::to_string(writer.to_bytes("{}")))) << gone.name;
    }
  }
}

}  // namespace
}  // namespace penchant::ranking
