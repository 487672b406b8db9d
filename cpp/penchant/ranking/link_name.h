#pragma once

// The names of links, in bundles and in Python.

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

inline constexpr std::array<std::string_view, 4> kLinkNames{"identity", "sigmoid", "softmax",
                                                            "exp"};

[[nodiscard]] inline std::string link_name(Link link) {
  return std::string(kLinkNames[static_cast<std::size_t>(link)]);
}

[[nodiscard]] inline std::optional<Link> find_link(std::string_view name) {
  for (std::size_t i = 0; i < kLinkNames.size(); ++i) {
    if (kLinkNames[i] == name) return static_cast<Link>(i);
  }
  return std::nullopt;
}

}  // namespace penchant::ranking
