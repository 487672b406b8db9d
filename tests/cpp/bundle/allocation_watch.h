#pragma once

// How much memory a call asks for at once. Every `new` of bundle_test counts (allocation_test.cc).

#include <cstddef>

namespace penchant::bundle {

// The largest single allocation of this thread since it was last set to zero, in bytes.
extern thread_local std::size_t largest_allocation;

}  // namespace penchant::bundle
