// Any bytes at all as the bundle of a bandit policy: one whose proposals are probabilities and that
// can go on learning, or a corrupt bundle with a reason. Each input is a header (up to the first
// zero byte) and data, sealed with the right checksums.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/forge.h"

#include "penchant/bandits/policy.h"
#include "penchant/base/error.h"

namespace {

namespace bandits = penchant::bandits;
namespace bundle = penchant::bundle;

constexpr std::size_t kMostArms = 64;  // of an answer: an input is to take milliseconds
constexpr std::size_t kMostWidth = 64;

void check(bool holds) {
  if (!holds) std::abort();
}

void expect_probabilities(bandits::Policy& policy) {
  const auto& options = policy.options();
  if (std::max(options.dimension, options.arm_dimension) > kMostWidth || options.draws > 1000 ||
      options.replicas > 20) {
    return;
  }
  std::vector<std::int32_t> arms(std::min(policy.arms(), kMostArms));
  std::iota(arms.begin(), arms.end(), 0);
  arms.push_back(bandits::kNewArm);
  const std::vector<double> context(options.dimension, 0.5);
  const std::vector<double> features(arms.size() * options.arm_dimension, -0.25);
  const std::uint64_t id = 7;
  std::vector<double> p(arms.size());
  policy.propose(
      {.contexts = {context.data(), 1, context.size()}, .arms = arms, .features = features},
      {.ids = {&id, 1}}, p);
  for (const double value : p) check(value >= 0 && value <= 1 + 1e-9);
  check(std::abs(std::accumulate(p.begin(), p.end(), 0.0) - 1) < 1e-6);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  std::string file = bundle::forge::file_of(
      input.substr(0, end), end < input.size() ? input.substr(end + 1) : std::string());
  bundle::forge::repair(file);
  try {
    auto policy =
        bandits::Policy::load(bundle::Reader::from_bytes(bundle::forge::to_bytes(file)), "policy");
    expect_probabilities(policy);
  } catch (const penchant::Error& error) {
    check(error.kind() == penchant::ErrorKind::kCorruptBundle);
    check(!std::string_view(error.what()).empty());
  }
  return 0;
}
