#pragma once

// Strong indices: a user's row can't be passed where an item's is wanted.
//
//   ItemIndex item{7};
//   scores[item.value];

#include <compare>
#include <cstdint>
#include <functional>

namespace penchant {

// A dense position inside one fitted object; kNone (-1) stands for "not known to it".
template <class Tag>
struct Index {
  std::int32_t value = -1;

  constexpr Index() = default;
  constexpr explicit Index(std::int32_t position) : value(position) {}
  [[nodiscard]] constexpr bool known() const { return value >= 0; }
  friend constexpr auto operator<=>(Index, Index) = default;
};

using UserIndex = Index<struct UserTag>;  // row of the interactions: a subject known to training
using ItemIndex = Index<struct ItemTag>;  // column of the interactions: an item of the catalogue

static_assert(sizeof(ItemIndex) == sizeof(std::int32_t), "indices are stored as int32 columns");

}  // namespace penchant

template <class Tag>
struct std::hash<penchant::Index<Tag>> {
  std::size_t operator()(penchant::Index<Tag> index) const noexcept {
    return std::hash<std::int32_t>{}(index.value);
  }
};
