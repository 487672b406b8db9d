#include "penchant/base/simd.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <hwy/highway.h>
#include <hwy/targets.h>

#include "penchant/base/error.h"

namespace penchant {
namespace {

// The compile-time floor is called "baseline" whatever it is on this architecture.
std::string name_of(std::int64_t target) {
  if (target == HWY_STATIC_TARGET) return "baseline";
  std::string name = hwy::TargetName(target);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

// Targets that were compiled in and that this CPU runs, best first (Highway orders them so that a
// lower bit is a better target).
std::vector<std::int64_t> runnable() {
  hwy::SetSupportedTargetsForTest(0);
  const std::int64_t both = hwy::SupportedTargets() & HWY_TARGETS;
  std::vector<std::int64_t> out;
  for (int bit = 0; bit < 63; ++bit) {
    if (both & (std::int64_t{1} << bit)) out.push_back(std::int64_t{1} << bit);
  }
  return out;
}

std::int64_t& chosen() {
  static std::int64_t target = runnable().front();
  return target;
}

}  // namespace

std::string simd_target() { return name_of(chosen()); }

std::vector<std::string> simd_targets() {
  std::vector<std::string> names;
  const auto targets = runnable();
  for (auto it = targets.rbegin(); it != targets.rend(); ++it) names.push_back(name_of(*it));
  if (chosen() != targets.front()) {
    hwy::SetSupportedTargetsForTest(chosen());
    hwy::GetChosenTarget().DeInit();
  }
  return names;
}

void force_simd_target(std::string_view name) {
  std::string known;
  for (const std::int64_t target : runnable()) {
    if (name == name_of(target) || name == "best") {
      chosen() = target;
      hwy::SetSupportedTargetsForTest(name == "best" ? 0 : target);
      hwy::GetChosenTarget().DeInit();
      return;
    }
    known += (known.empty() ? "" : ", ") + name_of(target);
  }
  fail(ErrorKind::kInvalidArgument,
       concat("instruction set '", name, "' can't run here; choose one of: ", known));
}

void force_simd_target_from_environment() {
  if (const char* wanted = std::getenv("PENCHANT_SIMD"); wanted != nullptr && *wanted != '\0') {
    force_simd_target(wanted);
  }
}

}  // namespace penchant
