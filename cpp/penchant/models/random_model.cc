#include "penchant/models/random_model.h"

#include "penchant/base/random.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {

void RandomModel::score_all(const Query& query, std::span<float> scores) const {
  constexpr std::uint32_t kStreamRandomModel = 0x524E4401;
  const Philox random(seed_, kStreamRandomModel);
  const auto user = static_cast<std::uint64_t>(static_cast<std::int64_t>(query.user.value) + 1);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    scores[i] = static_cast<float>(random.uniform(user, static_cast<std::uint32_t>(i)));
  }
}

void RandomModel::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix, {{"kind", kind()}, {"seed", seed_}});
}

std::shared_ptr<const Model> RandomModel::load(const std::shared_ptr<const bundle::Reader>& reader,
                                               const std::string& prefix, std::size_t /*num_users*/,
                                               std::size_t num_items) {
  const Meta meta(*reader, prefix);
  return std::make_shared<const RandomModel>(num_items, meta.unsigned_integer("seed"));
}

}  // namespace penchant::models
