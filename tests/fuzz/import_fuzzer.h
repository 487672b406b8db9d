#pragma once

// What the importers of forests promise for any bytes at all: a forest that scores, or bad data
// with a reason.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "reference/plain_forest.h"

#include "penchant/base/error.h"
#include "penchant/ranking/forest_data.h"

namespace penchant::fuzz {

inline int check_import(ranking::ForestData (*import_forest)(std::string_view),
                        const std::uint8_t* data, std::size_t size) {
  try {
    const ranking::ForestData forest = import_forest({reinterpret_cast<const char*>(data), size});
    ranking::check_forest(forest);
    const std::vector<double> row(static_cast<std::size_t>(forest.num_features), 0.5);
    if (reference::plain_scores(forest, row).size() != forest.outputs()) std::abort();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData) std::abort();
    if (std::string_view(error.what()).empty()) std::abort();
  }
  return 0;
}

}  // namespace penchant::fuzz
