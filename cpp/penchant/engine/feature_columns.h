#pragma once

// The families of columns that CandidateFeatures chooses from: what sources say, the blend, items,
// the subject's history, and what is known of items beside events.

#include <functional>
#include <vector>

#include "penchant/engine/candidate_features.h"
#include "penchant/engine/stage.h"

namespace penchant::engine {

// The subject's history as a whole.
struct SubjectFacts {
  float items = 0;
  float events = 0;
  float repeat_rate = 0;  // share of the items that were had at two times or more; NaN: no items
  Timestamp first;        // unknown without events or times
  Timestamp last;

  [[nodiscard]] static SubjectFacts of(const data::History& history);
};

// One request as columns see it.
struct FeatureInput {
  const Workspace& work;
  std::span<const Candidate> candidates;       // best first by the blend
  std::span<const std::ptrdiff_t> in_history;  // [candidates], place in the history or -1
  const SubjectFacts& subject;
  FeatureScratch& scratch;
};

// A column of the rows: entry i belongs to candidate i.
class ColumnOut {
 public:
  ColumnOut(float* first, std::size_t stride) : first_(first), stride_(stride) {}
  [[nodiscard]] float& operator[](std::size_t i) const { return first_[i * stride_]; }

 private:
  float* first_;
  std::size_t stride_;
};

struct FeatureColumn {
  std::string name;
  std::string words;
  std::function<void(const FeatureInput&, ColumnOut)> fill;
  std::optional<std::size_t> source = {};
};

void add_source_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out);
void add_blend_columns(std::vector<FeatureColumn>& out);
void add_item_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out);
void add_history_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out);
void add_attribute_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out);
void add_plan_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out);
void add_segment_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out);

}  // namespace penchant::engine
