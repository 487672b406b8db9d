#pragma once

// Rows of many keys (the events of each subject, each item, ...), each key's in the order of time,
// with running totals beside them.
//
//   Series series(layout);
//   series.build(events, keys, order, prepared, threads);   // many events at once
//   series.insert(key, row);                                // one, wherever its time puts it
//   const auto list = series.list(key);
//   list.before(t);                                         // rows strictly before t
//
// A total as of any time is the entry before it; that of a window the difference of two. What
// counts rows has a mark every 64 of them: which of these have the flag, and how many did before.
// So a count is one mark. All that is kept beside rows is a function of a key's rows in their
// order, and of whole numbers: it is the same in whatever order events came.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/features/code_rows.h"
#include "penchant/features/event_batch.h"

namespace penchant::features {

// Running totals over the rows that a filter accepts.
struct Measure {
  static constexpr std::size_t kOne = static_cast<std::size_t>(-1);
  enum class Kind : std::uint8_t {
    kCount,     // rows
    kSum,       // of a value, missing ones as 0
    kKnown,     // rows whose value is not missing
    kDistinct,  // codes
    kLast,      // number within the list of the last row, or -1
    kLowest,    // value so far; kNoNumber: none
    kHighest,
    kDecayed,  // sum of values that halve every half_life, of the span of the row; see DecayedSum
  };
  Kind kind = Kind::kCount;
  std::size_t filter = 0;      // a bit of Row::filters
  std::size_t value = kOne;    // of prepared events; kOne: 1 each
  std::size_t kept = kOne;     // the same, of SeriesLayout::values, unless adds()
  std::size_t code = 0;        // of SeriesLayout::codes
  std::int64_t half_life = 0;  // microseconds

  [[nodiscard]] bool narrow() const {
    return kind == Kind::kCount || kind == Kind::kKnown || kind == Kind::kDistinct ||
           kind == Kind::kLast;
  }
  // A plain sum of what each row adds by itself.
  [[nodiscard]] bool adds() const {
    return kind == Kind::kCount || kind == Kind::kKnown || kind == Kind::kSum;
  }
  friend bool operator==(const Measure&, const Measure&) = default;
};

inline constexpr std::size_t kMostFilters = 32;

// Memory that is not written when it is made: pages of large columns are first touched by the
// threads that fill them.
template <class T>
struct RawAllocator : AlignedAllocator<T> {
  template <class U>
  struct rebind {  // NOLINT(readability-identifier-naming): the standard's name
    using other = RawAllocator<U>;
  };
  template <class U>
  void construct(U* place) {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Arguments>
  void construct(U* place, Arguments&&... arguments) {
    ::new (static_cast<void*>(place)) U(std::forward<Arguments>(arguments)...);
  }
};
template <class T>
using RawVector = std::vector<T, RawAllocator<T>>;

// What a series keeps of an event.
struct SeriesLayout {
  std::vector<std::size_t> codes;   // code columns of prepared events; see PreparedEvents
  std::vector<std::size_t> values;  // value columns of prepared events that rows keep
  std::vector<Measure> measures;
  std::vector<std::size_t> windowed;  // of these kDistinct ones that are asked of windows
  std::uint32_t filters = 0;          // rows that none of these accepts are left out
};

// What plans make of a batch once for all series.
struct PreparedEvents {
  std::span<const std::int64_t> times;
  RawVector<std::uint32_t> filters;                  // [rows], a bit a filter
  std::vector<std::span<const std::int32_t>> codes;  // the batch's, then its items
  std::vector<RawVector<std::int64_t>> values;       // [plan's values][rows]
};

// Which key a row belongs to.
struct KeyColumn {
  std::span<const std::int32_t> codes;   // [rows]; empty: all rows are of key 0
  const std::int32_t* key_of = nullptr;  // of each code; null: the code itself
  std::size_t keys = 0;                  // at least as many as there are

  [[nodiscard]] std::int32_t operator[](std::size_t row) const {
    if (codes.empty()) return 0;
    const std::int32_t code = codes[row];
    return code < 0 || key_of == nullptr ? code : key_of[code];
  }
};

class Series {
  static constexpr std::size_t kMarked = 64;       // rows a mark, bits of a word
  static constexpr std::size_t kManyCodes = 1024;  // rows of a key
  struct Flag;
  struct Mark;
  struct Coded;

 public:
  explicit Series(SeriesLayout layout);
  // The same rows as `base`, which has to stay as it is for as long: what comes lies behind the
  // base's rows, of which only those are copied that are later. O(layout + keys).
  [[nodiscard]] static Series over(const Series& base);

  // One key's rows: those of the series below up to where something changed, then its own. Valid
  // until the series changes.
  class List {
   public:
    [[nodiscard]] std::size_t size() const { return size_; }
    // How many rows have a time below `time`: O(log size).
    [[nodiscard]] std::size_t before(std::int64_t time) const;
    // The same among the first `end` rows, of which at least `least` are.
    [[nodiscard]] std::size_t before(std::int64_t time, std::size_t end,
                                     std::size_t least = 0) const;
    [[nodiscard]] std::int64_t time(std::size_t row) const {
      return row < cut_ ? base_times_[row] : times_[row - cut_];
    }
    // Of the layout's filters, a bit each.
    [[nodiscard]] std::uint32_t filters(std::size_t row) const {
      const Series& of = owner(row);
      std::uint32_t out = of.flags_[0][at(row)];
      for (std::size_t p = 1; p < of.filter_planes_; ++p) {
        out |= static_cast<std::uint32_t>(of.flags_[p][at(row)]) << 8 * p;
      }
      return out & of.layout_.filters;
    }
    [[nodiscard]] std::int32_t code(std::size_t c, std::size_t row) const {
      return owner(row).narrow_[c][at(row)];
    }
    [[nodiscard]] std::int64_t value(std::size_t v, std::size_t row) const {
      return v == Measure::kOne ? kUnit : owner(row).wide_[1 + v][at(row)];
    }
    // A measure's total over the first `rows` rows: 0, -1 (kLast) or kNoNumber where there are
    // none. O(1), of kLast O(rows since then).
    [[nodiscard]] std::int64_t total(std::size_t measure, std::size_t rows) const;
    // How many of the rows `begin` to `end` - 1 a measure counts (kCount, kKnown, kDistinct). O(1).
    [[nodiscard]] std::size_t counted(std::size_t measure, std::size_t begin,
                                      std::size_t end) const;
    // The same of several measures, of rows from the first on: to out[k][at].
    void count(std::span<const std::size_t> measures, std::size_t end,
               std::span<std::uint32_t* const> out, std::size_t at) const;
    // The first row from `begin` on that it counts, or `end`. O(log rows).
    [[nodiscard]] std::size_t first(std::size_t measure, std::size_t begin, std::size_t end) const;
    // The sum of the rows `begin` to `end` - 1 (kSum). O(1).
    [[nodiscard]] std::int64_t sum(std::size_t measure, std::size_t begin, std::size_t end) const {
      if (end <= begin) return 0;
      return wide(measure, end - 1) - (begin > 0 ? wide(measure, begin - 1) : 0);
    }
    // Asks the memory for what `before` and `counted` will look at.
    void prefetch_end() const {
      if (size_ > 0) prefetch_time(size_ - 1);
    }
    void prefetch_time(std::size_t row) const { __builtin_prefetch(time_at(row)); }
    void prefetch_counts(std::size_t rows) const;
    // The codes of rows `begin` to `end` - 1, those of the series below first.
    [[nodiscard]] std::array<std::span<const std::int32_t>, 2> codes(std::size_t c,
                                                                     std::size_t begin,
                                                                     std::size_t end) const;
    void prefetch_codes(std::size_t c, std::size_t begin, std::size_t end) const;
    // How many codes are different among the rows `begin` to `end` - 1 (kDistinct). Of long lists
    // O(log^2 rows), where the layout says that it is asked of windows; else a look at each row.
    [[nodiscard]] std::size_t distinct(std::size_t measure, std::size_t begin,
                                       std::size_t end) const;
    // The row before `row` of the same code that the measure counts, or -1 (kDistinct).
    [[nodiscard]] std::int32_t previous(std::size_t measure, std::size_t row) const;

   private:
    friend class Series;
    List(const Series& series, std::size_t key, std::size_t begin, std::size_t size,
         std::size_t cut = 0, std::size_t below = 0)
        : series_(&series),
          times_(series.wide_[0].data() + begin),
          base_times_(cut == 0 ? nullptr : series.base_->wide_[0].data() + below),
          begin_(begin),
          below_(below),
          size_(static_cast<std::uint32_t>(cut + size)),
          cut_(static_cast<std::uint32_t>(cut)),
          key_(static_cast<std::uint32_t>(key)) {}
    [[nodiscard]] const Series& owner(std::size_t row) const {
      return row < cut_ ? *series_->base_ : *series_;
    }
    // Where the row is in the columns of its owner.
    [[nodiscard]] std::size_t at(std::size_t row) const {
      return row < cut_ ? below_ + row : begin_ + (row - cut_);
    }
    [[nodiscard]] const std::int64_t* time_at(std::size_t row) const {
      return row < cut_ ? base_times_ + row : times_ + (row - cut_);
    }
    // A measure's running total that a column holds.
    [[nodiscard]] std::int64_t wide(std::size_t measure, std::size_t row) const {
      return owner(row).wide_[series_->column_[measure]][at(row)];
    }
    [[nodiscard]] std::size_t flags_before(const Flag& flag, std::size_t rows) const;

    const Series* series_;
    const std::int64_t* times_;       // own
    const std::int64_t* base_times_;  // those of the base
    std::size_t begin_;
    std::size_t below_;   // where those begin that are the base's
    std::uint32_t size_;  // these, of which there are cut_, and own ones
    std::uint32_t cut_;
    std::uint32_t key_;
  };

  // Of a series without rows. keys: kNoCode for rows that are left out, as are those that no filter
  // accepts. order: rows by (time, tie), ascending; empty: they are. O(rows * columns).
  void build(const PreparedEvents& events, const KeyColumn& keys,
             std::span<const std::uint32_t> order, int threads);

  // Throw kBadData where `insert` or `remove` of the row would make a sum leave 64 bits; else these
  // don't. O(rows of the key that come later + columns).
  void check_insert(const PreparedEvents& events, std::size_t row, std::size_t key) const;
  void check_remove(const PreparedEvents& events, std::size_t row, std::size_t key) const;

  // Adds row `row` of `events`, behind rows of the same time. Throws as `check_insert`, but when
  // something has changed already. O(rows of the key that come later + columns), amortized.
  void insert(const PreparedEvents& events, std::size_t row, std::size_t key);

  // Takes a row out that is as row `row` of `events`, the last of its time; false where there is
  // none. What is left is as if it had never been in. O(rows of the key that come later + columns).
  bool remove(const PreparedEvents& events, std::size_t row, std::size_t key);

  [[nodiscard]] std::size_t keys() const {
    return base_ == nullptr ? places_.size() : std::max(places_.size(), base_->keys());
  }
  [[nodiscard]] List list(std::size_t key) const {
    if (key < places_.size() && places_[key].room > 0) {
      const Place& place = places_[key];
      if (base_ == nullptr || cuts_[key] == 0) return {*this, key, place.begin, place.size};
      return {*this, key, place.begin, place.size, cuts_[key], base_->places_[key].begin};
    }
    return base_ == nullptr ? List{*this, key, 0, 0} : base_->list(key);
  }
  // Asks the memory for where the key's rows are.
  void prefetch(std::size_t key) const {
    if (key < places_.size()) __builtin_prefetch(&places_[key]);
    if (base_ != nullptr) base_->prefetch(key);
  }
  [[nodiscard]] const SeriesLayout& layout() const { return layout_; }
  // No row is later: what is asked after it sees all of each list.
  [[nodiscard]] std::int64_t latest() const { return latest_; }
  // Of what it holds itself, not of what it lies over.
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t rows() const { return rows_; }

 private:
  // A key's own rows.
  struct Place {
    std::size_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t room = 0;  // 0: none
  };
  // A bit of a row: bit `bit` of the byte in flags_[plane].
  struct Flag {
    std::size_t plane = 0;
    unsigned bit = 0;
    std::size_t mark = 0;  // of the marks of a group
  };
  // Of 64 rows of the columns, those that have a counted flag, whosever they are, and how many have
  // it before them in the list that their first one is of, where it is not the first of that.
  struct Mark {
    std::uint32_t before = 0;
    std::array<std::uint32_t, 2> rows{};

    [[nodiscard]] std::uint64_t bits() const {
      return rows[0] | static_cast<std::uint64_t>(rows[1]) << 32U;
    }
  };

  void place_flags();
  void resize(std::size_t rows);
  [[nodiscard]] const Mark& mark(const Flag& flag, std::size_t group) const {
    return marks_[group * counted_.size() + flag.mark];
  }
  // Rows begin to end - 1 of a group, which are some: those that have a counted flag, a bit each.
  [[nodiscard]] std::uint64_t bits_of(const Flag& flag, std::size_t group, std::size_t begin,
                                      std::size_t end) const {
    const std::size_t above = (group + 1) * kMarked - end;
    const std::size_t below = begin - group * kMarked;
    return mark(flag, group).bits() << above >> (above + below) << below;
  }
  [[nodiscard]] bool flagged(const Flag& flag, std::size_t row) const {
    return (flags_[flag.plane][row] >> flag.bit & 1U) != 0;
  }
  struct Cursor;
  [[nodiscard]] Cursor cursor(std::size_t begin, std::size_t end) const;
  // Of own rows of a key, which begin at `begin`: flags set before `end`, the last row that has the
  // flag (from `begin`, or -1), and the first from `row` on that has it, or `end`.
  [[nodiscard]] std::size_t flags_before(const Flag& flag, std::size_t begin,
                                         std::size_t end) const;
  // The same of the flags of several measures: added to out[k][at].
  void add_flags(std::span<const std::size_t> measures, std::size_t begin, std::size_t end,
                 std::span<std::uint32_t* const> out, std::size_t at) const;
  [[nodiscard]] std::int64_t last_flag(const Flag& flag, std::size_t begin, std::size_t end) const;
  [[nodiscard]] std::size_t first_flag(const Flag& flag, std::size_t begin, std::size_t row,
                                       std::size_t end) const;
  [[nodiscard]] std::int64_t value_of(const PreparedEvents& events, std::size_t measure,
                                      std::size_t row) const;
  void copy_row(const PreparedEvents& events, std::size_t row, std::size_t to);
  void add_up(const Place& place);
  void total_up(std::size_t key, std::vector<std::int32_t>& seen);
  void index_codes(std::size_t key, std::size_t measure);
  void total_from(std::size_t key, std::size_t first);
  void mark_rows(std::size_t first, std::size_t end);
  void mark_row(std::size_t row);
  void mark_before(const Place& place, std::size_t first);
  void mark_from(const Place& place, std::size_t row);

  // Of one key, whose own rows are counted from the first of them.
  [[nodiscard]] std::size_t cut_of(std::size_t key) const {
    return base_ == nullptr ? 0 : cuts_[key];
  }
  [[nodiscard]] std::int64_t wide_before(std::size_t key, std::size_t column, std::size_t row,
                                         std::int64_t none) const;
  Place& own(std::size_t key, std::size_t more);
  void take_over(std::size_t key, std::size_t first);
  [[nodiscard]] std::size_t take_room(std::uint32_t room);
  void move_rows(const Series& from, std::size_t first, std::size_t count, std::size_t to);
  void shift(const Place& place, std::size_t from, std::size_t to);
  [[nodiscard]] std::optional<std::size_t> find_row(const PreparedEvents& events, std::size_t row,
                                                    std::size_t key) const;
  void check_sums(const PreparedEvents& events, std::size_t row, const List& list, std::size_t at,
                  bool in) const;
  void check_decayed(const PreparedEvents& events, std::size_t row, const List& list,
                     std::size_t at, bool in) const;
  void add_from(std::size_t key, std::size_t row, bool in);
  void link(std::size_t key, std::size_t measure, std::size_t row);
  void unlink(std::size_t key, std::size_t measure, std::size_t row);
  void mark_first(const Place& place, std::size_t measure, std::size_t row, bool first);
  [[nodiscard]] CodeRows* codes_of(std::size_t key, std::size_t measure);
  [[nodiscard]] Coded coded(std::size_t key, std::size_t measure);
  [[nodiscard]] std::int32_t last_of_code(std::size_t key, std::size_t measure, std::int32_t code,
                                          std::size_t end) const;
  // Of the codes of a measure (kDistinct); null where a key has few own rows.
  [[nodiscard]] const CodeRows* code_rows(std::size_t key, std::size_t measure) const {
    const auto& all = code_rows_[previous_[measure] - layout_.codes.size()];
    const auto at = all.find(key);
    return at == all.end() ? nullptr : &at->second;
  }
  // Own rows `first` to `end` - 1 whose previous row is below `bound` in the list.
  [[nodiscard]] std::size_t codes_new(const Place& place, std::size_t key, std::size_t measure,
                                      std::size_t first, std::size_t end, std::size_t bound) const;
  [[nodiscard]] bool same_row(const PreparedEvents& events, std::size_t row, const List& list,
                              std::size_t at) const;

  SeriesLayout layout_;
  const Series* base_ = nullptr;
  AlignedVector<Place> places_;
  std::vector<std::uint32_t> cuts_;  // [keys], over a base: so many of its rows are still in
  std::size_t used_ = 0;             // of the columns
  std::size_t rows_ = 0;
  std::int64_t latest_ = kNoNumber;  // of all times there have been
  // times, values, then wide measures.
  std::vector<RawVector<std::int64_t>> wide_;
  // codes, then previous rows of distinct ones.
  std::vector<RawVector<std::int32_t>> narrow_;
  // A byte a row: filters, then what measures that count go by.
  std::vector<RawVector<std::uint8_t>> flags_;
  RawVector<Mark> marks_;  // [64 rows of the columns][counted flags]
  std::size_t filter_planes_ = 1;
  std::vector<std::size_t> sums_;      // measures that are sums
  std::vector<std::size_t> decayed_;   // measures that are decayed sums
  std::vector<std::size_t> known_;     // measures that count known values
  std::vector<std::size_t> distinct_;  // measures that count codes once
  std::vector<std::size_t> column_;    // [measures], of wide_
  std::vector<Flag> flag_;             // [measures]: of the filter, or of what is counted
  std::vector<Flag> counted_;          // those with marks
  std::vector<std::size_t> previous_;  // [measures], of narrow_, of distinct ones
  std::vector<bool> windowed_;         // [measures]
  // [distinct ones], by key
  std::vector<std::unordered_map<std::size_t, CodeRows>> code_rows_;
  std::vector<std::vector<std::size_t>> free_;  // places left behind, by room
};

// The sum, exactly; throws kBadData where it leaves 64 bits.
[[nodiscard]] std::int64_t added(std::int64_t a, std::int64_t b);

// Sums that halve every half-life, of whole numbers: time is cut into spans of 8 half-lives, and
// within one a value counts value * 2^(time since the span's begin / half_life), rounded to a whole
// number, so that order doesn't matter; a new span begins with what the one before has come to.
struct DecayedSum {
  std::int64_t half_life = 1;

  // What `value` (millionths) at `time` adds to a sum of that time's span.
  [[nodiscard]] std::int64_t term(std::int64_t value, std::int64_t time) const;
  // The number of a time's span, and the term of a time of it.
  [[nodiscard]] std::int64_t span(std::int64_t time) const;
  [[nodiscard]] std::int64_t term_in(std::int64_t span, std::int64_t value,
                                     std::int64_t time) const;
  // A sum of a span as one of that which comes `spans` later.
  [[nodiscard]] static std::int64_t passed(std::int64_t sum, std::int64_t spans);
  // A sum of the span of `from` as one of the span of `to`, from <= to.
  [[nodiscard]] std::int64_t advance(std::int64_t sum, std::int64_t from, std::int64_t to) const;
  // A sum of the span of `last` in units, as of `time` >= last.
  [[nodiscard]] double at(std::int64_t sum, std::int64_t last, std::int64_t time) const;
  // What is left at `time` of one of a span's counts.
  [[nodiscard]] double left(std::int64_t span, std::int64_t time) const;
};

// The same of one sum after another: what those of one span and moment have in common is found
// once.
class Fading {
 public:
  explicit Fading(std::int64_t half_life) : decayed_{half_life} {}
  [[nodiscard]] double at(std::int64_t sum, std::int64_t last, std::int64_t time);

 private:
  DecayedSum decayed_;
  std::int64_t span_ = 0;
  std::int64_t time_ = kNoNumber;
  double left_ = 0;
};

}  // namespace penchant::features
