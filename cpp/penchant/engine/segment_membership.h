#pragma once

// Which segments a person is in, as of a moment.

#include <cstdint>
#include <optional>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/request.h"

namespace penchant::features {
class LiveProfiles;
}

namespace penchant::engine {

// out: 1 or 0 a segment, strictly before `moment`; empty where the bundle has no segments. `live`:
// profiles that have gone on since the bundle's, or null. O(features + rules).
void read_membership(const Assets& assets, const std::optional<ExternalId>& subject,
                     const features::LiveProfiles* live, Timestamp moment,
                     std::vector<std::uint8_t>& out);

}  // namespace penchant::engine
