#pragma once

#include <string_view>

namespace penchant::events {

// The types that every shop has, as a declared taxonomy.
[[nodiscard]] std::string_view builtin_taxonomy();

}  // namespace penchant::events
