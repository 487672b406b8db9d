// Any bytes at all as the bundle of a forest: a forest that scores rows, by the block and one by
// one, as its plain walk does, or a corrupt bundle with a reason. Each input is a header (up to the
// first zero byte) and data, sealed with the right checksums.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/forge.h"
#include "reference/plain_forest.h"

#include "penchant/base/error.h"
#include "penchant/ranking/calibration.h"
#include "penchant/ranking/forest.h"

namespace {

namespace bundle = penchant::bundle;
namespace ranking = penchant::ranking;

constexpr std::size_t kRows = 9;            // enough for planes
constexpr std::size_t kMaxCells = 1 << 16;  // of a score: an input is to take milliseconds

void check(bool holds) {
  if (!holds) std::abort();
}

void expect_plain_bits(const ranking::Forest& forest) {
  const std::size_t width = forest.num_features();
  if (std::max(width, forest.outputs()) * kRows > kMaxCells) return;
  std::vector<double> values(kRows * width);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = i % 7 == 0 ? std::numeric_limits<double>::quiet_NaN()
                           : static_cast<double>(i % 11) * 0.25 - 1;
  }
  std::vector<double> together(kRows * forest.outputs());
  forest.predict_raw(penchant::MatrixView<const double>{values.data(), kRows, width}, together, 1);
  for (std::size_t i = 0; i < kRows; ++i) {
    const std::vector<double> row(values.begin() + static_cast<std::ptrdiff_t>(i * width),
                                  values.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
    std::vector<double> alone(forest.outputs());
    forest.predict_raw(penchant::MatrixView<const double>{row.data(), 1, width}, alone, 1);
    const std::vector<double> plain = penchant::reference::plain_scores(forest.data(), row);
    for (std::size_t o = 0; o < plain.size(); ++o) {
      const auto bits = std::bit_cast<std::uint64_t>(plain[o]);
      check(std::bit_cast<std::uint64_t>(alone[o]) == bits);
      check(std::bit_cast<std::uint64_t>(together[i * forest.outputs() + o]) == bits);
    }
  }
}

void expect_probabilities(const ranking::Calibration& calibration) {
  if (calibration.outputs() * kRows > kMaxCells) return;
  std::vector<double> scores(kRows * calibration.outputs());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i] = (static_cast<double>(i % 13) - 6) * (i % 5 == 0 ? 1e300 : 0.5);
  }
  calibration.apply(scores, 1);
  for (const double p : scores) check(p >= 0 && p <= 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  std::string file = bundle::forge::file_of(
      input.substr(0, end), end < input.size() ? input.substr(end + 1) : std::string());
  bundle::forge::repair(file);
  try {
    const auto reader = bundle::Reader::from_bytes(bundle::forge::to_bytes(file));
    if (reader->has("forest/calibration/meta")) {
      expect_probabilities(*ranking::Calibration::load(reader, "forest/calibration"));
    }
    expect_plain_bits(*ranking::Forest::load(reader, "forest"));
  } catch (const penchant::Error& error) {
    check(error.kind() == penchant::ErrorKind::kCorruptBundle);
    check(!std::string_view(error.what()).empty());
  }
  return 0;
}
