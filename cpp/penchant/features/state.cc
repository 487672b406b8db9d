#include "penchant/features/state.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/features/segment_members.h"

namespace penchant::features {
namespace {

constexpr std::size_t kBlockRows = 65'536;
constexpr std::size_t kMostRows = 2'147'483'647;
constexpr std::int64_t kMostTime = 2'000LL * 366 * 86'400'000'000;

constexpr std::string_view kTimeBounds = "beyond the years 0 to 3970";

// Whether codes stand for one of `values`, or for none.
bool good_codes(std::span<const std::int32_t> codes, std::size_t values) {
  return std::ranges::all_of(codes, [&](std::int32_t code) {
    return code >= kNoCode && code < static_cast<std::int64_t>(values);
  });
}

bool good_time(std::int64_t time) { return time > -kMostTime && time < kMostTime; }

// Empty where they are in order.
std::vector<std::uint32_t> order_of(std::span<const std::int64_t> times) {
  std::vector<std::uint32_t> order;
  if (std::ranges::is_sorted(times)) return order;
  order.resize(times.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return times[row]; });
  return order;
}

// Whether all of a column is so.
template <class T, class Good>
bool every(std::span<const T> column, int threads, const Good& good) {
  std::atomic<bool> all = true;
  parallel_blocks(column.size(), kBlockRows, threads, [&](const Block& block) {
    bool here = true;
    for (std::size_t i = block.begin; i < block.end; ++i) here &= good(column[i]);
    if (!here) all = false;
  });
  return all;
}

}  // namespace

State::State(std::shared_ptr<const Plan> plan, ItemTable items, SubjectTable subjects,
             std::shared_ptr<const SegmentRules> rules)
    : State(std::move(plan), std::make_shared<const ItemTable>(std::move(items)),
            std::make_shared<const SubjectTable>(std::move(subjects))) {
  if (plan_->segments().empty()) return;
  check_argument(rules != nullptr, "features are by segments, which have no rules");
  members_ = std::make_unique<SegmentMembers>(*plan_, items_, std::move(rules));
}

State::State(std::shared_ptr<const Plan> plan, std::shared_ptr<const ItemTable> items,
             std::shared_ptr<const SubjectTable> subjects)
    : plan_(std::move(plan)), items_(std::move(items)), subjects_(std::move(subjects)) {
  check_argument(items_->codes.size() == plan_->item_codes().size() &&
                     items_->numbers.size() == plan_->item_numbers().size(),
                 "the table of items has other columns than the feature plan");
  for (const ItemTable::Codes& codes : items_->codes) {
    check_argument(codes.of_item.size() == items_->items,
                   "an attribute has another length than items");
    check_argument(good_codes(codes.of_item, codes.values),
                   "an attribute holds a code beyond its values");
  }
  for (const auto& numbers : items_->numbers) {
    check_argument(numbers.size() == items_->items, "an attribute has another length than items");
  }
  check_argument(items_->vectors.size() == plan_->embeddings().size(),
                 "the table of items has other embeddings than the feature plan");
  for (const ItemVectors& vectors : items_->vectors) vectors.check(items_->items);
  check_argument(subjects_->codes.size() == plan_->subject_codes().size(),
                 "the table of subjects has other columns than the feature plan");
  for (const SubjectTable::Codes& codes : subjects_->codes) {
    check_argument(good_codes(codes.of_subject, codes.values),
                   "an attribute of subjects holds a code beyond its values");
  }
  for (const Plan::Kept& kept : plan_->series()) series_.emplace_back(kept.layout);
  editions_.resize(series_.size());
  joint_keys_.resize(series_.size());
}

State State::over(const State& base) {
  State out;
  out.plan_ = base.plan_;
  out.items_ = base.items_;
  out.subjects_ = base.subjects_;
  for (const Series& series : base.series_) out.series_.push_back(Series::over(series));
  out.editions_.resize(out.series_.size());
  for (const JointKeys& keys : base.joint_keys_) out.joint_keys_.push_back(JointKeys::over(keys));
  if (base.members_) out.members_ = SegmentMembers::over(*base.members_);
  out.rows_ = base.rows_;
  return out;
}

std::size_t State::bytes() const {
  std::size_t out = 0;
  for (const Series& series : series_) out += series.bytes();
  for (const auto& keys : editions_) out += keys.capacity() * sizeof(std::uint32_t);
  for (const JointKeys& keys : joint_keys_) out += keys.bytes();
  if (members_) out += members_->state().bytes();
  return out;
}

void State::check(const EventBatch& events, int threads) const {
  const std::size_t rows = events.size();
  check_argument(rows + rows_ <= kMostRows, "more than ", kMostRows, " events");
  bool fits = events.types.size() == rows && events.subjects.size() == rows &&
              events.items.size() == rows && events.numbers.size() == plan_->numbers().size() &&
              events.codes.size() == plan_->codes().size();
  for (const auto column : events.numbers) fits = fits && column.size() == rows;
  for (const auto column : events.codes) fits = fits && column.size() == rows;
  check_argument(fits, "columns of events that don't fit the feature plan, or differ in length");
  const auto below = [&](std::span<const std::int32_t> codes, std::int64_t end) {
    const auto most = static_cast<std::uint32_t>(end);
    // kNoCode, as all that is allowed, lies below once it is raised by one.
    return every(codes, threads,
                 [&](std::int32_t c) { return static_cast<std::uint32_t>(c) + 1 <= most; });
  };
  check_argument(below(events.items, static_cast<std::int64_t>(items_->items)),
                 "an event's item is not in the table of items");
  check_argument(below(events.subjects, kMostRows), "an event's subject is no code");
  for (const auto column : events.codes) check_argument(below(column, kMostRows), "no code");
  const std::size_t types = plan_->types().size();
  check_argument(every(events.types, threads, [&](std::uint16_t t) { return t < types; }),
                 "an event's type is not of the feature plan");
  check_argument(every(events.times, threads, good_time), "the time of an event is ", kTimeBounds);
}

PreparedEvents State::prepare(const EventBatch& events, int threads) const {
  const std::vector<Filter>& filters = plan_->filters();
  PreparedEvents out;
  out.times = events.times;
  out.filters.resize(events.size());
  out.values.resize(plan_->values().size());
  for (auto& column : out.values) column.resize(events.size());
  out.codes = events.codes;
  out.codes.push_back(events.items);
  // Most filters look at nothing but the type.
  std::vector<std::uint32_t> of_type(plan_->types().size());
  std::uint32_t looked_at = 0;
  for (std::size_t f = 0; f < filters.size(); ++f) {
    if (!filters[f].conditions.empty()) looked_at |= 1U << f;
    for (std::size_t type = 0; type < of_type.size(); ++type) {
      const auto code = static_cast<std::uint16_t>(type);
      const bool any =
          filters[f].types.empty() || std::ranges::binary_search(filters[f].types, code);
      if (any) of_type[type] |= 1U << f;
    }
  }
  // Values are products: only of rows whose value somebody keeps.
  std::vector<std::uint32_t> askers(out.values.size());
  for (const Plan::Kept& kept : plan_->series()) {
    for (const std::size_t v : kept.layout.values) askers[v] |= kept.layout.filters;
    for (const Measure& measure : kept.layout.measures) {
      if (measure.value != Measure::kOne) askers[measure.value] |= 1U << measure.filter;
    }
  }
  parallel_blocks(events.size(), kBlockRows, threads, [&](const Block& block) {
    for (std::size_t row = block.begin; row < block.end; ++row) {
      const std::uint32_t maybe = of_type[events.types[row]];
      std::uint32_t accepted = maybe & ~looked_at;
      for (std::uint32_t left = maybe & looked_at; left != 0; left &= left - 1) {
        const auto f = static_cast<std::size_t>(std::countr_zero(left));
        accepted |= (filters[f].accepts(events, row) ? 1U : 0U) << f;
      }
      out.filters[row] = accepted;
    }
    for (std::size_t v = 0; v < out.values.size(); ++v) {
      for (std::size_t row = block.begin; row < block.end; ++row) {
        const bool asked = (out.filters[row] & askers[v]) != 0;
        out.values[v][row] = asked ? plan_->values()[v].of(events, row) : kNoNumber;
      }
    }
  });
  return out;
}

std::int32_t State::group_of(std::size_t attribute, std::int32_t subject) const {
  const std::vector<std::int32_t>& of = subjects_->codes[attribute].of_subject;
  const auto at = static_cast<std::size_t>(subject);
  return subject < 0 || at >= of.size() ? kNoCode : of[at];
}

std::int32_t State::item_key(const By& by, std::int32_t item) const {
  if (item < 0 || by.item == By::Item::kSame) return item;
  return items_->codes[by.attribute].of_item[static_cast<std::size_t>(item)];
}

std::size_t State::group_codes(std::size_t group) const {
  return group < subjects_->codes.size() ? subjects_->codes[group].values : 2;
}

std::int32_t State::group_key(std::size_t s, std::int32_t group, std::int32_t item) const {
  const By& by = plan_->series()[s].by;
  return by.joint() ? joint_keys_[s].find(group, item_key(by, item)) : group;
}

KeyColumn State::keys_of(std::size_t s, const EventBatch& events, const MemberCodes& members,
                         std::vector<std::int32_t>& room, int threads) {
  const By& by = plan_->series()[s].by;
  const auto end_of = [](std::span<const std::int32_t> codes) {
    const auto most = std::ranges::max_element(codes);
    return most == codes.end() ? 0 : static_cast<std::size_t>(*most + 1);
  };
  if (by.subject) return {events.subjects, nullptr, end_of(events.subjects)};
  if (by.grouped()) {
    if (plan_->by_segment(by)) {
      room = members[by.group - subjects_->codes.size()];
    } else {
      room.resize(events.size());
      parallel_blocks(events.size(), kBlockRows, threads, [&](const Block& block) {
        for (std::size_t row = block.begin; row < block.end; ++row) {
          room[row] = group_of(by.group, events.subjects[row]);
        }
      });
    }
    if (!by.joint()) return {room, nullptr, group_codes(by.group)};
    // Numbers say no more than which rows belong together, and come in the order of rows.
    for (std::size_t row = 0; row < room.size(); ++row) {
      room[row] = joint_keys_[s].add(room[row], item_key(by, events.items[row]));
    }
    return {room, nullptr, joint_keys_[s].size()};
  }
  if (by.item == By::Item::kAny) return {{}, nullptr, 1};
  if (by.item == By::Item::kSame) return {events.items, nullptr, end_of(events.items)};
  const ItemTable::Codes& codes = items_->codes[by.attribute];
  return {events.items, codes.of_item.data(), codes.values};
}

State::Keys State::keys_of(const EventBatch& events, const MemberCodes& members) {
  Keys out;
  out.rooms.resize(series_.size());
  for (std::size_t s = 0; s < series_.size(); ++s) {
    out.columns.push_back(keys_of(s, events, members, out.rooms[s], 1));
  }
  return out;
}

void State::build(const EventBatch& events, const MemberCodes& members,
                  const PreparedEvents& prepared, std::span<const std::uint32_t> order,
                  int threads) {
  std::vector<Series> built;
  std::vector<std::int32_t> room;
  for (std::size_t s = 0; s < series_.size(); ++s) {
    const KeyColumn keys = keys_of(s, events, members, room, threads);
    built.emplace_back(series_[s].layout()).build(prepared, keys, order, threads);
  }
  series_ = std::move(built);
  identity_ = std::make_shared<const char>();
}

void State::count_edition(std::size_t s, std::size_t key) {
  if (plan_->series()[s].by.subject) return;
  std::vector<std::uint32_t>& all = editions_[s];
  if (key >= all.size()) all.resize(std::max(key + 1, series_[s].keys()));
  ++all[key];
}

// use(series, key) for those where the row has one.
template <class Use>
void State::Keys::each(std::size_t row, const Use& use) const {
  for (std::size_t s = 0; s < columns.size(); ++s) {
    const std::int32_t key = columns[s][row];
    if (key >= 0) use(s, static_cast<std::size_t>(key));
  }
}

// Into all series, or where a sum of one has no room for it, into none.
void State::insert(const PreparedEvents& prepared, const Keys& keys, std::size_t row) {
  keys.each(row,
            [&](std::size_t s, std::size_t key) { series_[s].check_insert(prepared, row, key); });
  keys.each(row, [&](std::size_t s, std::size_t key) {
    series_[s].insert(prepared, row, key);
    count_edition(s, key);
  });
}

// The same out of them; whether it was in all.
bool State::take_out(const PreparedEvents& prepared, const Keys& keys, std::size_t row) {
  bool in = true;
  keys.each(row,
            [&](std::size_t s, std::size_t key) { series_[s].check_remove(prepared, row, key); });
  keys.each(row, [&](std::size_t s, std::size_t key) {
    in &= series_[s].remove(prepared, row, key);
    count_edition(s, key);
  });
  return in;
}

void State::replay(const EventBatch& events, int threads) {
  check(events, threads);
  const std::vector<std::uint32_t> order = order_of(events.times);
  if (rows_ > 0) {
    if (members_ && events.size() > 1) {
      replay_each(events, order, threads);
    } else {
      replay_more(events, order, threads);
    }
    return;
  }
  MemberCodes members;
  if (members_) {
    members_->state().replay(events, threads);
    members = member_codes(events.subjects, events.times, threads);
  }
  build(events, members, prepare(events, threads), order, threads);
  rows_ += events.size();
}

// One after another: each may say of the next who its subject is.
void State::replay_each(const EventBatch& events, std::span<const std::uint32_t> order,
                        int threads) {
  const auto one = [&](std::size_t i) { return one_of(events, order.empty() ? i : order[i]); };
  std::size_t in = 0;
  try {
    for (; in < events.size(); ++in) replay_more(one(in), {}, threads);
  } catch (...) {
    while (in > 0) remove(one(--in));
    throw;
  }
}

// Into a state that knows some, by segments one alone.
void State::replay_more(const EventBatch& events, std::span<const std::uint32_t> order,
                        int threads) {
  MemberCodes members;
  if (members_) members = member_codes(events.subjects, events.times, threads);
  const PreparedEvents prepared = prepare(events, threads);
  const Keys keys = keys_of(events, members);
  const auto row_at = [&](std::size_t i) { return order.empty() ? i : order[i]; };
  std::size_t in = 0;
  try {
    for (; in < events.size(); ++in) insert(prepared, keys, row_at(in));
    if (members_ && in == 1) change_members(events, true);
  } catch (...) {
    while (in > 0) take_out(prepared, keys, row_at(--in));
    throw;
  }
  rows_ += events.size();
}

void State::remove(const EventBatch& events) {
  check(events, 1);
  if (events.size() == 0) return;
  const EventBatch one = one_of(events, 0);
  MemberCodes members;
  if (members_) members = member_codes(one.subjects, one.times, 1);
  const bool in = take_out(prepare(one, 1), keys_of(one, members), 0);
  if (members_) change_members(one, false);
  if (in) --rows_;
}

void State::check(const Points& points, std::span<double* const> columns) const {
  const std::size_t size = points.size();
  check_argument(points.subjects.size() == size &&
                     (points.items.empty() || points.items.size() == size) &&
                     columns.size() == plan_->features().size(),
                 "columns of points that differ in length");
  check_argument(points.contexts.empty() || points.contexts.size() == plan_->contexts().size(),
                 "points say another number of contexts than the feature plan asks for");
  for (const auto context : points.contexts) {
    check_argument(context.size() == size, "a context of points that differs in length");
  }
  const auto known = static_cast<std::int64_t>(items_->items);
  check_argument(
      std::ranges::all_of(points.items, [&](std::int32_t i) { return i >= kNoCode && i < known; }),
      "a point's item is not in the table of items");
  check_argument(std::ranges::all_of(points.times, good_time), "the time of a point is ",
                 kTimeBounds);
}

}  // namespace penchant::features
