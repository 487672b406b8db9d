#pragma once

// Which instruction set the run-time-dispatched kernels use.
//
//   simd_target();                 // "avx2"
//   simd_targets();                // {"baseline", "avx2"}: what this machine can run
//   force_simd_target("baseline"); // for tests and for PENCHANT_SIMD in the environment
//
// Every kernel of the serving path gives the same bits whichever is chosen (see kernels.h).

#include <string>
#include <string_view>
#include <vector>

namespace penchant {

[[nodiscard]] std::string simd_target();
[[nodiscard]] std::vector<std::string> simd_targets();

// Takes a name of simd_targets(), or "best". Not for use while kernels run on other threads.
// Throws kInvalidArgument on a name this machine can't run.
void force_simd_target(std::string_view name);

// Applies PENCHANT_SIMD from the environment if it is set; programs and bindings call it at start.
void force_simd_target_from_environment();

}  // namespace penchant
