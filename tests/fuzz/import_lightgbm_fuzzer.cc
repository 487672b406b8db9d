// Any bytes at all as a model file: a forest that scores, or bad data with a reason.

#include <cstddef>
#include <cstdint>

#include "import_fuzzer.h"

#include "penchant/ranking/import_lightgbm.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return penchant::fuzz::check_import(&penchant::ranking::import_lightgbm, data, size);
}
