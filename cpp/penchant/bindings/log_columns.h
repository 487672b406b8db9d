#pragma once

// A joined log as columns: contexts and features end to end, with their widths.

#include <filesystem>

#include "penchant/bandits/loop.h"
#include "penchant/bindings/register.h"

namespace penchant::bindings {

[[nodiscard]] py::dict log_columns(const bandits::Loop& loop);
// Columns, and what the log no longer has.
[[nodiscard]] py::tuple log_columns(const std::filesystem::path& folder,
                                    const bandits::JoinOptions& join);
[[nodiscard]] py::dict dropped_dict(const bandits::Dropped& dropped);  // "until" may be None

}  // namespace penchant::bindings
