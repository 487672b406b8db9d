#pragma once

// Features declared once, and what has to be kept to compute them.
//
//   const Plan plan = Plan::from_json(text);     // docs/features.md describes the form
//   State state(plan, items);
//   state.replay(events, threads);
//   state.read(points, threads, values);         // as of each point, strictly before it
//
// A plan finds out which series of rows (of subjects, items, ...) its features need and which
// running totals beside them; features that ask for the same share it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/features/floor_div.h"
#include "penchant/features/formula.h"
#include "penchant/features/item_list.h"
#include "penchant/features/netting.h"
#include "penchant/features/row_rules.h"
#include "penchant/features/series.h"

namespace penchant::features {

// Whose events a feature looks at: those of the point's subject, of its item, of all items that
// share an attribute with it, of everyone, of the subject with the item or its attribute, or of all
// subjects who share an attribute with the point's or were, at the event, in a segment or out of it
// as the point's is, alone or with the item or its attribute.
struct By {
  enum class Item : std::uint8_t { kAny, kSame, kSameAttribute };
  static constexpr std::size_t kNoGroup = static_cast<std::size_t>(-1);
  bool subject = false;
  Item item = Item::kAny;
  std::size_t attribute = 0;  // of ItemTable::codes
  // Of SubjectTable::codes, then of Plan::segments (in it or not); not with `subject`.
  std::size_t group = kNoGroup;

  [[nodiscard]] bool pair() const { return subject && item != Item::kAny; }
  [[nodiscard]] bool grouped() const { return group != kNoGroup; }
  // Keys are two codes at once.
  [[nodiscard]] bool joint() const { return grouped() && item != Item::kAny; }
  friend bool operator==(const By&, const By&) = default;
};

// As of which moment a feature is read when asked for a time: so much earlier, because what it
// counts arrives late, and at the last begin of a bucket, where one is declared.
struct Shift {
  std::int64_t lag = 0;     // microseconds
  std::int64_t bucket = 0;  // microseconds since 1970-01-01 UTC; 0: none

  [[nodiscard]] std::int64_t moment(std::int64_t time) const {
    const std::int64_t then = time - lag;
    return bucket == 0 ? then : floor_div(then, bucket) * bucket;
  }
  // The first time at which it is read as of `moment` or later.
  [[nodiscard]] std::int64_t seen_at(std::int64_t moment) const {
    return lag + (bucket == 0 ? moment : -floor_div(-moment, bucket) * bucket);
  }
  friend bool operator==(const Shift&, const Shift&) = default;
};

// A number that the request says: of the member `name` of its context, or where `is` is given 1 or
// 0, whether the member is (or, of several texts, has) that text.
struct ContextValue {
  std::string name;
  std::optional<std::string> is = {};
};

// Of Plan::codes, that which holds subjects.
inline constexpr std::string_view kSubjectCode{"\0subject", 8};

struct Feature {
  enum class Kind : std::uint8_t {
    kCount,       // events
    kKnown,       // events whose value is known
    kSum,         // of values
    kLowest,      // value
    kHighest,     // value
    kDistinct,    // codes
    kRecency,     // time since the last event
    kFirstSeen,   // time since the first event
    kSpan,        // time from the first to the last event
    kDecayed,     // sum of values that halve every half_life
    kLastCode,    // the rank-th last distinct code
    kTopCode,     // the attribute of the rank-th largest total of values; ties: the lower code
    kItemNumber,  // of ItemTable::numbers
    kItemCode,    // of ItemTable::codes
    kHour,        // of the day, UTC and `offset`
    kWeekday,     // Monday 0
    kContext,     // of Plan::contexts
    kFormula,
    kListItems,   // how many items a list holds; of a cart all that are in it, as below
    kListValues,  // different values of the attribute among them
    kListHas,     // 1: the item is in the list, 0: it is not
    kListSame,    // items of the list that share the attribute with the item
    kListRank,    // place of the item in the list, from 1; of favorites, of its attribute
    kCartPieces,
    kCartValue,   // sum of pieces times price
    kCartMargin,  // sum of pieces times (price less ItemTable::numbers)
    kTogetherCount,
    kTogetherShare,
    kTogetherLift,
    kSimilarity,  // cosine of the item's vector and those of the list
  };
  // Of what the items of a list give one by one.
  enum class Pool : std::uint8_t { kMean, kMax, kSum };
  std::string name;
  Kind kind = Kind::kCount;
  bool hidden = false;  // only for formulas
  By by;
  std::size_t filter = 0;              // of Plan::filters
  std::size_t value = Measure::kOne;   // of Plan::values
  std::size_t code = 0;                // of EventBatch::codes, then items, then item codes
  std::int64_t window = 0;             // microseconds; 0: from the beginning
  std::int64_t half_life = 0;          // microseconds
  std::int64_t unit = 86'400'000'000;  // microseconds in one, of times
  std::int64_t offset = 0;             // microseconds east of UTC
  std::size_t netting = kNotNetted;    // of Plan::nettings
  std::size_t shift = 0;               // of Plan::shifts
  std::size_t rank = 0;
  std::size_t attribute = 0;   // of ItemTable: of kTopCode, kItemCode, kListValues, kListSame
                               // of its codes, of kItemNumber and kCartMargin of its numbers; of
                               // kContext of Plan::contexts
  std::size_t list = 0;        // of Plan::lists, where of_list()
  std::size_t companions = 0;  // of Plan::companions, where together()
  std::size_t embedding = 0;   // of ItemTable::vectors, of kSimilarity
  Pool pool = Pool::kMean;     // of together() and kSimilarity
  double strength = 0;         // of kTogetherLift: rows of a prior that know of no lift
  Formula formula;             // over earlier features

  static constexpr std::size_t kNotNetted = static_cast<std::size_t>(-1);
  [[nodiscard]] bool netted() const { return netting != kNotNetted; }
  [[nodiscard]] bool of_list() const { return kind >= Kind::kListItems; }
  [[nodiscard]] bool together() const {
    return kind >= Kind::kTogetherCount && kind <= Kind::kTogetherLift;
  }
  [[nodiscard]] bool of_events() const {
    return kind != Kind::kItemNumber && kind != Kind::kItemCode && kind != Kind::kHour &&
           kind != Kind::kWeekday && kind != Kind::kContext && kind != Kind::kFormula && !of_list();
  }
};

class Plan {
 public:
  // Throws kInvalidArgument with the feature's name where something makes no sense.
  [[nodiscard]] static Plan from_json(std::string_view json);

  [[nodiscard]] const std::vector<Feature>& features() const { return features_; }
  [[nodiscard]] const std::vector<Filter>& filters() const { return filters_; }
  [[nodiscard]] const std::vector<Value>& values() const { return values_; }
  [[nodiscard]] const std::vector<std::string>& types() const { return types_; }
  [[nodiscard]] const std::vector<std::string>& numbers() const { return numbers_; }
  [[nodiscard]] const std::vector<std::string>& codes() const { return codes_; }
  [[nodiscard]] const std::vector<std::string>& item_codes() const { return item_codes_; }
  [[nodiscard]] const std::vector<std::string>& item_numbers() const { return item_numbers_; }
  [[nodiscard]] const std::vector<std::string>& subject_codes() const { return subject_codes_; }
  // Segments that keys are by.
  [[nodiscard]] const std::vector<std::string>& segments() const { return segments_; }
  [[nodiscard]] bool by_segment(const By& by) const {
    return by.grouped() && by.group >= subject_codes_.size();
  }
  [[nodiscard]] const std::vector<ContextValue>& contexts() const { return contexts_; }
  [[nodiscard]] const std::vector<std::string>& embeddings() const { return embeddings_; }
  [[nodiscard]] const std::vector<ItemList>& lists() const { return lists_; }
  [[nodiscard]] const std::vector<Companions>& companions() const { return companions_; }
  [[nodiscard]] const std::vector<Netting>& nettings() const { return nettings_; }
  // How often the pieces of a purchase are a factor of a netted feature's value.
  [[nodiscard]] std::size_t pieces_in(const Feature& feature) const;
  // The first is none.
  [[nodiscard]] const std::vector<Shift>& shifts() const { return shifts_; }
  // What of it says who is in a segment, and keeps of subjects' rows all that series by segments
  // keep: the same features by number, of which those that are not asked for are not known.
  [[nodiscard]] Plan of_members(const std::vector<bool>& asked) const;
  // The JSON that it was made of.
  [[nodiscard]] const std::string& json() const { return json_; }

  // A series of rows, and where a feature finds its totals in it.
  struct Kept {
    By by;
    SeriesLayout layout;
    std::vector<std::int64_t> windows;  // distinct, without 0
    bool apart = false;                 // what one filter accepts and nothing else
  };
  struct Access {
    std::size_t series = 0;
    std::size_t measure = 0;
    std::size_t counted = 0;            // a count of the same filter, where it is asked for
    std::optional<std::size_t> window;  // of Kept::windows
    std::size_t code = 0;               // of the series' layout
    std::size_t value = Measure::kOne;  // of the series' layout
  };
  // Where a list finds its rows, and companions theirs.
  struct ListAccess {
    std::size_t series = 0;  // of subjects
    std::size_t last = 0;    // measure: the last row of the list's filter
    std::size_t items = 0;   // code of the series' layout
    std::size_t quantity = Measure::kOne;
    std::size_t price = Measure::kOne;
    std::size_t value = Measure::kOne;
  };
  struct CompanionAccess {
    std::size_t subjects = 0;  // series of the companions' filter alone
    std::size_t item_code = 0;
    std::size_t items = 0;  // the same
    std::size_t subject_code = 0;
    bool lift = false;    // whether these are there:
    std::size_t all = 0;  // series
    std::size_t all_count = 0;
  };
  struct NettingAccess {
    std::size_t series = 0;  // of subjects
    std::size_t items = 0;   // code of the series' layout
    std::size_t order = 0;   // the same, where returns are of orders
    std::size_t quantity = Measure::kOne;
  };
  [[nodiscard]] const std::vector<NettingAccess>& netting_access() const { return netting_access_; }
  [[nodiscard]] const std::vector<ListAccess>& list_access() const { return list_access_; }
  [[nodiscard]] const std::vector<CompanionAccess>& companion_access() const {
    return companion_access_;
  }
  [[nodiscard]] const std::vector<Kept>& series() const { return series_; }
  [[nodiscard]] const std::vector<Access>& access() const { return access_; }  // [features]
  // Code column of prepared events that holds items.
  [[nodiscard]] std::size_t items_column() const { return codes_.size(); }

 private:
  void compile();
  Access keep(const Feature& feature);
  std::size_t series_of(const By& by, std::size_t filter);
  std::size_t series_apart(const By& by, std::size_t filter);
  std::size_t last_row(std::size_t series, std::size_t filter);
  void keep_lists();
  void keep_companions();
  void keep_nettings();
  Access keep_netted(const Feature& feature);

  std::string json_;
  std::vector<std::string> types_;
  std::vector<std::string> numbers_;
  std::vector<std::string> codes_;
  std::vector<std::string> item_codes_;
  std::vector<std::string> item_numbers_;
  std::vector<std::string> subject_codes_;
  std::vector<std::string> segments_;
  std::vector<ContextValue> contexts_;
  std::vector<Filter> filters_;
  std::vector<Value> values_;
  std::vector<std::string> embeddings_;
  std::vector<ItemList> lists_;
  std::vector<Companions> companions_;
  std::vector<Netting> nettings_;
  std::vector<Shift> shifts_{Shift{}};
  std::vector<Feature> features_;
  std::vector<Kept> series_;
  std::vector<Access> access_;
  std::vector<ListAccess> list_access_;
  std::vector<CompanionAccess> companion_access_;
  std::vector<NettingAccess> netting_access_;
};

}  // namespace penchant::features
