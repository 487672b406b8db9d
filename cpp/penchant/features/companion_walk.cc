#include "penchant/features/companion_walk.h"

#include <algorithm>
#include <limits>

namespace penchant::features {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMetAtOnce = 192;

// Of the first `end` rows, where the last `most` of them begin.
std::size_t begin_of(std::size_t end, std::size_t most) { return end - std::min(end, most); }

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
    list.prefetch_codes(walk.access.subject_code, begin_of(ends_.back(), walk.rule.sample),
                        ends_.back());
  }
}

// Who had an item of the list.
void CompanionWalk::meet(const Walk& walk, std::size_t item) {
  const Series& subjects = state_.series(walk.access.subjects);
  const Series::List& list = items_[item];
  people_.clear();
  const std::size_t begin = begin_of(ends_[item], walk.rule.sample);
  const auto [below, own] = list.codes(walk.access.subject_code, begin, ends_[item]);
  for (std::size_t i = below.size() + own.size(); i-- > 0;) {
    const std::int32_t person = i < below.size() ? below[i] : own[i - below.size()];
    if (person < 0 || person == walk.subject) continue;
    const std::size_t known = people_.size();
    if (people_.put(person) < known) continue;
    met_.push_back({person, static_cast<std::uint32_t>(item), list.time(begin + i)});
    subjects.prefetch(static_cast<std::size_t>(person));
  }
  found_[item].people = static_cast<std::int64_t>(people_.size());
}

// Before which rows of theirs are looked at.
std::int64_t CompanionWalk::until_of(const Walk& walk, const Met& met) {
  const std::int64_t within = walk.rule.within;
  return within > 0 ? std::min(walk.time, met.time + within + 1) : walk.time;
}

void CompanionWalk::look_at_met(const Walk& walk) {
  const Series& subjects = state_.series(walk.access.subjects);
  lists_.clear();
  upto_.clear();
  for (const Met& met : met_) {
    lists_.push_back(subjects.list(static_cast<std::size_t>(met.person)));
    if (until_of(walk, met) <= subjects.latest()) lists_.back().prefetch_end();
  }
  for (std::size_t p = 0; p < met_.size(); ++p) {
    upto_.push_back(lists_[p].before(until_of(walk, met_[p])));
    lists_[p].prefetch_codes(walk.access.item_code, begin_of(upto_[p], walk.rule.depth), upto_[p]);
  }
  for (std::size_t p = 0; p < met_.size(); ++p) look_at(walk, met_[p], lists_[p], upto_[p]);
  met_.clear();
}

void CompanionWalk::look_at(const Walk& walk, const Met& met, const Series::List& list,
                            std::size_t end) {
  ++persons_;
  std::size_t begin = begin_of(end, walk.rule.depth);
  if (walk.rule.within > 0) begin = list.before(met.time - walk.rule.within, end, begin);
  for (const auto items : list.codes(walk.access.item_code, begin, end)) {
    count(found_[met.item], items);
  }
}

// Someone's items. Most are no candidates, which ones can't be guessed: those that may be are put
// aside without a branch.
void CompanionWalk::count(Found& found, std::span<const std::int32_t> items) {
  constexpr std::size_t kAtOnce = 64;
  std::array<std::int32_t, kAtOnce> some{};
  const std::int32_t itself = found.item;
  std::int64_t rows = 0;
  for (std::size_t first = 0; first < items.size(); first += kAtOnce) {
    std::size_t likely = 0;
    for (const std::int32_t item : items.subspan(first, std::min(kAtOnce, items.size() - first))) {
      const auto code = static_cast<std::uint32_t>(item);
      const auto other =
          static_cast<std::size_t>(item >= 0) & static_cast<std::size_t>(item != itself);
      rows += static_cast<std::int64_t>(other);
      some[likely] = item;
      likely += other & (maybe_[code / 64 % maybe_.size()] >> (code % 64));
    }
    for (std::size_t i = 0; i < likely; ++i) found_again(found, some[i]);
  }
  found.rows += rows;
}

void CompanionWalk::found_again(Found& found, std::int32_t item) {
  const std::uint32_t place = candidates_->find(item);
  if (place == CodePlaces::kNone) return;
  ++found.had_rows[place];
  found.had[place] += last_[place] == persons_ ? 0 : 1;
  last_[place] = persons_;
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
  }
  for (std::size_t place = 0; place < count; ++place) {
    frequency_[place] = ends_[place] == 0 ? kUnknown : static_cast<double>(ends_[place]) / rows;
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
