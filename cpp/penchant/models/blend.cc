#include "penchant/models/blend.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "penchant/base/kernels.h"
#include "penchant/base/parallel.h"
#include "penchant/base/top_k.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {
namespace {

constexpr std::size_t kSumLanes = 8;
constexpr std::size_t kBlockRows = 8;
constexpr std::size_t kFewestCandidates = 100;  // of each member
constexpr std::size_t kCandidatesPerPlace = 5;  // and as many a place of the list

// sum of term(i) in eight lanes and one fixed tree.
template <class Term>
double lane_sum(std::size_t n, const Term& term) {
  std::array<double, kSumLanes> lane{};
  std::size_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes) {
    for (std::size_t t = 0; t < kSumLanes; ++t) lane[t] += term(i + t);
  }
  for (std::size_t t = 0; i < n; ++i, ++t) lane[t] += term(i);
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

}  // namespace

void standardize(std::span<float> scores) {
  const std::size_t n = scores.size();
  if (n == 0) return;
  const double mean = lane_sum(n, [&](std::size_t i) { return static_cast<double>(scores[i]); }) /
                      static_cast<double>(n);
  const double square = lane_sum(n, [&](std::size_t i) {
    const double difference = static_cast<double>(scores[i]) - mean;
    return difference * difference;
  });
  const double deviation = std::sqrt(square / static_cast<double>(n));
  // Scores that are alike but for rounding are alike.
  const bool alike = !(deviation > 1e-7 * std::fabs(mean)) || !(1 / deviation < 1e300);
  for (float& score : scores) {
    score = alike ? 0.0F : static_cast<float>((static_cast<double>(score) - mean) / deviation);
  }
}

BlendModel::BlendModel(std::vector<std::shared_ptr<const Model>> members,
                       std::vector<float> weights)
    : members_(std::move(members)), weights_(std::move(weights)) {
  check_argument(!members_.empty() && members_.size() <= kMostMembers,
                 "Blend: models must be 1 to ", kMostMembers, " of them, not ", members_.size());
  check_argument(weights_.size() == members_.size(), "Blend: ", weights_.size(), " weights for ",
                 members_.size(), " models");
  for (const auto& member : members_) {
    check_argument(member->num_items() == num_items(), "Blend: its models know ",
                   member->num_items(), " and ", num_items(), " items");
  }
  const bool sensible = std::all_of(weights_.begin(), weights_.end(),
                                    [](float w) { return std::isfinite(w) && w >= 0; });
  check_argument(sensible && *std::max_element(weights_.begin(), weights_.end()) > 0,
                 "Blend: weights must be finite, not negative and not all 0");
}

bool BlendModel::can_score(const Query& query) const {
  const bool any_personal = personal();
  for (std::size_t m = 0; m < members_.size(); ++m) {
    const bool counts = weights_[m] > 0 && (members_[m]->personal() || !any_personal);
    if (counts && members_[m]->can_score(query)) return true;
  }
  return false;
}

Evidence BlendModel::evidence(const Query& query) const {
  Evidence best = Evidence::kNothing;
  if (!can_score(query)) return best;
  for (std::size_t m = 0; m < members_.size(); ++m) {
    if (weights_[m] > 0) best = std::max(best, members_[m]->evidence(query));
  }
  return best;
}

void BlendModel::score_all(const Query& query, std::span<float> scores) const {
  std::fill(scores.begin(), scores.end(), 0.0F);
  std::vector<float> part(scores.size());
  for (std::size_t m = 0; m < members_.size(); ++m) {
    if (!(weights_[m] > 0) || !members_[m]->can_score(query)) continue;
    members_[m]->score_all(query, part);
    standardize(part);
    axpy(weights_[m], part, scores);
  }
}

ItemIndex BlendModel::because(const Query& query, ItemIndex item) const {
  ItemIndex best;
  float best_share = 0;
  std::vector<float> part(num_items());
  for (std::size_t m = 0; m < members_.size(); ++m) {
    if (!(weights_[m] > 0) || !members_[m]->can_score(query)) continue;
    const ItemIndex reason = members_[m]->because(query, item);
    if (!reason.known()) continue;
    members_[m]->score_all(query, part);
    standardize(part);
    const float share = weights_[m] * part[static_cast<std::size_t>(item.value)];
    if (!best.known() || share > best_share) {
      best_share = share;
      best = reason;
    }
  }
  return best;
}

bool BlendModel::together() const {
  return std::all_of(members_.begin(), members_.end(),
                     [](const auto& member) { return member->together(); });
}

bool BlendModel::personal() const {
  for (std::size_t m = 0; m < members_.size(); ++m) {
    if (weights_[m] > 0 && members_[m]->personal()) return true;
  }
  return false;
}

bool BlendModel::constant() const {
  return std::all_of(members_.begin(), members_.end(),
                     [](const auto& member) { return member->constant(); });
}

bool BlendModel::similar(ItemIndex item, std::span<float> scores) const {
  std::fill(scores.begin(), scores.end(), 0.0F);
  std::vector<float> part(scores.size());
  bool any = false;
  for (std::size_t m = 0; m < members_.size(); ++m) {
    if (!(weights_[m] > 0) || !members_[m]->similar(item, part)) continue;
    any = true;
    part[static_cast<std::size_t>(item.value)] = 0;
    const float largest = *std::max_element(part.begin(), part.end());
    if (!(largest > 0)) continue;
    for (float& v : part) v /= largest;
    axpy(weights_[m], part, scores);
  }
  return any;
}

void BlendModel::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix, {{"kind", kind()}, {"members", members_.size()}});
  writer.add(prefix + "/weights", std::span<const float>(weights_));
  for (std::size_t m = 0; m < members_.size(); ++m) {
    members_[m]->save(writer, concat(prefix, "/members/", m));
  }
}

// Names of sections have a limited length, so members of members of members come to an end.
std::shared_ptr<const Model> BlendModel::load(  // NOLINT(misc-no-recursion)
    const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
    std::size_t num_users, std::size_t num_items) {
  const Meta meta(*reader, prefix);
  const auto count = meta.integer<std::size_t>("members", 1, kMostMembers);
  const auto weights = meta.array<float>("weights", count);
  std::vector<std::shared_ptr<const Model>> members;
  for (std::size_t m = 0; m < count; ++m) {
    members.push_back(load_model(reader, concat(prefix, "/members/", m), num_users, num_items));
  }
  std::shared_ptr<const Model> out;
  meta.require_valid([&] {
    out = std::make_shared<const BlendModel>(std::move(members),
                                             std::vector<float>(weights.begin(), weights.end()));
  });
  return out;
}

namespace {

RankingRow row_of(const std::vector<std::shared_ptr<const Model>>& members, const Query& query,
                  std::span<const ItemIndex> truth, std::size_t candidates,
                  std::vector<std::vector<float>>& scores) {
  const std::size_t items = members.front()->num_items();
  std::vector<std::uint8_t> chosen(items, 0);
  for (std::size_t m = 0; m < members.size(); ++m) {
    scores[m].assign(items, 0.0F);
    if (!members[m]->can_score(query)) continue;
    members[m]->score_all(query, scores[m]);
    standardize(scores[m]);
    TopK best(candidates);
    std::size_t next = 0;
    for (std::size_t i = 0; i < items; ++i) {
      if (next < query.history.size() &&
          query.history.items[next].value == static_cast<std::int32_t>(i)) {
        ++next;
        continue;
      }
      best.push(scores[m][i], static_cast<std::int32_t>(i));
    }
    for (const Scored& hit : best.take_sorted()) chosen[static_cast<std::size_t>(hit.index)] = 1;
  }
  RankingRow row;
  for (const ItemIndex item : truth) row.total_right += query.history.find(item) < 0 ? 1 : 0;
  for (std::size_t i = 0; i < items; ++i) {
    if (chosen[i] == 0) continue;
    for (const auto& score : scores) row.features.push_back(score[i]);
    const ItemIndex item(static_cast<std::int32_t>(i));
    row.right.push_back(std::binary_search(truth.begin(), truth.end(), item) ? 1 : 0);
  }
  return row;
}

}  // namespace

void add_blend_rows(RankingProblem& problem,
                    const std::vector<std::shared_ptr<const Model>>& members,
                    const data::Interactions& pairs, std::span<const UserIndex> people,
                    std::span<const std::vector<ItemIndex>> truth, Timestamp as_of, int threads) {
  check_argument(members.size() == problem.sources(), "the problem has ", problem.sources(),
                 " sources, not ", members.size());
  check_argument(people.size() == truth.size(), "one list of items a person is needed");
  const std::size_t candidates =
      std::max(kFewestCandidates, kCandidatesPerPlace * problem.metric().cut);
  std::vector<RankingRow> rows(people.size());
  parallel_blocks(people.size(), kBlockRows, threads, [&](const Block& block) {
    std::vector<std::vector<float>> scores(members.size());
    for (std::size_t r = block.begin; r < block.end; ++r) {
      const Query query{people[r], pairs.history(people[r]), as_of, false};
      rows[r] = row_of(members, query, truth[r], candidates, scores);
    }
  });
  for (RankingRow& row : rows) problem.add(std::move(row));
}

}  // namespace penchant::models
