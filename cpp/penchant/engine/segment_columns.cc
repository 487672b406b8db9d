// Columns that say which segments a person is in: as of the moment of the request, strictly before
// it.

#include "penchant/engine/feature_columns.h"
#include "penchant/engine/segment_membership.h"
#include "penchant/features/live_profiles.h"
#include "penchant/features/segment_reader.h"

namespace penchant::engine {

void read_membership(const Assets& assets, const std::optional<ExternalId>& subject,
                     const features::LiveProfiles* live, Timestamp moment,
                     std::vector<std::uint8_t>& out) {
  out.clear();
  if (!assets.segments) return;
  out.resize(assets.segments->segments());
  const std::string text = subject ? text_of(*subject) : std::string();
  std::int32_t code = features::kNoCode;
  if (subject)
    code = live != nullptr ? live->subject(text) : assets.profiles->subjects().find(text);
  const features::Points points{{&moment.micros, 1}, {&code, 1}, {}};
  if (live != nullptr) {
    live->read_segments(*assets.segments, points, out);
  } else {
    features::read_segments(assets.profiles->state(), *assets.segments, {}, points, 1, out);
  }
}

void add_segment_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out) {
  for (std::size_t s = 0; s < basis.segments.size(); ++s) {
    out.push_back({"segment." + basis.segments[s], "is in the segment " + basis.segments[s],
                   [s](const FeatureInput& in, ColumnOut to) {
                     const float inside = in.work.segments[s] != 0 ? 1.0F : 0.0F;
                     for (std::size_t i = 0; i < in.candidates.size(); ++i) to[i] = inside;
                   }});
  }
}

}  // namespace penchant::engine
