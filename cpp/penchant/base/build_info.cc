#include "penchant/base/build_info.h"

#include "penchant/base/error.h"
#include "penchant/base/simd.h"

namespace penchant {
namespace {

std::string architecture() {
#if defined(__x86_64__)
  return "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "other";
#endif
}

std::string compiler() {
#if defined(__clang__)
  return concat("clang ", __clang_major__, ".", __clang_minor__);
#else
  return concat("gcc ", __GNUC__, ".", __GNUC_MINOR__);
#endif
}

}  // namespace

std::string version() { return PENCHANT_VERSION; }

std::vector<std::pair<std::string, std::string>> build_info() {
  std::string available;
  for (const std::string& name : simd_targets()) {
    available += (available.empty() ? "" : " ") + name;
  }
  return {{"version", version()},   {"build_type", PENCHANT_BUILD_TYPE},
          {"compiler", compiler()}, {"architecture", architecture()},
          {"simd", simd_target()},  {"simd_available", available}};
}

}  // namespace penchant
