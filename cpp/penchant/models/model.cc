#include "penchant/models/model.h"

#include "penchant/base/error.h"

namespace penchant::models {

Evidence Model::evidence(const Query& query) const {
  if (!can_score(query)) return Evidence::kNothing;
  if (!personal()) return Evidence::kEveryone;
  return query.history.empty() ? Evidence::kNothing : Evidence::kHistory;
}

ItemIndex Model::because(const Query& /*query*/, ItemIndex /*item*/) const { return {}; }

bool Model::similar(ItemIndex /*item*/, std::span<float> /*scores*/) const { return false; }

void Model::query_vector(const Query& /*query*/, std::span<float> /*vector*/) const {
  fail(ErrorKind::kInvalidArgument, concat("the scores of '", kind(), "' are no inner products"));
}

const FactorScan& Model::scan() const {
  std::call_once(scan_made_, [&] { scan_ = std::make_unique<const FactorScan>(item_vectors()); });
  return *scan_;
}

}  // namespace penchant::models
