#include "penchant/ranking/catboost_hash.h"

#include <charconv>
#include <cstddef>

#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {
namespace {

constexpr std::uint64_t kPrime2 = 0x9ae16a3b2f90404fULL;
constexpr std::uint64_t kPrime3 = 0xc949d7c7509e6557ULL;
constexpr std::uint64_t kMultiplier = 0x9ddfea08eb382d69ULL;

std::uint64_t shift_mix(std::uint64_t v) { return v ^ (v >> 47); }

std::uint64_t mix(std::uint64_t u, std::uint64_t v) {
  const std::uint64_t a = shift_mix((u ^ v) * kMultiplier);
  return shift_mix((v ^ a) * kMultiplier) * kMultiplier;
}

// Four bytes, the first the lowest.
std::uint64_t word(std::string_view text, std::size_t at) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    out |= std::uint64_t{static_cast<std::uint8_t>(text[at + i])} << (8 * i);
  }
  return out;
}

}  // namespace

std::int32_t catboost_hash(std::string_view text) {
  const std::size_t n = text.size();
  std::uint64_t hash = kPrime2;
  if (n >= 4) {
    hash = mix(n + (word(text, 0) << 3), word(text, n - 4));
  } else if (n > 0) {
    const auto byte = [text](std::size_t i) -> std::uint64_t {
      return static_cast<std::uint8_t>(text[i]);
    };
    const std::uint64_t y = byte(0) + (byte(n / 2) << 8);
    const std::uint64_t z = n + (byte(n - 1) << 2);
    hash = shift_mix(y * kPrime2 ^ z * kPrime3) * kPrime2;
  }
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(hash));
}

std::unordered_map<std::int32_t, std::int32_t> find_categories(
    const std::vector<std::int32_t>& hashes) {
  std::unordered_map<std::int32_t, std::int32_t> found;
  for (const std::int32_t hash : hashes) found.emplace(hash, -1);
  std::size_t missing = found.size();
  for (std::int32_t category = 0; category <= kMaxCategory && missing > 0; ++category) {
    char text[8];
    const char* const end = std::to_chars(text, text + sizeof text, category).ptr;
    const auto at = found.find(catboost_hash({text, static_cast<std::size_t>(end - text)}));
    if (at == found.end() || at->second >= 0) continue;
    at->second = category;
    --missing;
  }
  std::erase_if(found, [](const auto& each) { return each.second < 0; });
  return found;
}

}  // namespace penchant::ranking
