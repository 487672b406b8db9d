#include "penchant/features/companion_walk.h"

#include <algorithm>
#include <limits>

namespace penchant::features {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMetAtOnce = 512;

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
      frequency_(most, kUnknown),
      most_(most),
      pooled_(most) {
  std::size_t listed = 0;
  for (const Companions& one : state.plan().companions()) {
    listed = std::max(listed, state.plan().lists()[one.list].most);
  }
  const std::size_t met = kMetAtOnce + largest_sample(state.plan());
  met_.reserve(met);
  lists_.reserve(met);
  upto_.reserve(met);
  items_.reserve(std::max(listed, most));
  ends_.reserve(std::max(listed, most));
  found_.resize(listed);
  for (Found& found : found_) {
    found.had.resize(most);
    found.had_rows.resize(most);
  }
}

void CompanionWalk::walk(std::size_t companions, std::span<const std::int32_t> listed,
                         std::int32_t subject, std::int64_t time, const CodePlaces& candidates) {
  const Walk walk{state_.plan().companions()[companions],
                  state_.plan().companion_access()[companions], subject, time};
  candidates_ = &candidates;
  maybe_.fill(0);
  for (std::size_t place = 0; place < candidates.size(); ++place) {
    const auto code = static_cast<std::uint32_t>(candidates.code(place));
    maybe_[code / 64 % maybe_.size()] |= std::uint64_t{1} << (code % 64);
  }
  used_ = listed.size();
  for (std::size_t j = 0; j < used_; ++j) {
    Found& found = found_[j];
    found.item = listed[j];
    found.rows = 0;
    std::fill_n(found.had.begin(), candidates.size(), 0);
    std::fill_n(found.had_rows.begin(), candidates.size(), 0);
  }
  find_items(walk);
  met_.clear();
  for (std::size_t j = 0; j < used_; ++j) {
    meet(walk, j);
    if (met_.size() >= kMetAtOnce || j + 1 == used_) look_at_met(walk);
  }
  if (walk.access.lift) find_frequencies(walk);
}

// The rows of the items of the list.
void CompanionWalk::find_items(const Walk& walk) {
  const Series& series = state_.series(walk.access.items);
  items_.clear();
  ends_.clear();
  for (std::size_t j = 0; j < used_; ++j) {
    series.prefetch(static_cast<std::size_t>(found_[j].item));
  }
  for (std::size_t j = 0; j < used_; ++j) {
    items_.push_back(series.list(static_cast<std::size_t>(found_[j].item)));
    items_.back().prefetch_end();
  }
  for (const Series::List& list : items_) {
    ends_.push_back(list.before(walk.time));
    list.prefetch_back(walk.access.item_last, walk.access.subject_code, ends_.back());
  }
}

// Who had an item of the list.
void CompanionWalk::meet(const Walk& walk, std::size_t item) {
  const Series& subjects = state_.series(walk.access.subjects);
  const Series::List& list = items_[item];
  people_.clear();
  std::size_t left = walk.rule.sample;
  const auto use = [&](std::size_t row, std::int32_t person) {
    if (person >= 0 && person != walk.subject) {
      const std::size_t known = people_.size();
      if (people_.put(person) == known) {
        met_.push_back({person, static_cast<std::uint32_t>(item), list.time(row)});
        subjects.prefetch(static_cast<std::size_t>(person));
      }
    }
    return --left > 0;
  };
  list.each_back(walk.access.item_last, walk.access.subject_code, ends_[item], use);
  found_[item].people = static_cast<std::int64_t>(people_.size());
}

void CompanionWalk::look_at_met(const Walk& walk) {
  const Series& subjects = state_.series(walk.access.subjects);
  lists_.clear();
  upto_.clear();
  for (const Met& met : met_) {
    lists_.push_back(subjects.list(static_cast<std::size_t>(met.person)));
    lists_.back().prefetch_end();
  }
  for (std::size_t p = 0; p < met_.size(); ++p) {
    std::int64_t until = walk.time;
    if (walk.rule.within > 0) until = std::min(until, met_[p].time + walk.rule.within + 1);
    upto_.push_back(lists_[p].before(until));
    lists_[p].prefetch_back(walk.access.subject_last, walk.access.item_code, upto_[p]);
  }
  for (std::size_t p = 0; p < met_.size(); ++p) look_at(walk, met_[p], lists_[p], upto_[p]);
  met_.clear();
}

void CompanionWalk::look_at(const Walk& walk, const Met& met, const Series::List& list,
                            std::size_t end) {
  ++persons_;
  Found& found = found_[met.item];
  const std::int64_t first =
      walk.rule.within > 0 ? met.time - walk.rule.within : std::numeric_limits<std::int64_t>::min();
  std::size_t left = walk.rule.depth;
  std::int64_t rows = 0;
  const auto use = [&](std::size_t row, std::int32_t item) {
    if (walk.rule.within > 0 && list.time(row) < first) return false;
    const bool more = --left > 0;
    if (item < 0 || item == found.item) return more;
    ++rows;
    const auto code = static_cast<std::uint32_t>(item);
    if ((maybe_[code / 64 % maybe_.size()] >> (code % 64) & 1U) == 0) return more;
    const std::uint32_t place = candidates_->find(item);
    if (place == CodePlaces::kNone) return more;
    ++found.had_rows[place];
    found.had[place] += last_[place] == persons_ ? 0 : 1;
    last_[place] = persons_;
    return more;
  };
  list.each_back(walk.access.subject_last, walk.access.item_code, end, use);
  found.rows += rows;
}

void CompanionWalk::find_frequencies(const Walk& walk) {
  const Plan::CompanionAccess& access = walk.access;
  const Series& series = state_.series(access.items);
  const auto all = state_.series(access.all).list(0);
  const auto rows = static_cast<double>(all.total(access.all_count, all.before(walk.time)));
  const std::size_t count = candidates_->size();
  items_.clear();
  ends_.clear();
  for (std::size_t place = 0; place < count; ++place) {
    series.prefetch(static_cast<std::size_t>(candidates_->code(place)));
  }
  for (std::size_t place = 0; place < count; ++place) {
    items_.push_back(series.list(static_cast<std::size_t>(candidates_->code(place))));
    items_.back().prefetch_end();
  }
  for (const Series::List& list : items_) {
    ends_.push_back(list.before(walk.time));
    list.prefetch_counts(ends_.back());
  }
  for (std::size_t place = 0; place < count; ++place) {
    const std::int64_t own = items_[place].total(access.item_count, ends_[place]);
    frequency_[place] = own == 0 ? kUnknown : static_cast<double>(own) / rows;
  }
}

// value(found, place): what an item of the list says of a candidate.
template <class Value>
void CompanionWalk::pool(Feature::Pool pool, std::span<double> out, const Value& value) {
  const std::size_t count = candidates_->size();
  std::fill_n(out.begin(), count, 0.0);
  std::fill_n(most_.begin(), count, 0.0);
  std::fill_n(pooled_.begin(), count, 0.0);
  for (std::size_t j = 0; j < used_; ++j) {
    const Found& found = found_[j];
    if (found.people == 0) continue;
    // A candidate that is the item itself isn't told about.
    const std::uint32_t own = candidates_->find(found.item);
    const std::size_t itself = own == CodePlaces::kNone ? count : own;
    const auto tell = [&](std::size_t first, std::size_t end) {
      for (std::size_t place = first; place < end; ++place) {
        const double one = value(found, place);
        out[place] += one;
        most_[place] = std::max(most_[place], one);
        pooled_[place] += 1;
      }
    };
    tell(0, itself);
    tell(itself + 1, count);
  }
  for (std::size_t place = 0; place < count; ++place) {
    double& sum = out[place];
    if (pool == Feature::Pool::kMax) sum = most_[place];
    if (pool == Feature::Pool::kMean) sum /= pooled_[place];
    if (pooled_[place] == 0) sum = kUnknown;
  }
}

void CompanionWalk::values(const Feature& feature, std::span<double> out) {
  using Kind = Feature::Kind;
  if (feature.kind == Kind::kTogetherCount) {
    pool(feature.pool, out, [](const Found& found, std::size_t place) {
      return static_cast<double>(found.had[place]);
    });
  } else if (feature.kind == Kind::kTogetherShare) {
    pool(feature.pool, out, [](const Found& found, std::size_t place) {
      return static_cast<double>(found.had[place]) / static_cast<double>(found.people);
    });
  } else {
    pool(feature.pool, out, [&](const Found& found, std::size_t place) {
      const double rows = static_cast<double>(found.rows) + feature.strength;
      if (rows == 0) return 1.0;  // nothing is known of a lift
      const double frequency = frequency_[place];
      const double own = static_cast<double>(found.had_rows[place]) + feature.strength * frequency;
      return own / rows / frequency;
    });
    for (std::size_t place = 0; place < candidates_->size(); ++place) {
      if (!(frequency_[place] > 0)) out[place] = kUnknown;
    }
  }
}

}  // namespace penchant::features
