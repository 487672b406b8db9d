#include <array>

#include "penchant/models/als.h"
#include "penchant/models/blend.h"
#include "penchant/models/content.h"
#include "penchant/models/hybrid.h"
#include "penchant/models/item_knn.h"
#include "penchant/models/item_operator.h"
#include "penchant/models/model.h"
#include "penchant/models/model_meta.h"
#include "penchant/models/pairwise.h"
#include "penchant/models/popular.h"
#include "penchant/models/random_model.h"
#include "penchant/models/repeat_purchase.h"
#include "penchant/models/segment_popular.h"

namespace penchant::models {
namespace {

using Loader = std::shared_ptr<const Model> (*)(const std::shared_ptr<const bundle::Reader>&,
                                                const std::string&, std::size_t, std::size_t);
struct Kind {
  std::string_view name;
  Loader load;
};

// Every model that a bundle may hold.
constexpr std::array kKinds = {
    Kind{"als", &AlsModel::load},
    Kind{"blend", &BlendModel::load},
    Kind{"bpr", &PairwiseModel::load},
    Kind{"content", &ContentModel::load},
    Kind{"ease", &ItemOperatorModel::load},
    Kind{"graph_filter", &ItemOperatorModel::load},
    Kind{"hybrid", &HybridModel::load},
    Kind{"item_knn", &ItemKnnModel::load},
    Kind{"local_ridge", &ItemOperatorModel::load},
    Kind{"popular", &PopularModel::load},
    Kind{"random", &RandomModel::load},
    Kind{"repeat_purchase", &RepeatPurchaseModel::load},
    Kind{"segment_popular", &SegmentPopularModel::load},
    Kind{"slim", &ItemOperatorModel::load},
    Kind{"warp", &PairwiseModel::load},
};

}  // namespace

std::shared_ptr<const Model> load_model(const std::shared_ptr<const bundle::Reader>& reader,
                                        const std::string& prefix, std::size_t num_users,
                                        std::size_t num_items) {
  const std::string kind = Meta(*reader, prefix).text("kind");
  for (const Kind& known : kKinds) {
    if (known.name == kind) return known.load(reader, prefix, num_users, num_items);
  }
  fail(ErrorKind::kCorruptBundle,
       concat("bundle, ", prefix, ": unknown kind of model '", kind.substr(0, 64),
              "'; it may come from a newer Penchant"));
}

}  // namespace penchant::models
