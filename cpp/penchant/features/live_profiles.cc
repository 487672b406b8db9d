#include "penchant/features/live_profiles.h"

#include <algorithm>
#include <mutex>

#include "penchant/features/segment_reader.h"

namespace penchant::features {

LiveProfiles::~LiveProfiles() = default;

std::int32_t LiveProfiles::Codes::find(std::string_view text) const {
  if (text.empty()) return kNoCode;
  const std::int32_t code = known_->find(text);
  if (code >= 0) return code;
  const auto at = more_.find(text);
  return at == more_.end() ? kNoCode : at->second;
}

std::string LiveProfiles::Codes::text(std::int32_t code) const {
  const auto at = static_cast<std::size_t>(code);
  return at < known_->size() ? known_->text(at) : *texts_[at - known_->size()];
}

std::int32_t LiveProfiles::Codes::add(std::string_view text) {
  const std::int32_t code = find(text);
  if (code >= 0 || text.empty()) return code;
  const auto next = static_cast<std::int32_t>(known_->size() + more_.size());
  const auto [at, fresh] = more_.emplace(text, next);
  texts_.push_back(&at->first);
  return next;
}

LiveProfiles::LiveProfiles(std::shared_ptr<const Profiles> profiles)
    : profiles_(std::move(profiles)),
      state_(State::over(profiles_->state())),
      subjects_(profiles_->subjects()) {
  for (std::size_t c = 0; c < profiles_->plan().codes().size(); ++c) {
    codes_.emplace_back(profiles_->code_texts(c));
  }
}

void LiveProfiles::add(const LiveRow& row) { change(row, true); }
void LiveProfiles::remove(const LiveRow& row) { change(row, false); }

void LiveProfiles::change(const LiveRow& row, bool in) {
  const Plan& plan = profiles_->plan();
  const std::unique_lock lock(mutex_);
  const std::int64_t time = row.time;
  const auto at = std::ranges::find(plan.types(), row.type);
  // The last type stands for all that the plan doesn't name.
  const auto type = static_cast<std::uint16_t>(
      at == plan.types().end() ? plan.types().size() - 1 : at - plan.types().begin());
  const std::int32_t subject = subjects_.add(row.subject);
  const std::int32_t item = row.item.empty() ? kNoCode : profiles_->items().find(row.item);
  std::vector<std::int32_t> codes;
  for (std::size_t c = 0; c < codes_.size(); ++c) {
    codes.push_back(plan.codes()[c] == kSubjectCode ? subject : codes_[c].add(row.codes[c]));
  }
  EventBatch batch{.times = {&time, 1},
                   .types = {&type, 1},
                   .subjects = {&subject, 1},
                   .items = {&item, 1},
                   .numbers = {},
                   .codes = {}};
  for (const std::int64_t& number : row.numbers) batch.numbers.emplace_back(&number, 1);
  for (const std::int32_t& code : codes) batch.codes.emplace_back(&code, 1);
  if (in) {
    state_.replay(batch, 1);
  } else {
    state_.remove(batch);
  }
}

std::int32_t LiveProfiles::subject(std::string_view id) const {
  const std::shared_lock lock(mutex_);
  return subjects_.find(id);
}

std::string LiveProfiles::subject_id(std::int32_t code) const {
  const std::shared_lock lock(mutex_);
  return subjects_.text(code);
}

std::size_t LiveProfiles::subjects() const {
  const std::shared_lock lock(mutex_);
  return subjects_.size();
}

void LiveProfiles::read(const Points& points, std::span<double* const> columns,
                        ReadScratch& scratch) const {
  const std::shared_lock lock(mutex_);
  state_.read(points, columns, scratch);
}

LiveProfiles::Idle LiveProfiles::take_reader(const SegmentRules& rules) const {
  static const SegmentScores no_scores;
  constexpr std::size_t kRoom = 16;  // a request asks for one point
  {
    const std::lock_guard lock(idle_mutex_);
    const auto at = std::ranges::find(idle_, &rules, &Idle::rules);
    if (at != idle_.end()) {
      Idle out = std::move(*at);
      idle_.erase(at);
      return out;
    }
  }
  return {&rules, std::make_unique<SegmentReader>(state_, rules, no_scores, kRoom)};
}

void LiveProfiles::read_segments(const SegmentRules& rules, const Points& points,
                                 std::span<std::uint8_t> out) const {
  Idle own = take_reader(rules);
  {
    const std::shared_lock lock(mutex_);
    own.reader->read_segments(points, out);
  }
  const std::lock_guard lock(idle_mutex_);
  idle_.push_back(std::move(own));
}

std::size_t LiveProfiles::rows() const {
  const std::shared_lock lock(mutex_);
  return state_.rows();
}

}  // namespace penchant::features
