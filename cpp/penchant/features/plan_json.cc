#include <algorithm>
#include <array>
#include <limits>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/features/place_of.h"
#include "penchant/features/plan.h"
#include "penchant/features/plan_json_lists.h"
#include "penchant/features/plan_members.h"

namespace penchant::features {
namespace {

using Json = nlohmann::json;
using Kind = Feature::Kind;

constexpr std::size_t kMostBytes = 4 << 20;
constexpr std::size_t kMostFeatures = 4096;

constexpr std::array<std::pair<std::string_view, Kind>, 30> kKinds = {{
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
    {"context", Kind::kContext},
    {"formula", Kind::kFormula},
    {"list_items", Kind::kListItems},
    {"list_values", Kind::kListValues},
    {"list_has", Kind::kListHas},
    {"list_same", Kind::kListSame},
    {"list_rank", Kind::kListRank},
    {"cart_pieces", Kind::kCartPieces},
    {"cart_value", Kind::kCartValue},
    {"cart_margin", Kind::kCartMargin},
    {"together_count", Kind::kTogetherCount},
    {"together_share", Kind::kTogetherShare},
    {"together_lift", Kind::kTogetherLift},
    {"similarity", Kind::kSimilarity},
}};

constexpr std::array<std::pair<std::string_view, Compare>, 6> kCompares = {{
    {"<", Compare::kLess},
    {"<=", Compare::kLessEqual},
    {"==", Compare::kEqual},
    {"!=", Compare::kNotEqual},
    {">=", Compare::kGreaterEqual},
    {">", Compare::kGreater},
}};

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

By read_by(const Members& members, std::size_t item_codes, std::size_t groups) {
  By by;
  for (const std::string& part : members.texts("by")) {
    if (part == "subject") {
      by.subject = true;
    } else if (part == "group") {
      by.group = members.index("by_group", groups);
    } else if (part == "item") {
      by.item = By::Item::kSame;
    } else {
      check_argument(part == "attribute", members.whose(), ": by '", part,
                     "'; it is subject, group, item, attribute, or one of the first two with one "
                     "of the others");
      by.item = By::Item::kSameAttribute;
      by.attribute = members.index("by_attribute", item_codes);
    }
  }
  check_argument(!by.subject || !by.grouped(), members.whose(),
                 ": by a subject or a group of them, not both");
  return by;
}

ContextValue read_context(const Json& object) {
  const Members members(object, "context of a feature plan");
  ContextValue out{.name = members.text("name")};
  if (members.has("is")) out.is = members.text("is");
  return out;
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
  plan.subject_codes_ = top.texts("subject_codes");
  plan.segments_ = top.texts("segments");
  for (const Json& one : listed(top, "contexts", kMostFeatures)) {
    plan.contexts_.push_back(read_context(one));
  }
  plan.embeddings_ = top.texts("embeddings");
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
  for (const Json& one : listed(top, "lists", kMostFeatures)) {
    plan.lists_.push_back(read_list(one, plan));
  }
  for (const Json& one : listed(top, "nettings", kMostFeatures)) {
    plan.nettings_.push_back(read_netting(one, plan));
  }
  for (const Json& one : listed(top, "features", kMostFeatures)) {
    const std::string name = Members(one, "feature").text("name");
    const Members members(one, concat("feature '", name, "'"));
    Feature feature;
    feature.name = name;
    feature.kind = named(kKinds, members.text("kind"), "kind");
    feature.hidden = members.has("hidden") && members.at("hidden") == Json(true);
    feature.by = read_by(members, plan.item_codes_.size(),
                         plan.subject_codes_.size() + plan.segments_.size());
    if (feature.of_events()) feature.filter = members.index("filter", plan.filters_.size());
    if (members.has("value")) feature.value = members.index("value", plan.values_.size());
    if (members.has("code")) feature.code = members.index("code", plan.codes_.size() + 1);
    feature.window = members.integer("window", 1, kMostMicros, 0);
    feature.half_life = members.integer("half_life", 1, kMostMicros, 0);
    feature.unit = members.integer("unit", 1, kMostMicros, feature.unit);
    feature.offset = members.integer("offset", -86'400'000'000, 86'400'000'000, 0);
    if (members.has("netting")) {
      feature.netting = members.index("netting", plan.nettings_.size());
      check_argument(feature.of_events() && feature.by.subject, members.whose(),
                     ": net of returns are events of subjects");
    }
    const Shift shift{.lag = members.integer("lag", 1, kMostMicros, 0),
                      .bucket = members.integer("bucket", 1, kMostMicros, 0)};
    check_argument(shift == Shift{} || feature.of_events() || feature.of_list(), members.whose(),
                   ": nothing that it reads can be late");
    feature.shift = place_of(plan.shifts_, shift);
    feature.rank = static_cast<std::size_t>(members.integer("rank", 0, 1000, 0));
    if (feature.kind == Kind::kItemNumber) {
      feature.attribute = members.index("attribute", plan.item_numbers_.size());
    } else if (feature.kind == Kind::kContext) {
      feature.attribute = members.index("context", plan.contexts_.size());
    } else if (feature.kind == Kind::kItemCode || feature.kind == Kind::kTopCode) {
      feature.attribute = members.index("attribute", plan.item_codes_.size());
    } else if (feature.kind == Kind::kFormula) {
      feature.formula = read_formula(members, plan.features_.size());
    } else if (feature.of_list()) {
      read_of_list(members, plan, feature);
      if (feature.together()) {
        feature.companions = place_of(plan.companions_, read_companions(members, plan));
      }
    }
    check_kind(feature);
    plan.features_.push_back(std::move(feature));
  }
  plan.compile();
  return plan;
}

}  // namespace penchant::features
