// Segments of live events: who is in which, by the profiles as they are now.

#include <algorithm>

#include "penchant/base/error.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/live_events.h"
#include "penchant/engine/segment_membership.h"

namespace penchant::engine {

// Just after the latest event, of training or since.
Timestamp LiveEvents::now() const {
  const Timestamp last = std::max(latest_, engine_->assets().context->as_of);
  return Timestamp{last.known() ? last.micros + 1 : 0};
}

void LiveEvents::touch(const events::Event& event, std::string_view profile) {
  const std::lock_guard lock(segments_mutex_);
  if (!segments_ || profile.empty()) return;
  const std::int32_t code = profiles_->subject(profile);
  segments_->touch({&code, 1}, {&event.time.micros, 1});
}

// Whoever is somebody else now is a member of nothing.
void LiveEvents::leave(std::string_view profile) {
  if (!profiles_) return;
  const std::int32_t code = profiles_->subject(profile);
  if (code >= static_cast<std::int32_t>(profiles_->base().subjects().size())) left_.insert(code);
}

// With the mutex of segments, and that of the rest at least shared: nobody adds meanwhile.
features::SegmentIndex& LiveEvents::index() const {
  const std::int64_t clock = now().micros;
  if (!segments_) {
    const features::SegmentIndex::Options options{.time = clock, .subjects = profiles_->subjects()};
    segments_ = std::make_unique<features::SegmentIndex>(profiles_->state(),
                                                         engine_->assets().segments, options);
  }
  segments_->advance(std::max(clock, segments_->time()), 0);
  return *segments_;
}

std::vector<std::string> LiveEvents::segments_of(std::string_view subject, Timestamp moment) const {
  const std::shared_lock lock(mutex_);
  const Assets& assets = engine_->assets();
  std::vector<std::uint8_t> inside;
  read_membership(assets, people_->profile_of(subject), profiles_.get(),
                  moment.known() ? moment : now(), inside);
  std::vector<std::string> out;
  for (std::size_t s = 0; s < inside.size(); ++s) {
    if (inside[s] != 0) out.push_back(assets.segments->names()[s]);
  }
  return out;
}

std::vector<std::int64_t> LiveEvents::segment_sizes() const {
  const std::shared_lock lock(mutex_);
  const std::lock_guard own(segments_mutex_);
  if (!engine_->assets().segments) return {};
  const features::SegmentIndex& all = index();
  std::vector<std::int64_t> out = all.sizes();
  for (const std::int32_t code : left_) {
    if (static_cast<std::size_t>(code) >= all.subjects()) continue;
    for (const std::uint32_t segment : all.segments_of(code)) --out[segment];
  }
  return out;
}

std::vector<std::string> LiveEvents::segment_members(std::size_t segment) const {
  const std::shared_lock lock(mutex_);
  const std::lock_guard own(segments_mutex_);
  std::vector<std::string> out;
  if (!engine_->assets().segments) return out;
  for (const std::int32_t code : index().members(segment)) {
    if (!left_.contains(code)) out.push_back(profiles_->subject_id(code));
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace penchant::engine
