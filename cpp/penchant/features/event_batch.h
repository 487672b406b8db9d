#pragma once

// Events as columns of codes and whole numbers: what plans are fed with.
//
// Numbers are millionths, so that sums are exact: a total doesn't depend on the order in which
// events came, and what is taken away again leaves nothing behind.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "penchant/features/item_vectors.h"

namespace penchant::features {

inline constexpr std::int64_t kUnit = 1'000'000;
inline constexpr std::int64_t kNoNumber = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int32_t kNoCode = -1;

// Views of parallel columns, a row an event (a line of a basket, where it has lines).
struct EventBatch {
  std::span<const std::int64_t> times;                 // [rows], microseconds since 1970-01-01 UTC
  std::span<const std::uint16_t> types;                // [rows], of the plan's types
  std::span<const std::int32_t> subjects;              // [rows], kNoCode: nobody known
  std::span<const std::int32_t> items;                 // [rows], kNoCode: none
  std::vector<std::span<const std::int64_t>> numbers;  // [plan's numbers][rows], or kNoNumber
  std::vector<std::span<const std::int32_t>> codes;    // [plan's codes][rows], or kNoCode

  [[nodiscard]] std::size_t size() const { return times.size(); }
};

// What is known of items: attributes as codes (category, brand), as numbers (price) and as vectors.
struct ItemTable {
  struct Codes {
    std::vector<std::int32_t> of_item;  // [items], or kNoCode
    std::size_t values = 0;             // codes are below
  };
  std::size_t items = 0;
  std::vector<Codes> codes;                  // [plan's item codes]
  std::vector<std::vector<double>> numbers;  // [plan's item numbers][items], NaN: not known
  std::vector<ItemVectors> vectors;          // [plan's embeddings]
};

// What is known of subjects: attributes as codes (country, tariff).
struct SubjectTable {
  struct Codes {
    std::vector<std::int32_t> of_subject;  // or kNoCode; of those who came later nothing is known
    std::size_t values = 0;                // codes are below

    // Of hostile codes: a State refuses those that are none.
    [[nodiscard]] static Codes of(std::vector<std::int32_t> codes) {
      std::int32_t most = kNoCode;
      for (const std::int32_t code : codes) most = code > most ? code : most;
      return {std::move(codes), static_cast<std::size_t>(most + std::int64_t{1})};
    }
  };
  std::vector<Codes> codes;  // [plan's subject codes]
};

// What is asked: a value of every feature as of each point.
struct Points {
  std::span<const std::int64_t> times;     // [points]
  std::span<const std::int32_t> subjects;  // [points], kNoCode: nobody known
  std::span<const std::int32_t> items;     // [points], or empty where no feature asks for items
  // [plan's contexts][points], NaN where a request doesn't say; or empty: none says anything.
  std::span<const std::span<const double>> contexts = {};

  [[nodiscard]] std::size_t size() const { return times.size(); }
};

}  // namespace penchant::features
