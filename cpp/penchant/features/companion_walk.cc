#include "penchant/features/companion_walk.h"

#include <algorithm>
#include <limits>

namespace penchant::features {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::size_t largest_sample(const Plan& plan) {
  std::size_t out = 0;
  for (const Companions& one : plan.companions()) out = std::max(out, one.sample);
  return out;
}

}  // namespace

CompanionWalk::CompanionWalk(const State& state, std::size_t most)
    : state_(state),
      people_(largest_sample(state.plan())),
      last_(most, 0),
      frequency_(most, kUnknown) {
  std::size_t listed = 0;
  for (const Companions& one : state.plan().companions()) {
    listed = std::max(listed, state.plan().lists()[one.list].most);
  }
  const std::size_t people = largest_sample(state.plan());
  met_.reserve(people);
  lists_.reserve(people);
  rows_.reserve(people);
  found_.resize(listed);
  for (Found& found : found_) {
    found.had.resize(most);
    found.had_rows.resize(most);
  }
}

void CompanionWalk::walk(std::size_t companions, std::span<const std::int32_t> listed,
                         std::int32_t subject, std::int64_t time, const CodePlaces& candidates) {
  const Companions& rule = state_.plan().companions()[companions];
  const Plan::CompanionAccess& access = state_.plan().companion_access()[companions];
  candidates_ = &candidates;
  used_ = listed.size();
  for (std::size_t j = 0; j < used_; ++j) {
    Found& found = found_[j];
    found.item = listed[j];
    look(rule, access, subject, time, candidates, found);
  }
  if (!access.lift) return;
  const auto all = state_.series(access.all).list(0);
  const auto rows = static_cast<double>(all.total(access.all_count, all.before(time)));
  for (std::size_t place = 0; place < candidates.size(); ++place) {
    const auto own =
        state_.series(access.items).list(static_cast<std::size_t>(candidates.code(place)));
    const std::int64_t count = own.total(access.item_count, own.before(time));
    frequency_[place] = count == 0 ? kUnknown : static_cast<double>(count) / rows;
  }
}

void CompanionWalk::look(const Companions& rule, const Plan::CompanionAccess& access,
                         std::int32_t subject, std::int64_t time, const CodePlaces& candidates,
                         Found& found) {
  found.rows = 0;
  std::fill_n(found.had.begin(), candidates.size(), 0);
  std::fill_n(found.had_rows.begin(), candidates.size(), 0);
  people_.clear();
  met_.clear();
  const auto rows = state_.series(access.items).list(static_cast<std::size_t>(found.item));
  std::int64_t row = rows.total(access.item_last, rows.before(time));
  for (std::size_t n = 0; n < rule.sample && row >= 0; ++n) {
    const auto at = static_cast<std::size_t>(row);
    row = rows.total(access.item_last, at);
    const std::int32_t person = rows.code(access.subject_code, at);
    if (person < 0 || person == subject) continue;
    const std::size_t known = people_.size();
    if (people_.put(person) == known) met_.push_back(rows.time(at));
  }
  found.people = static_cast<std::int64_t>(people_.size());
  find_rows(rule, access, time);
  for (std::size_t p = 0; p < people_.size(); ++p) look_at(rule, access, p, candidates, found);
}

// Where the rows of the people begin, seen from their end. Step by step for all of them: memory
// that is far away is asked for at once.
void CompanionWalk::find_rows(const Companions& rule, const Plan::CompanionAccess& access,
                              std::int64_t time) {
  const Series& series = state_.series(access.subjects);
  lists_.clear();
  rows_.clear();
  for (std::size_t p = 0; p < people_.size(); ++p) {
    lists_.push_back(series.list(static_cast<std::size_t>(people_.code(p))));
  }
  for (std::size_t p = 0; p < people_.size(); ++p) {
    const Series::List& list = lists_[p];
    std::int64_t until = time;
    if (rule.within > 0) until = std::min(until, met_[p] + rule.within + 1);
    const bool all = list.size() > 0 && list.time(list.size() - 1) < until;
    rows_.push_back(static_cast<std::int64_t>(all ? list.size() : list.before(until)));
  }
  for (std::size_t p = 0; p < people_.size(); ++p) {
    rows_[p] = lists_[p].total(access.subject_last, static_cast<std::size_t>(rows_[p]));
  }
}

void CompanionWalk::look_at(const Companions& rule, const Plan::CompanionAccess& access,
                            std::size_t p, const CodePlaces& candidates, Found& found) {
  ++persons_;
  const Series::List& list = lists_[p];
  std::int64_t row = rows_[p];
  for (std::size_t n = 0; n < rule.depth && row >= 0; ++n) {
    const auto at = static_cast<std::size_t>(row);
    if (rule.within > 0 && list.time(at) < met_[p] - rule.within) return;
    row = list.total(access.subject_last, at);
    const std::int32_t item = list.code(access.item_code, at);
    if (item < 0 || item == found.item) continue;
    ++found.rows;
    const std::uint32_t place = candidates.find(item);
    if (place == CodePlaces::kNone) continue;
    ++found.had_rows[place];
    if (last_[place] == persons_) continue;
    last_[place] = persons_;
    ++found.had[place];
  }
}

template <class Value>
double CompanionWalk::pooled(std::size_t place, Feature::Pool pool, const Value& value) const {
  double sum = 0;
  double most = 0;
  std::size_t items = 0;
  for (std::size_t j = 0; j < used_; ++j) {
    const Found& found = found_[j];
    if (found.people == 0 || found.item == candidates_->code(place)) continue;
    const double one = value(found);
    sum += one;
    most = std::max(most, one);
    ++items;
  }
  if (items == 0) return kUnknown;
  if (pool == Feature::Pool::kMax) return most;
  return pool == Feature::Pool::kSum ? sum : sum / static_cast<double>(items);
}

double CompanionWalk::count(std::size_t place, Feature::Pool pool) const {
  return pooled(place, pool,
                [&](const Found& found) { return static_cast<double>(found.had[place]); });
}

double CompanionWalk::share(std::size_t place, Feature::Pool pool) const {
  return pooled(place, pool, [&](const Found& found) {
    return static_cast<double>(found.had[place]) / static_cast<double>(found.people);
  });
}

double CompanionWalk::lift(std::size_t place, Feature::Pool pool, double strength) const {
  const double frequency = frequency_[place];
  if (!(frequency > 0)) return kUnknown;
  return pooled(place, pool, [&](const Found& found) {
    const double rows = static_cast<double>(found.rows) + strength;
    if (rows == 0) return 1.0;  // nothing is known of a lift
    const double own = static_cast<double>(found.had_rows[place]) + strength * frequency;
    return own / rows / frequency;
  });
}

}  // namespace penchant::features
