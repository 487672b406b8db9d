#pragma once

// Lists without repetition, where a place stands for what is there.

#include <algorithm>
#include <cstddef>
#include <vector>

namespace penchant::features {

// The place of `wanted` in `list`, which gets it where it lacks it.
template <class T>
std::size_t place_of(std::vector<T>& list, const T& wanted) {
  const auto at = std::ranges::find(list, wanted);
  if (at != list.end()) return static_cast<std::size_t>(at - list.begin());
  list.push_back(wanted);
  return list.size() - 1;
}

}  // namespace penchant::features
