#pragma once

// Scores by chance: the floor under every floor. A score is a pure function of (seed, user, item),
// so a person always sees the same list.

#include <memory>

#include "penchant/models/model.h"

namespace penchant::models {

class RandomModel final : public Model {
 public:
  RandomModel(std::size_t num_items, std::uint64_t seed) : num_items_(num_items), seed_(seed) {}

  [[nodiscard]] std::string_view kind() const override { return "random"; }
  [[nodiscard]] std::size_t num_items() const override { return num_items_; }
  [[nodiscard]] bool can_score(const Query& /*query*/) const override { return true; }
  [[nodiscard]] bool personal() const override { return false; }
  void score_all(const Query& query, std::span<float> scores) const override;
  void save(bundle::Writer& writer, const std::string& prefix) const override;
  [[nodiscard]] static std::shared_ptr<const Model> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
      std::size_t num_users, std::size_t num_items);

 private:
  std::size_t num_items_;
  std::uint64_t seed_;
};

}  // namespace penchant::models
