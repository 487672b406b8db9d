#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/features/segment_rules.h"

namespace penchant::features {

using Json = nlohmann::json;

namespace {

constexpr std::size_t kMostBytes = 64 << 20;
constexpr std::size_t kMostSegments = 100'000;
constexpr std::size_t kMostColumns = 4096;
constexpr std::size_t kMostBounds = 32'000;
constexpr std::size_t kMostSteps = 1000;
constexpr std::size_t kMostDepth = 64;
constexpr std::uint8_t kUnknown = 1;
constexpr std::uint8_t kTrue = 2;

const Json& member(const Json& object, const char* name, const std::string& whose) {
  check_argument(object.is_object() && object.contains(name), whose, ": no '", name, "'");
  return object[name];
}

const Json& listed(const Json& object, const char* name, std::size_t most,
                   const std::string& whose) {
  const Json& list = member(object, name, whose);
  check_argument(list.is_array() && list.size() <= most, whose, ": '", name,
                 "' is no list of at most ", most);
  return list;
}

std::size_t index(const Json& number, std::size_t size, const std::string& whose) {
  check_argument(number.is_number_unsigned() && number.get<std::uint64_t>() < size, whose,
                 ": want a whole number below ", size, ", not ", number.dump());
  return number.get<std::size_t>();
}

bool of_subjects(const Plan& plan, std::size_t f) {
  const Feature& feature = plan.features()[f];
  if (feature.kind == Feature::Kind::kFormula) {
    return std::ranges::all_of(feature.formula.steps(), [&](const Formula::Step& step) {
      return step.op != Formula::Op::kFeature || of_subjects(plan, step.feature);
    });
  }
  if (feature.of_events()) return feature.by.subject;
  // What lists are, not what a candidate is to them.
  if (feature.of_list()) {
    return feature.kind == Feature::Kind::kListItems ||
           feature.kind == Feature::Kind::kListValues ||
           feature.kind == Feature::Kind::kCartPieces ||
           feature.kind == Feature::Kind::kCartValue || feature.kind == Feature::Kind::kCartMargin;
  }
  return feature.kind == Feature::Kind::kHour || feature.kind == Feature::Kind::kWeekday;
}

Formula read_formula(const Json& list, const Plan& plan, const std::string& whose) {
  std::vector<Formula::Step> steps;
  check_argument(list.is_array() && list.size() <= kMostSteps, whose, ": 'formula' is no list");
  for (const Json& step : list) {
    if (step.is_string()) {
      steps.push_back({.op = Formula::op_called(step.get<std::string>())});
    } else if (step.is_object()) {
      steps.push_back(
          {.op = Formula::Op::kFeature,
           .feature = index(member(step, "feature", whose), plan.features().size(), whose)});
    } else {
      check_argument(step.is_number(), whose, ": a formula holds something unknown");
      steps.push_back({.op = Formula::Op::kConstant, .constant = step.get<double>()});
    }
  }
  return Formula(std::move(steps));
}

struct Comparison {
  std::size_t column = 0;
  std::string compare;
  double bound = 0;
  bool known_only = false;  // known(x)
  std::uint8_t unknown = kUnknown;
};

Comparison read_comparison(const Json& step, std::size_t columns, const std::string& whose) {
  Comparison out;
  if (step.contains("known")) {
    out.column = index(step["known"], columns, whose);
    out.known_only = true;
    return out;
  }
  out.column = index(member(step, "column", whose), columns, whose);
  const Json& compare = member(step, "compare", whose);
  const Json& bound = member(step, "bound", whose);
  check_argument(compare.is_string() && bound.is_number(), whose, ": a comparison is no such");
  out.compare = compare.get<std::string>();
  out.bound = bound.get<double>();
  constexpr std::array<std::string_view, 6> kCompares = {"<", "<=", "==", "!=", ">=", ">"};
  check_argument(std::ranges::find(kCompares, out.compare) != kCompares.end(), whose,
                 ": there is no comparison '", out.compare, "'");
  check_argument(std::isfinite(out.bound), whose, ": a bound must be finite");
  if (step.contains("unknown")) {
    const Json& unknown = step["unknown"];
    check_argument(unknown.is_boolean(), whose, ": 'unknown' is true or false");
    out.unknown = unknown.get<bool>() ? kTrue : 0;
  }
  return out;
}

}  // namespace

class SegmentRules::Reader {
 public:
  Reader(const Json& document, const Plan& plan) : plan_(plan) {
    const std::string whose = "segment rules";
    if (document.is_object() && document.contains("scores")) {
      out_.scores_ = index(document["scores"], kMostColumns, whose);
    }
    for (const Json& one : listed(document, "columns", kMostColumns, whose)) read_column(one);
    const Json& segments = listed(document, "segments", kMostSegments, whose);
    for (const Json& one : segments) read_bounds(one);
    for (Column& column : out_.columns_) {
      std::ranges::sort(column.bounds);
      const auto same = std::unique(column.bounds.begin(), column.bounds.end());
      column.bounds.erase(same, column.bounds.end());
      check_argument(column.bounds.size() <= kMostBounds, "segment rules compare one feature with ",
                     column.bounds.size(), " numbers; at most ", kMostBounds, " are possible");
    }
    for (const Json& one : segments) read_rule(one);
    out_.order();
  }

  SegmentRules take() { return std::move(out_); }

 private:
  void read_column(const Json& one) {
    const std::string whose = "a column of segment rules";
    Column column;
    const auto check_subject = [&](std::size_t f) {
      check_argument(of_subjects(plan_, f), "feature '", plan_.features()[f].name,
                     "' is not about subjects, as segments are");
    };
    if (one.is_object() && one.contains("score")) {
      column.score = index(one["score"], out_.scores_, whose);
    } else if (one.is_object() && one.contains("formula")) {
      column.formula = read_formula(one["formula"], plan_, whose);
      for (const Formula::Step& step : column.formula->steps()) {
        if (step.op == Formula::Op::kFeature) check_subject(step.feature);
      }
    } else {
      column.feature = index(member(one, "feature", whose), plan_.features().size(), whose);
      check_subject(column.feature);
    }
    if (one.contains("item")) {
      const auto item = static_cast<std::int32_t>(
          index(one["item"], std::numeric_limits<std::int32_t>::max(), whose));
      const auto at = std::ranges::find(out_.items_, item);
      column.item_slot = static_cast<std::size_t>(at - out_.items_.begin());
      if (at == out_.items_.end()) out_.items_.push_back(item);
    }
    out_.columns_.push_back(std::move(column));
  }

  [[nodiscard]] static std::string whose(const Json& segment) {
    const Json& name = member(segment, "name", "a segment");
    check_argument(name.is_string(), "a segment's name is no text");
    return concat("segment '", name.get<std::string>(), "'");
  }

  void read_bounds(const Json& segment) {
    const std::string name = whose(segment);
    for (const Json& step : listed(segment, "rule", kMostSteps, name)) {
      if (!step.is_object()) continue;
      const Comparison one = read_comparison(step, out_.columns_.size(), name);
      // -0 and 0 are one bound.
      if (!one.known_only) out_.columns_[one.column].bounds.push_back(one.bound + 0.0);
    }
  }

  [[nodiscard]] Test test_of(const Comparison& one) const {
    const auto last = static_cast<Rank>(2 * out_.columns_[one.column].bounds.size() + 1);
    Test test{.column = static_cast<std::uint16_t>(one.column), .unknown = one.unknown};
    if (one.known_only) return {.column = test.column, .low = 1, .high = last, .unknown = 0};
    const Rank on = out_.rank(one.column, one.bound);
    const auto below = static_cast<Rank>(on - 1);
    const auto above = static_cast<Rank>(on + 1);
    test.negated = one.compare == "!=";
    test.low = one.compare == ">" ? above : one.compare[0] == '<' ? Rank{1} : on;
    test.high = one.compare == "<" ? below : one.compare[0] == '>' ? last : on;
    return test;
  }

  void read_rule(const Json& segment) {
    const std::string name = whose(segment);
    std::vector<std::vector<Step>> stack;  // programs
    const auto pop = [&] {
      check_argument(!stack.empty(), name, ": the rule lacks an operand");
      std::vector<Step> top = std::move(stack.back());
      stack.pop_back();
      return top;
    };
    const auto push = [&](const Step& step) { stack.emplace_back(1, step); };
    for (const Json& step : segment["rule"]) {
      Step next;
      if (step.is_object()) {
        next.test = test_of(read_comparison(step, out_.columns_.size(), name));
        push(next);
      } else if (step.is_boolean()) {
        next.op = Step::Op::kConstant;
        next.constant = step.get<bool>() ? kTrue : 0;
        push(next);
      } else if (step == "not") {
        next.op = Step::Op::kNot;
        std::vector<Step> one = pop();
        one.push_back(next);
        stack.push_back(std::move(one));
      } else {
        check_argument(step == "and" || step == "or", name, ": the rule holds ", step.dump());
        next.op = step == "and" ? Step::Op::kAnd : Step::Op::kOr;
        const std::vector<Step> right = pop();
        std::vector<Step> left = pop();
        left.insert(left.end(), right.begin(), right.end());
        left.push_back(next);
        stack.push_back(std::move(left));
      }
    }
    check_argument(stack.size() == 1, name, ": the rule comes to ", stack.size(), " outcomes");
    out_.names_.push_back(segment["name"].get<std::string>());
    Rule& rule = out_.rules_.emplace_back();
    take_apart(stack[0], rule, name);
  }

  // Cuts a program at the `and`s it ends with.
  static void take_apart(std::span<const Step> steps, Rule& rule, const std::string& name) {
    if (steps.back().op == Step::Op::kAnd) {
      // The right operand is the shortest run of steps before the `and` that comes to one value.
      std::size_t begin = steps.size() - 1;
      for (std::size_t wanted = 1; wanted > 0;) {
        const Step::Op op = steps[--begin].op;
        if (op == Step::Op::kAnd || op == Step::Op::kOr) {
          ++wanted;
        } else if (op != Step::Op::kNot) {
          --wanted;
        }
      }
      take_apart(steps.first(begin), rule, name);
      take_apart(steps.subspan(begin, steps.size() - 1 - begin), rule, name);
      return;
    }
    if (steps.size() == 1 && steps[0].op == Step::Op::kTest) {
      rule.tests.push_back(steps[0].test);
      return;
    }
    std::size_t depth = 0;
    std::size_t deepest = 0;
    for (const Step& step : steps) {
      if (step.op == Step::Op::kTest || step.op == Step::Op::kConstant) ++depth;
      if (step.op == Step::Op::kAnd || step.op == Step::Op::kOr) --depth;
      deepest = std::max(deepest, depth);
    }
    check_argument(deepest <= kMostDepth, name, ": the rule is nested deeper than ", kMostDepth);
    rule.programs.emplace_back(steps.begin(), steps.end());
  }

  const Plan& plan_;
  SegmentRules out_;
};

SegmentRules SegmentRules::from_json(std::string_view text, const Plan& plan) {
  check_argument(text.size() <= kMostBytes, "segment rules of more than ", kMostBytes, " bytes");
  const Json document = Json::parse(text, nullptr, false);
  check_argument(!document.is_discarded(), "segment rules that are no JSON");
  return Reader(document, plan).take();
}

}  // namespace penchant::features
