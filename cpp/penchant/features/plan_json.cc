#include <algorithm>
#include <array>
#include <limits>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/features/plan.h"

namespace penchant::features {
namespace {

using Json = nlohmann::json;
using Kind = Feature::Kind;

constexpr std::size_t kMostBytes = 4 << 20;
constexpr std::size_t kMostFeatures = 4096;
constexpr std::size_t kMostNames = 65'535;
constexpr std::int64_t kMostMicros = 1000LL * 366 * 86'400'000'000;

constexpr std::array<std::pair<std::string_view, Kind>, 17> kKinds = {{
    {"count", Kind::kCount},
    {"known", Kind::kKnown},
    {"sum", Kind::kSum},
    {"lowest", Kind::kLowest},
    {"highest", Kind::kHighest},
    {"distinct", Kind::kDistinct},
    {"recency", Kind::kRecency},
    {"first_seen", Kind::kFirstSeen},
    {"span", Kind::kSpan},
    {"decayed", Kind::kDecayed},
    {"last_code", Kind::kLastCode},
    {"top_code", Kind::kTopCode},
    {"item_number", Kind::kItemNumber},
    {"item_code", Kind::kItemCode},
    {"hour", Kind::kHour},
    {"weekday", Kind::kWeekday},
    {"formula", Kind::kFormula},
}};

constexpr std::array<std::pair<std::string_view, Compare>, 6> kCompares = {{
    {"<", Compare::kLess},
    {"<=", Compare::kLessEqual},
    {"==", Compare::kEqual},
    {"!=", Compare::kNotEqual},
    {">=", Compare::kGreaterEqual},
    {">", Compare::kGreater},
}};

template <class T, std::size_t N>
T named(const std::array<std::pair<std::string_view, T>, N>& names, const std::string& name,
        std::string_view what) {
  const auto at = std::ranges::find(names, name, [](const auto& one) { return one.first; });
  check_argument(at != names.end(), what, " '", name, "' is not known");
  return at->second;
}

// Reads members of one object, and says whose they are when one is wrong.
class Members {
 public:
  Members(const Json& object, std::string whose) : object_(object), whose_(std::move(whose)) {
    check_argument(object.is_object(), whose_, ": an object is wanted");
  }

  [[nodiscard]] bool has(const char* name) const {
    return object_.contains(name) && !object_[name].is_null();
  }
  [[nodiscard]] const Json& at(const char* name) const {
    check_argument(has(name), whose_, ": no '", name, "'");
    return object_[name];
  }
  [[nodiscard]] std::string text(const char* name) const {
    check_argument(at(name).is_string(), whose_, ": '", name, "' is no text");
    return at(name).get<std::string>();
  }
  [[nodiscard]] std::vector<std::string> texts(const char* name) const {
    std::vector<std::string> out;
    if (!has(name)) return out;
    check_argument(at(name).is_array() && at(name).size() <= kMostNames, whose_, ": '", name,
                   "' is no list of at most ", kMostNames, " texts");
    for (const Json& one : at(name)) {
      check_argument(one.is_string(), whose_, ": '", name, "' holds something else than texts");
      out.push_back(one.get<std::string>());
    }
    return out;
  }
  [[nodiscard]] std::int64_t integer(const char* name, std::int64_t least, std::int64_t most,
                                     std::int64_t otherwise) const {
    if (!has(name)) return otherwise;
    check_argument(at(name).is_number_integer(), whose_, ": '", name, "' is no whole number");
    const bool fits = !at(name).is_number_unsigned() ||
                      at(name).get<std::uint64_t>() <=
                          static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    const auto out = fits ? at(name).get<std::int64_t>() : std::numeric_limits<std::int64_t>::max();
    check_argument(out >= least && out <= most, whose_, ": '", name, "' must be ", least, " to ",
                   most, ", not ", out);
    return out;
  }
  // A number below `size`.
  [[nodiscard]] std::size_t index(const char* name, std::size_t size) const {
    return index_of(at(name), size, name, whose_);
  }
  static std::size_t index_of(const Json& number, std::size_t size, std::string_view what,
                              const std::string& whose) {
    check_argument(number.is_number_unsigned() && number.get<std::uint64_t>() < size, whose, ": '",
                   what, "' is no number below ", size);
    return number.get<std::size_t>();
  }
  [[nodiscard]] const std::string& whose() const { return whose_; }

 private:
  const Json& object_;
  std::string whose_;
};

const Json& listed(const Members& members, const char* name, std::size_t most) {
  static const Json kNone = Json::array();
  if (!members.has(name)) return kNone;
  check_argument(members.at(name).is_array() && members.at(name).size() <= most, members.whose(),
                 ": '", name, "' is no list of at most ", most);
  return members.at(name);
}

Filter read_filter(const Json& object, const std::string& whose, std::size_t types,
                   std::size_t numbers) {
  const Members members(object, whose);
  Filter filter;
  for (const Json& type : listed(members, "types", types)) {
    filter.types.push_back(
        static_cast<std::uint16_t>(Members::index_of(type, types, "types", whose)));
  }
  std::ranges::sort(filter.types);
  for (const Json& condition : listed(members, "conditions", 64)) {
    const Members one(condition, whose);
    filter.conditions.push_back(
        {.number = one.index("number", numbers),
         .compare = named(kCompares, one.text("compare"), "comparison"),
         .limit =
             one.integer("limit", kNoNumber + 1, std::numeric_limits<std::int64_t>::max(), 0)});
  }
  return filter;
}

By read_by(const Members& members, std::size_t item_codes) {
  By by;
  for (const std::string& part : members.texts("by")) {
    if (part == "subject") {
      by.subject = true;
    } else if (part == "item") {
      by.item = By::Item::kSame;
    } else {
      check_argument(part == "attribute", members.whose(), ": by '", part,
                     "'; it is subject, item, attribute or two of them");
      by.item = By::Item::kSameAttribute;
      by.attribute = members.index("by_attribute", item_codes);
    }
  }
  return by;
}

Formula read_formula(const Members& members, std::size_t features) {
  std::vector<Formula::Step> steps;
  for (const Json& step : listed(members, "formula", 1000)) {
    if (step.is_string()) {
      steps.push_back({.op = Formula::op_called(step.get<std::string>())});
    } else if (step.is_object() && step.contains("feature")) {
      const Members one(step, members.whose());
      steps.push_back({.op = Formula::Op::kFeature, .feature = one.index("feature", features)});
    } else {
      check_argument(step.is_number(), members.whose(), ": a formula holds something unknown");
      steps.push_back({.op = Formula::Op::kConstant, .constant = step.get<double>()});
    }
  }
  return Formula(std::move(steps));
}

void check_kind(const Feature& feature) {
  const bool decayed = feature.kind == Kind::kDecayed;
  const auto wants = [&](bool holds, std::string_view what) {
    check_argument(holds, "feature '", feature.name, "': ", what);
  };
  wants(!decayed || feature.half_life > 0, "a decayed sum wants a half-life");
  wants(!decayed || feature.window == 0, "a decayed sum has no window");
  const bool valued = feature.kind == Kind::kSum || feature.kind == Kind::kKnown ||
                      feature.kind == Kind::kLowest || feature.kind == Kind::kHighest;
  wants(!valued || feature.value != Measure::kOne, "it wants a value");
  const bool of_subject = feature.kind == Kind::kTopCode || feature.kind == Kind::kLastCode;
  wants(!of_subject || (feature.by.subject && !feature.by.pair()), "it is of subjects alone");
  const bool pair = feature.by.pair();
  wants(!pair || (feature.kind != Kind::kDistinct && feature.kind != Kind::kSpan),
        "distinct and span are not of pairs");
}

}  // namespace

Plan Plan::from_json(std::string_view text) {
  check_argument(text.size() <= kMostBytes, "a plan of more than ", kMostBytes, " bytes");
  const Json document = Json::parse(text, nullptr, false);
  check_argument(!document.is_discarded(), "a feature plan that is no JSON");
  const Members top(document, "feature plan");
  Plan plan;
  plan.json_ = text;
  plan.types_ = top.texts("types");
  check_argument(!plan.types_.empty(), "a feature plan without types of events");
  plan.numbers_ = top.texts("numbers");
  plan.codes_ = top.texts("codes");
  plan.item_codes_ = top.texts("item_codes");
  plan.item_numbers_ = top.texts("item_numbers");
  for (const Json& one : listed(top, "filters", kMostFilters)) {
    plan.filters_.push_back(
        read_filter(one, "filter of a feature plan", plan.types_.size(), plan.numbers_.size()));
  }
  for (const Json& one : listed(top, "values", kMostNames)) {
    const Members members(one, "value of a feature plan");
    Value value;
    for (const Json& factor : listed(members, "factors", 8)) {
      value.factors.push_back(
          Members::index_of(factor, plan.numbers_.size(), "factors", members.whose()));
    }
    check_argument(!value.factors.empty(), members.whose(), ": no factors");
    plan.values_.push_back(std::move(value));
  }
  for (const Json& one : listed(top, "features", kMostFeatures)) {
    const std::string name = Members(one, "feature").text("name");
    const Members members(one, concat("feature '", name, "'"));
    Feature feature;
    feature.name = name;
    feature.kind = named(kKinds, members.text("kind"), "kind");
    feature.hidden = members.has("hidden") && members.at("hidden") == Json(true);
    feature.by = read_by(members, plan.item_codes_.size());
    if (feature.of_events()) feature.filter = members.index("filter", plan.filters_.size());
    if (members.has("value")) feature.value = members.index("value", plan.values_.size());
    if (members.has("code")) feature.code = members.index("code", plan.codes_.size() + 1);
    feature.window = members.integer("window", 1, kMostMicros, 0);
    feature.half_life = members.integer("half_life", 1, kMostMicros, 0);
    feature.unit = members.integer("unit", 1, kMostMicros, feature.unit);
    feature.offset = members.integer("offset", -86'400'000'000, 86'400'000'000, 0);
    feature.rank = static_cast<std::size_t>(members.integer("rank", 0, 1000, 0));
    if (feature.kind == Kind::kItemNumber) {
      feature.attribute = members.index("attribute", plan.item_numbers_.size());
    } else if (feature.kind == Kind::kItemCode || feature.kind == Kind::kTopCode) {
      feature.attribute = members.index("attribute", plan.item_codes_.size());
    } else if (feature.kind == Kind::kFormula) {
      feature.formula = read_formula(members, plan.features_.size());
    }
    check_kind(feature);
    plan.features_.push_back(std::move(feature));
  }
  plan.compile();
  return plan;
}

}  // namespace penchant::features
