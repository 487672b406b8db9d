#include "penchant/engine/candidate_features.h"

#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "penchant/base/error.h"
#include "penchant/engine/feature_columns.h"

namespace penchant::engine {
namespace {

std::vector<FeatureColumn> all_columns(const FeatureBasis& basis) {
  std::vector<FeatureColumn> out;
  add_source_columns(basis, out);
  add_blend_columns(out);
  add_item_columns(basis, out);
  add_history_columns(basis, out);
  add_attribute_columns(basis, out);
  add_plan_columns(basis, out);
  add_segment_columns(basis, out);
  return out;
}

}  // namespace

std::vector<std::string> CandidateFeatures::all_names(const FeatureBasis& basis) {
  std::vector<std::string> names;
  for (FeatureColumn& column : all_columns(basis)) names.push_back(std::move(column.name));
  return names;
}

CandidateFeatures::CandidateFeatures(const FeatureBasis& basis,
                                     const std::vector<std::string>& names) {
  std::vector<FeatureColumn> all = all_columns(basis);
  // By a map: a bundle may have, and name, as many attributes as fit into it.
  std::unordered_map<std::string_view, const FeatureColumn*> by_name;
  for (const FeatureColumn& column : all) by_name.emplace(column.name, &column);
  std::unordered_set<std::string_view> listed;
  columns_.reserve(names.size());
  for (const std::string& name : names) {
    check_argument(listed.insert(name).second, "ranker: feature '", name.substr(0, 100),
                   "' is listed twice");
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      std::string known;
      for (const FeatureColumn& column : all)
        known += concat(known.empty() ? "" : ", ", column.name);
      fail(ErrorKind::kInvalidArgument, concat("ranker: there is no feature '", name.substr(0, 100),
                                               "' in this funnel; there are: ", known));
    }
    columns_.push_back(*found->second);
  }
}

CandidateFeatures::~CandidateFeatures() = default;
CandidateFeatures::CandidateFeatures(CandidateFeatures&&) noexcept = default;
CandidateFeatures& CandidateFeatures::operator=(CandidateFeatures&&) noexcept = default;

std::size_t CandidateFeatures::size() const { return columns_.size(); }
const std::string& CandidateFeatures::name(std::size_t column) const {
  return columns_[column].name;
}
std::string_view CandidateFeatures::words(std::size_t column) const {
  return columns_[column].words;
}
std::optional<std::size_t> CandidateFeatures::source(std::size_t column) const {
  return columns_[column].source;
}

void CandidateFeatures::fill(Workspace& work, std::span<const Candidate> candidates,
                             std::span<float> rows, std::span<const std::uint8_t> wanted) const {
  FeatureScratch& scratch = work.scratch;
  const data::History& history = work.query.history;
  scratch.plan.ready = false;
  scratch.in_history.clear();
  for (const Candidate& candidate : candidates) {
    scratch.in_history.push_back(history.find(candidate.item));
  }
  const SubjectFacts subject = SubjectFacts::of(history);
  const FeatureInput input{work, candidates, scratch.in_history, subject, scratch};
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const ColumnOut out(rows.data() + c, columns_.size());
    if (wanted.empty() || wanted[c] != 0) {
      columns_[c].fill(input, out);
    } else {
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        out[i] = std::numeric_limits<float>::quiet_NaN();
      }
    }
  }
}

}  // namespace penchant::engine
