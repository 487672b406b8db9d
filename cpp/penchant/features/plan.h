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

#include "penchant/features/formula.h"
#include "penchant/features/row_rules.h"
#include "penchant/features/series.h"

namespace penchant::features {

// Whose events a feature looks at: those of the point's subject, of its item, of all items that
// share an attribute with it, of everyone, or of the subject with the item or its attribute.
struct By {
  enum class Item : std::uint8_t { kAny, kSame, kSameAttribute };
  bool subject = false;
  Item item = Item::kAny;
  std::size_t attribute = 0;  // of ItemTable::codes

  [[nodiscard]] bool pair() const { return subject && item != Item::kAny; }
  friend bool operator==(const By&, const By&) = default;
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
    kFormula,
  };
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
  std::size_t rank = 0;
  std::size_t attribute = 0;  // of ItemTable, of kTopCode, kItemNumber, kItemCode
  Formula formula;            // over earlier features

  [[nodiscard]] bool of_events() const {
    return kind != Kind::kItemNumber && kind != Kind::kItemCode && kind != Kind::kHour &&
           kind != Kind::kWeekday && kind != Kind::kFormula;
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
  // The JSON that it was made of.
  [[nodiscard]] const std::string& json() const { return json_; }

  // A series of rows, and where a feature finds its totals in it.
  struct Kept {
    By by;
    SeriesLayout layout;
    std::vector<std::int64_t> windows;  // distinct, without 0
  };
  struct Access {
    std::size_t series = 0;
    std::size_t measure = 0;
    std::size_t counted = 0;            // a count of the same filter, where it is asked for
    std::optional<std::size_t> window;  // of Kept::windows
    std::size_t code = 0;               // of the series' layout
    std::size_t value = Measure::kOne;  // of the series' layout
  };
  [[nodiscard]] const std::vector<Kept>& series() const { return series_; }
  [[nodiscard]] const std::vector<Access>& access() const { return access_; }  // [features]
  // Code column of prepared events that holds items.
  [[nodiscard]] std::size_t items_column() const { return codes_.size(); }

 private:
  void compile();
  Access keep(const Feature& feature);

  std::string json_;
  std::vector<std::string> types_;
  std::vector<std::string> numbers_;
  std::vector<std::string> codes_;
  std::vector<std::string> item_codes_;
  std::vector<std::string> item_numbers_;
  std::vector<Filter> filters_;
  std::vector<Value> values_;
  std::vector<Feature> features_;
  std::vector<Kept> series_;
  std::vector<Access> access_;
};

}  // namespace penchant::features
