// Any bytes at all as a request body: parse_request either gives a request within its limits or
// throws an invalid argument that says why.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "penchant/base/error.h"
#include "penchant/engine/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace penchant;
  try {
    const engine::Request request =
        engine::parse_request({reinterpret_cast<const char*>(data), size});
    const bool within =
        request.k >= 1 && request.k <= engine::kMaxK &&
        request.deny.size() <= engine::kMaxListedItems &&
        request.context.basket.size() <= engine::kMaxListedItems &&
        request.context.events.size() <= engine::kMaxListedItems &&
        request.context.attributes.size() <= engine::kMaxAttributes &&
        std::all_of(
            request.context.events.begin(), request.context.events.end(),
            [](const auto& event) { return event.value > 0 && std::isfinite(event.value); }) &&
        (!request.candidates || request.candidates->size() <= engine::kMaxListedItems);
    if (!within) std::abort();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInvalidArgument) std::abort();
    if (std::string_view(error.what()).empty()) std::abort();
  }
  return 0;
}
