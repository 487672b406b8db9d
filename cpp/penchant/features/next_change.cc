#include "penchant/features/next_change.h"

#include <algorithm>
#include <bitset>
#include <cmath>

#include "penchant/features/floor_div.h"

namespace penchant::features {
namespace {

using Kind = Feature::Kind;

constexpr std::int64_t kHourMicros = 3'600'000'000;
// Beyond these many rows a window's next edge is taken, whatever it comes to.
constexpr std::size_t kRowsAhead = 64;
constexpr std::size_t kDistinctRows = 256;
// As far as states read.
constexpr std::int64_t kLastMoment = 2'000LL * 366 * 86'400'000'000 - 1;
// By then a decayed sum is zero in double precision.
constexpr std::int64_t kHalfLivesToZero = 1200;

// The first moment in (low, high] at which `stays` does not hold, which it does at `low`, or
// kNever; for what doesn't hold again once it ceased to.
template <class Stays>
std::int64_t first_change(std::int64_t low, std::int64_t high, const Stays& stays) {
  if (high <= low || stays(high)) return NextChange::kNever;
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (stays(middle) ? low : high) = middle;
  }
  return high;
}

bool is_age(Kind kind) { return kind == Kind::kRecency || kind == Kind::kFirstSeen; }

// Whether a formula with one operand that grows, at `grows`, passes any bound once at most.
bool passes_once(const Formula& formula, std::size_t grows) {
  using Op = Formula::Op;
  std::vector<bool> stack;  // whether it depends on what grows
  const auto pop = [&] {
    const bool top = stack.back();
    stack.pop_back();
    return top;
  };
  std::size_t met = 0;
  for (const Formula::Step& step : formula.steps()) {
    if (step.op == Op::kFeature || step.op == Op::kConstant) {
      const bool it = step.op == Op::kFeature && step.feature == grows;
      met += it ? 1 : 0;
      stack.push_back(it);
      continue;
    }
    const bool right = pop();
    const bool one = step.op == Op::kNot || step.op == Op::kNegate || step.op == Op::kAbs ||
                     step.op == Op::kLog1p || step.op == Op::kSqrt || step.op == Op::kKnown;
    bool left = false;
    if (step.op == Op::kIf) left = pop() || left;
    if (!one) left = pop() || left;
    const bool turns = step.op == Op::kAbs || step.op == Op::kEqual || step.op == Op::kNotEqual;
    if ((turns && (left || right)) || (step.op == Op::kDivide && right)) return false;
    stack.push_back(left || right);
  }
  return met == 1;
}

}  // namespace

NextChange::NextChange(const State& state, std::int64_t every)
    : state_(state), plan_(state.plan()), every_(every) {
  for (std::size_t f = 0; f < plan_.features().size(); ++f) flows_.push_back(flow_of(f));
  for (std::size_t s = 0; s < plan_.series().size(); ++s) {
    const By& by = plan_.series()[s].by;
    if (!by.subject || by.pair() || plan_.series()[s].apart) continue;
    series_ = s;
    any_series_ = true;
    begin_.resize(plan_.series()[s].windows.size());
  }
  trial_.resize(plan_.features().size());
  for (const double& value : trial_) trial_columns_.push_back(&value);
}

NextChange::Flow NextChange::flow_of(std::size_t f) const {
  const Feature& feature = plan_.features()[f];
  if (is_age(feature.kind)) return Flow::kAge;
  if (feature.kind == Kind::kDecayed) return Flow::kFades;
  if (feature.kind != Kind::kFormula) return Flow::kSteps;
  const auto& steps = feature.formula.steps();
  const bool steady = std::ranges::all_of(steps, [&](const Formula::Step& step) {
    return step.op != Formula::Op::kFeature || flows_[step.feature] == Flow::kSteps;
  });
  return steady ? Flow::kSteps : Flow::kTangled;
}

void NextChange::look_at(std::int32_t subject, std::int64_t moment) {
  moment_ = moment;
  list_.reset();
  size_ = end_ = 0;
  std::ranges::fill(begin_, 0);
  if (!any_series_ || subject < 0) return;
  list_ = state_.series(series_).list(static_cast<std::size_t>(subject));
  size_ = list_->size();
  end_ = list_->before(moment);
  const auto& windows = plan_.series()[series_].windows;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    begin_[w] = list_->before(moment - windows[w], end_);
  }
}

std::int64_t NextChange::event() const { return end_ < size_ ? list_->time(end_) + 1 : kNever; }

std::int64_t NextChange::next_look() const { return (floor_div(moment_, every_) + 1) * every_; }

std::size_t NextChange::begin_of(std::size_t f) const {
  const Plan::Access& access = plan_.access()[f];
  return access.window ? begin_[*access.window] : 0;
}

bool NextChange::counts(std::size_t f, std::size_t row) const {
  return (list_->filters(row) >> plan_.features()[f].filter & 1U) != 0;
}

// The window's lower edge is in it, so that a row is out a microsecond after it has met that edge.
std::int64_t NextChange::leaves(std::size_t f, std::size_t row) const {
  return list_->time(row) + plan_.features()[f].window + 1;
}

std::int64_t NextChange::first_leaves(std::size_t f) const {
  if (plan_.features()[f].window == 0) return kNever;
  for (std::size_t row = begin_of(f); row < end_; ++row) {
    if (counts(f, row)) return leaves(f, row);
  }
  return kNever;
}

// --- kinds of features --------------------------------------------------------------------------

std::int64_t NextChange::of_total(std::size_t f, double value, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  if (feature.window == 0) return kNever;
  const Series::List& list = *list_;
  const std::size_t measure = plan_.access()[f].measure;
  const std::int64_t whole = list.total(measure, end_);
  const std::size_t begin = begin_of(f);
  const std::size_t last = std::min(end_, begin + kRowsAhead);
  std::int64_t before = list.total(measure, begin);
  for (std::size_t row = begin; row < last; ++row) {
    const std::int64_t gone = list.total(measure, row + 1);
    if (gone == before) continue;
    // Rows of one time leave together.
    if (row + 1 < last && list.time(row + 1) == list.time(row)) continue;
    before = gone;
    const auto left = static_cast<double>(whole - gone);
    const double then = feature.kind == Kind::kSum ? left / kUnit : left;
    if (then != value && !span.holds(then)) return leaves(f, row);
  }
  return last < end_ ? leaves(f, last) : kNever;
}

std::int64_t NextChange::of_distinct(std::size_t f, double value, const RankSpan& span) const {
  if (plan_.features()[f].window == 0) return kNever;
  const std::size_t begin = begin_of(f);
  const std::size_t size = end_ - begin;
  if (size > kDistinctRows) return first_leaves(f);
  const Series::List& list = *list_;
  const std::size_t measure = plan_.access()[f].measure;
  // Rows whose code comes again; the others take it along when they leave.
  std::bitset<kDistinctRows> again;
  for (std::size_t row = begin; row < end_; ++row) {
    if (!counts(f, row)) continue;
    const auto previous = static_cast<std::int64_t>(list.previous(measure, row));
    const auto first = static_cast<std::int64_t>(begin);
    // A row without a code points at itself: it takes nothing along.
    if (previous >= first) again.set(static_cast<std::size_t>(previous - first));
  }
  double then = value;
  for (std::size_t row = begin; row < end_; ++row) {
    if (!counts(f, row) || again[row - begin]) continue;
    then -= 1;
    if (!span.holds(then)) return leaves(f, row);
  }
  return kNever;
}

std::int64_t NextChange::of_bound(std::size_t f, double value) const {
  if (plan_.features()[f].window == 0 || std::isnan(value)) return kNever;
  const Series::List& list = *list_;
  const std::size_t v = plan_.access()[f].value;
  // Until the last row leaves that has this value, it stays.
  for (std::size_t row = end_; row > begin_of(f); --row) {
    const std::int64_t x = list.value(v, row - 1);
    if (x == kNoNumber || !counts(f, row - 1)) continue;
    if (static_cast<double>(x) / kUnit == value) return leaves(f, row - 1);
  }
  return first_leaves(f);
}

std::size_t NextChange::first_row(std::size_t f) const {
  // The first row that counts is where their number first passes that before the window.
  const Feature& feature = plan_.features()[f];
  const Plan::Access& access = plan_.access()[f];
  const std::size_t count = feature.kind == Kind::kSpan ? access.counted : access.measure;
  const std::size_t begin = begin_of(f);
  const std::int64_t none = list_->total(count, begin);
  std::size_t low = begin;
  std::size_t high = end_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (list_->total(count, middle + 1) > none) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

std::int64_t NextChange::since(std::size_t f) const {
  if (!list_) return kNever;
  const Feature& feature = plan_.features()[f];
  if (feature.by.pair()) return kNever;
  if (feature.kind == Kind::kFirstSeen) {
    const std::size_t row = first_row(f);
    return row < end_ ? list_->time(row) : kNever;
  }
  const std::int64_t row = list_->total(plan_.access()[f].measure, end_);
  if (row < static_cast<std::int64_t>(begin_of(f))) return kNever;
  return list_->time(static_cast<std::size_t>(row));
}

std::int64_t NextChange::of_age(std::size_t f, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  if (!span.known) return kNever;  // nothing to grow old
  const std::int64_t from = since(f);
  if (from == kNever) return kNever;
  std::int64_t out = feature.window == 0 ? kNever : from + feature.window + 1;
  const auto unit = static_cast<double>(feature.unit);
  const double bound = span.on_bound ? span.low : span.high;
  if (!(bound * unit < static_cast<double>(kLastMoment))) return out;
  // The first age that is no longer in the span; the product is right to a few microseconds.
  const auto gone = [&](std::int64_t age) { return !span.holds(static_cast<double>(age) / unit); };
  auto age = std::max(moment_ - from, static_cast<std::int64_t>(std::floor(bound * unit)));
  while (age > moment_ - from && gone(age)) --age;
  while (!gone(age)) ++age;
  return std::min(out, from + age);
}

std::int64_t NextChange::of_faded(std::size_t f, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  if (feature.by.pair()) return next_look();
  if (!list_ || end_ == 0) return kNever;
  const DecayedSum decayed{feature.half_life};
  const std::int64_t sum = list_->total(plan_.access()[f].measure, end_);
  if (sum == 0) return kNever;
  const std::int64_t last = list_->time(end_ - 1);
  const std::int64_t most = kLastMoment - moment_;
  const std::int64_t far =
      feature.half_life < most / kHalfLivesToZero ? feature.half_life * kHalfLivesToZero : most;
  return first_change(moment_, moment_ + far,
                      [&](std::int64_t time) { return span.holds(decayed.at(sum, last, time)); });
}

std::int64_t NextChange::of_calendar(std::size_t f, double value, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  const bool hour = feature.kind == Kind::kHour;
  const std::int64_t length = hour ? kHourMicros : 24 * kHourMicros;
  const std::int64_t round = hour ? 24 : 7;
  const std::int64_t begin = floor_div(moment_ + feature.offset, length) * length - feature.offset;
  for (std::int64_t step = 1; step < round; ++step) {
    const std::int64_t then = (static_cast<std::int64_t>(value) + step) % round;
    if (!span.holds(static_cast<double>(then))) return begin + step * length;
  }
  return kNever;
}

std::int64_t NextChange::of_feature(std::size_t f, double value, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  if (feature.kind == Kind::kHour || feature.kind == Kind::kWeekday) {
    return of_calendar(f, value, span);
  }
  if (!list_ || !feature.of_events()) return kNever;
  if (feature.by.pair()) {
    if (flows_[f] != Flow::kSteps) return next_look();
    return first_leaves(f);
  }
  switch (feature.kind) {
    case Kind::kCount:
    case Kind::kKnown:
    case Kind::kSum:
      return of_total(f, value, span);
    case Kind::kDistinct:
      return of_distinct(f, value, span);
    case Kind::kLowest:
    case Kind::kHighest:
      return of_bound(f, value);
    case Kind::kRecency:
    case Kind::kFirstSeen:
      return of_age(f, span);
    case Kind::kDecayed:
      return of_faded(f, span);
    default:
      return first_leaves(f);
  }
}

// --- arithmetic ---------------------------------------------------------------------------------

std::int64_t NextChange::of_formula(const Formula& formula, std::span<const double* const> values,
                                    std::size_t row, const RankSpan& span) {
  // Whatever changes in steps makes it change.
  std::int64_t steps = event();
  std::size_t flowing = 0;
  std::size_t grows = 0;
  bool tangled = false;
  for (const Formula::Step& step : formula.steps()) {
    if (step.op != Formula::Op::kFeature) continue;
    const std::size_t f = step.feature;
    const double value = values[f][row];
    trial_[f] = value;
    if (flows_[f] == Flow::kAge && !plan_.features()[f].by.pair()) {
      ++flowing;
      grows = f;
      const std::int64_t window = plan_.features()[f].window;
      const std::int64_t from = since(f);
      if (window > 0 && from != kNever) steps = std::min(steps, from + window + 1);
    } else if (flows_[f] != Flow::kSteps) {
      tangled = true;
    } else if (plan_.features()[f].kind == Kind::kFormula) {
      steps = std::min(steps,
                       of_formula(plan_.features()[f].formula, values, row, RankSpan::just(value)));
    } else {
      steps = std::min(steps, of_feature(f, value, RankSpan::just(value)));
    }
  }
  if (tangled || flowing > 1) return std::min(steps, next_look());
  if (flowing == 0) return steps;
  const std::int64_t from = since(grows);
  if (from == kNever) return steps;
  if (!passes_once(formula, grows)) return std::min(steps, next_look());
  const auto unit = static_cast<double>(plan_.features()[grows].unit);
  const std::int64_t until = std::min(steps, kLastMoment) - 1;
  const std::int64_t passed = first_change(moment_, until, [&](std::int64_t time) {
    trial_[grows] = static_cast<double>(time - from) / unit;
    return span.holds(formula.value(trial_columns_, 0));
  });
  return std::min(steps, passed);
}

std::int64_t NextChange::of(const SegmentRules::Column& column,
                            std::span<const double* const> values, std::size_t row,
                            const RankSpan& span) {
  if (column.score) return kNever;
  if (column.formula) return of_formula(*column.formula, values, row, span);
  const Feature& feature = plan_.features()[column.feature];
  if (feature.kind == Kind::kFormula) return of_formula(feature.formula, values, row, span);
  return of_feature(column.feature, values[column.feature][row], span);
}

}  // namespace penchant::features
