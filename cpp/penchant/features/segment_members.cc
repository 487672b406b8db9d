#include "penchant/features/segment_members.h"

#include <algorithm>

#include "penchant/base/error.h"

namespace penchant::features {
namespace {

// Features that columns of the rules are made of.
std::vector<bool> asked_by(const SegmentRules& rules, const Plan& plan) {
  std::vector<bool> out(plan.features().size());
  const auto ask = [&](const Formula& formula) {
    for (const Formula::Step& step : formula.steps()) {
      if (step.op == Formula::Op::kFeature) out[step.feature] = true;
    }
  };
  for (const SegmentRules::Column& column : rules.columns()) {
    if (column.formula) {
      ask(*column.formula);
    } else if (!column.score) {
      out[column.feature] = true;
    }
  }
  // Formulas ask for earlier ones.
  for (std::size_t f = out.size(); f-- > 0;) {
    const Feature& feature = plan.features()[f];
    if (out[f] && feature.kind == Feature::Kind::kFormula) ask(feature.formula);
  }
  return out;
}

const SegmentScores no_scores;

}  // namespace

SegmentMembers::SegmentMembers(const Plan& plan, std::shared_ptr<const ItemTable> items,
                               std::shared_ptr<const SegmentRules> rules)
    : SegmentMembers(rules, {},
                     State(std::make_shared<const Plan>(plan.of_members(asked_by(*rules, plan))),
                           std::move(items), std::make_shared<const SubjectTable>())) {
  check_argument(rules_->scores() == 0, "keys by segments can't rest on scores of others");
  for (const std::string& name : plan.segments()) {
    const auto at = std::ranges::find(rules_->names(), name);
    check_argument(at != rules_->names().end(), "features are by the segment '", name,
                   "', which has no rule");
    segments_.push_back(static_cast<std::size_t>(at - rules_->names().begin()));
  }
}

SegmentMembers::SegmentMembers(std::shared_ptr<const SegmentRules> rules,
                               std::vector<std::size_t> segments, State state)
    : rules_(std::move(rules)), segments_(std::move(segments)), state_(std::move(state)) {
  const auto at = std::ranges::find(state_.plan().series(), By{.subject = true}, &Plan::Kept::by);
  subjects_ = static_cast<std::size_t>(at - state_.plan().series().begin());
}

std::unique_ptr<SegmentMembers> SegmentMembers::over(const SegmentMembers& base) {
  return std::unique_ptr<SegmentMembers>(
      new SegmentMembers(base.rules_, base.segments_, State::over(base.state_)));
}

std::unique_ptr<SegmentMembers::Rows> SegmentMembers::later(std::int32_t subject,
                                                            std::int64_t time) const {
  auto out = std::make_unique<Rows>();
  if (subject < 0) return out;
  const Series& series = state_.series(subjects_);
  const SeriesLayout& layout = series.layout();
  const Series::List list = series.list(static_cast<std::size_t>(subject));
  const std::size_t first = list.before(time + 1);
  const std::size_t count = list.size() - first;
  PreparedEvents& rows = out->prepared;
  out->codes.resize(state_.plan().codes().size() + 1);
  for (auto& column : out->codes) column.assign(count, kNoCode);
  rows.values.resize(state_.plan().values().size());
  for (auto& column : rows.values) column.assign(count, kNoNumber);
  rows.filters.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t row = first + i;
    out->times.push_back(list.time(row));
    rows.filters[i] = list.filters(row);
    for (std::size_t c = 0; c < layout.codes.size(); ++c) {
      out->codes[layout.codes[c]][i] = list.code(c, row);
    }
    for (std::size_t v = 0; v < layout.values.size(); ++v) {
      rows.values[layout.values[v]][i] = list.value(v, row);
    }
  }
  rows.times = out->times;
  rows.codes.assign(out->codes.begin(), out->codes.end());
  return out;
}

MemberReader::MemberReader(const SegmentMembers& members)
    : members_(members),
      reader_(members.state(), *members.rules_, no_scores),
      ranks_(members.rules_->columns().size()),
      codes_(members.segments_.size() * kPoints),
      run_of_(kPoints) {
  subjects_.reserve(kPoints);
  times_.reserve(kPoints);
}

void MemberReader::read(std::span<const std::int32_t> subjects,
                        std::span<const std::int64_t> times) {
  subjects_.clear();
  times_.clear();
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    if (i == 0 || subjects[i] != subjects[i - 1] || times[i] != times[i - 1]) {
      subjects_.push_back(subjects[i]);
      times_.push_back(times[i]);
    }
    run_of_[i] = subjects_.size() - 1;
  }
  if (subjects_.empty()) return;
  reader_.read(subjects_, times_);
  const SegmentRules& rules = *members_.rules_;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const bool same = i > 0 && run_of_[i] == run_of_[i - 1];
    if (!same) {
      for (std::size_t c = 0; c < ranks_.size(); ++c) {
        ranks_[c] = rules.rank(c, reader_.value(c, run_of_[i]));
      }
    }
    for (std::size_t s = 0; s < members_.segments_.size(); ++s) {
      std::int32_t& code = codes_[s * kPoints + i];
      code =
          same ? codes_[s * kPoints + i - 1] : (rules.holds(members_.segments_[s], ranks_) ? 1 : 0);
    }
  }
}

}  // namespace penchant::features
