#pragma once

// Masks of a byte an entry, 0 or anything else.
//
//   std::vector<std::int32_t> rows(count_of_mask(mask) + kMaskRoom);
//   rows.resize(places_of_mask(mask, rows));

#include <cstddef>
#include <cstdint>
#include <span>

namespace penchant {

inline constexpr std::size_t kMaskRoom = 8;  // places are written eight at a time

// How many entries aren't 0.
[[nodiscard]] std::size_t count_of_mask(std::span<const std::uint8_t> mask);

// Writes where entries aren't 0, ascending; returns how many. places: room for these and kMaskRoom.
std::size_t places_of_mask(std::span<const std::uint8_t> mask, std::span<std::int32_t> places);

}  // namespace penchant
