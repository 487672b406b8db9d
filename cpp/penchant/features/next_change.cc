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
                     step.op == Op::kLog1p || step.op == Op::kSqrt || step.op == Op::kKnown ||
                     step.op == Op::kLogistic;
    bool left = false;
    if (step.op == Op::kIf) left = pop() || left;
    if (!one) left = pop() || left;
    // Of a logistic function the last bit may turn.
    const bool turns = step.op == Op::kAbs || step.op == Op::kEqual || step.op == Op::kNotEqual ||
                       step.op == Op::kLogistic;
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
  }
  views_.resize(plan_.shifts().size());
  const std::size_t windows = any_series_ ? plan_.series()[series_].windows.size() : 0;
  for (View& view : views_) view.begin.resize(windows);
  trial_.resize(plan_.features().size());
  for (const double& value : trial_) trial_columns_.push_back(&value);
}

NextChange::Flow NextChange::flow_of(std::size_t f) const {
  const Feature& feature = plan_.features()[f];
  if (plan_.shifts()[feature.shift].bucket > 0) return Flow::kSteps;
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
  size_ = 0;
  const bool known = any_series_ && subject >= 0;
  if (known) {
    list_ = state_.series(series_).list(static_cast<std::size_t>(subject));
    size_ = list_->size();
  }
  for (std::size_t s = 0; s < views_.size(); ++s) {
    View& view = views_[s];
    view.moment = plan_.shifts()[s].moment(moment);
    view.end = known ? list_->before(view.moment) : 0;
    for (std::size_t w = 0; w < view.begin.size(); ++w) {
      const std::int64_t begin = view.moment - plan_.series()[series_].windows[w];
      view.begin[w] = known ? list_->before(begin, view.end) : 0;
    }
  }
}

std::int64_t NextChange::event() const {
  return views_[0].end < size_ ? list_->time(views_[0].end) + 1 : kNever;
}

std::int64_t NextChange::event_of(std::size_t f) const {
  const std::size_t end = view_of(f).end;
  return end < size_ ? list_->time(end) + 1 : kNever;
}

std::int64_t NextChange::next_look() const { return (floor_div(moment_, every_) + 1) * every_; }

// In a bucket nothing moves: the next one is looked at.
std::int64_t NextChange::looked_at_next(std::size_t f) const {
  return shift_of(f).bucket > 0 ? view_of(f).moment + 1 : next_look() - shift_of(f).lag;
}

std::size_t NextChange::begin_of(std::size_t f) const {
  const std::int64_t window = plan_.features()[f].window;
  if (window == 0) return 0;
  const Plan::Access& access = plan_.access()[f];
  const View& view = view_of(f);
  return access.window ? view.begin[*access.window] : list_->before(view.moment - window, view.end);
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
  const std::size_t end = view_of(f).end;
  for (std::size_t row = begin_of(f); row < end; ++row) {
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
  const std::size_t end = view_of(f).end;
  const std::int64_t whole = list.total(measure, end);
  const std::size_t begin = begin_of(f);
  const std::size_t last = std::min(end, begin + kRowsAhead);
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
  return last < end ? leaves(f, last) : kNever;
}

std::int64_t NextChange::of_distinct(std::size_t f, double value, const RankSpan& span) const {
  if (plan_.features()[f].window == 0) return kNever;
  const std::size_t begin = begin_of(f);
  const std::size_t end = view_of(f).end;
  if (end - begin > kDistinctRows) return first_leaves(f);
  const Series::List& list = *list_;
  const std::size_t measure = plan_.access()[f].measure;
  // Rows whose code comes again; the others take it along when they leave.
  std::bitset<kDistinctRows> again;
  for (std::size_t row = begin; row < end; ++row) {
    if (!counts(f, row)) continue;
    const auto previous = static_cast<std::int64_t>(list.previous(measure, row));
    const auto first = static_cast<std::int64_t>(begin);
    // A row without a code points at itself: it takes nothing along.
    if (previous >= first) again.set(static_cast<std::size_t>(previous - first));
  }
  double then = value;
  for (std::size_t row = begin; row < end; ++row) {
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
  const std::size_t begin = begin_of(f);
  for (std::size_t row = view_of(f).end; row > begin; --row) {
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
  std::size_t high = view_of(f).end;
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

std::int64_t NextChange::since(std::size_t f, double value) const {
  if (!list_) return kNever;
  const Feature& feature = plan_.features()[f];
  if (feature.by.pair()) return kNever;
  const std::size_t end = view_of(f).end;
  if (feature.netted()) {
    // No total tells which row is left; ages of whole microseconds come back out of their doubles.
    if (std::isnan(value)) return kNever;
    return view_of(f).moment - std::llround(value * static_cast<double>(feature.unit));
  }
  if (feature.kind == Kind::kFirstSeen) {
    const std::size_t row = first_row(f);
    return row < end ? list_->time(row) : kNever;
  }
  const std::int64_t row = list_->total(plan_.access()[f].measure, end);
  if (row < static_cast<std::int64_t>(begin_of(f))) return kNever;
  return list_->time(static_cast<std::size_t>(row));
}

std::int64_t NextChange::of_age(std::size_t f, double value, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  if (!span.known) return kNever;  // nothing to grow old
  const std::int64_t from = since(f, value);
  if (from == kNever) return kNever;
  const std::int64_t now = view_of(f).moment - from;
  std::int64_t out = feature.window == 0 ? kNever : from + feature.window + 1;
  const auto unit = static_cast<double>(feature.unit);
  const double bound = span.on_bound ? span.low : span.high;
  if (!(bound * unit < static_cast<double>(kLastMoment))) return out;
  // The first age that is no longer in the span; the product is right to a few microseconds.
  const auto gone = [&](std::int64_t age) { return !span.holds(static_cast<double>(age) / unit); };
  auto age = std::max(now, static_cast<std::int64_t>(std::floor(bound * unit)));
  while (age > now && gone(age)) --age;
  while (!gone(age)) ++age;
  return std::min(out, from + age);
}

std::int64_t NextChange::of_faded(std::size_t f, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  const std::int64_t moment = view_of(f).moment;
  const std::size_t end = view_of(f).end;
  if (!list_ || end == 0) return kNever;
  const DecayedSum decayed{feature.half_life};
  const std::int64_t sum = list_->total(plan_.access()[f].measure, end);
  if (sum == 0) return kNever;
  const std::int64_t last = list_->time(end - 1);
  const std::int64_t most = kLastMoment - moment;
  const std::int64_t far =
      feature.half_life < most / kHalfLivesToZero ? feature.half_life * kHalfLivesToZero : most;
  return first_change(moment, moment + far,
                      [&](std::int64_t time) { return span.holds(decayed.at(sum, last, time)); });
}

// Read row by row, no total tells what is left: it may change where any row leaves the window.
std::int64_t NextChange::of_netted(std::size_t f, double value, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  if (is_age(feature.kind)) return of_age(f, value, span);
  if (feature.kind == Kind::kDecayed) return looked_at_next(f);
  if (feature.window == 0) return kNever;
  const std::size_t row = begin_of(f);
  return row < view_of(f).end ? leaves(f, row) : kNever;
}

// A list changes when what is in it is too old; a cart when nothing was done to it for too long.
std::int64_t NextChange::of_list(std::size_t f) const {
  const ItemList& rule = plan_.lists()[plan_.features()[f].list];
  if (rule.within == 0) return kNever;
  const View& view = view_of(f);
  const std::size_t measure = plan_.list_access()[plan_.features()[f].list].last;
  std::int64_t row = list_->total(measure, view.end);
  if (rule.kind != ItemList::Kind::kCart) {
    const std::size_t begin = list_->before(view.moment - rule.within, view.end);
    row = begin < view.end ? static_cast<std::int64_t>(begin) : -1;
  }
  if (row < 0) return kNever;
  const std::int64_t gone = list_->time(static_cast<std::size_t>(row)) + rule.within + 1;
  return gone > view.moment ? gone : kNever;
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
  if (!list_ || !(feature.of_events() || feature.of_list())) return kNever;
  const std::int64_t own = in_own_time(f, value, span);
  if (feature.shift == 0) return own;
  return seen_at(f, std::min(own, event_of(f)));
}

std::int64_t NextChange::in_own_time(std::size_t f, double value, const RankSpan& span) const {
  const Feature& feature = plan_.features()[f];
  if (feature.of_list()) return of_list(f);
  if (feature.by.pair()) {
    if (is_age(feature.kind) || feature.kind == Kind::kDecayed) return looked_at_next(f);
    return first_leaves(f);
  }
  if (feature.netted()) return of_netted(f, value, span);
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
      return of_age(f, value, span);
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
      const std::int64_t from = since(f, value);
      if (window > 0 && from != kNever) steps = std::min(steps, seen_at(f, from + window + 1));
      steps = std::min(steps, seen_at(f, event_of(f)));
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
  std::int64_t from = since(grows, trial_[grows]);
  if (from == kNever) return steps;
  from += shift_of(grows).lag;
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
