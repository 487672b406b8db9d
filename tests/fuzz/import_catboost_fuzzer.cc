// Any bytes at all as a model file: a forest that scores, or bad data with a reason.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "reference/plain_forest.h"

#include "penchant/base/error.h"
#include "penchant/ranking/import_catboost.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace penchant;
  try {
    const ranking::ForestData forest =
        ranking::import_catboost({reinterpret_cast<const char*>(data), size});
    ranking::check_forest(forest);
    const std::vector<double> row(static_cast<std::size_t>(forest.num_features), 0.5);
    if (reference::plain_scores(forest, row).size() != forest.outputs()) std::abort();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData) std::abort();
    if (std::string_view(error.what()).empty()) std::abort();
  }
  return 0;
}
