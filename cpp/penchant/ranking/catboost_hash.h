#pragma once

// CatBoost knows a category by the hash of its text alone. Where categories are whole numbers from
// 0 up, written in decimal, these find them again.

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace penchant::ranking {

// The low half of CityHash64, version 1.0, of a text of at most 7 bytes: formulas and constants as
// its authors published them (Pike and Alakuijala 2011).
[[nodiscard]] std::int32_t catboost_hash(std::string_view text);

// hash -> category, for those of `hashes` that a number up to kMaxCategory has. Where two numbers
// share a hash, the smaller is meant.
[[nodiscard]] std::unordered_map<std::int32_t, std::int32_t> find_categories(
    const std::vector<std::int32_t>& hashes);

}  // namespace penchant::ranking
