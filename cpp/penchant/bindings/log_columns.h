#pragma once

// A joined log as columns: contexts and features end to end, with their widths.

#include <filesystem>

#include "penchant/bandits/loop.h"
#include "penchant/bindings/register.h"

namespace penchant::bindings {

[[nodiscard]] py::dict log_columns(const bandits::Loop& loop);
[[nodiscard]] py::dict log_columns(const std::filesystem::path& folder,
                                   const bandits::JoinOptions& join);

}  // namespace penchant::bindings
