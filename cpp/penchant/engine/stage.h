#pragma once

// The steps of a request, in order: resolve who and what is asked, retrieve candidates from every
// source, order them by the blend, order the best of them again by a ranker where the bundle has
// one, fill up where too few were found, let a policy choose among them where the placement has
// one, give reasons. A new capability (rules) is a new Stage in the list of make_stages(), nothing
// else.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/data/interactions.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/candidate_features.h"
#include "penchant/engine/request.h"

namespace penchant::features {
class LiveProfiles;
}

namespace penchant::engine {

inline constexpr std::uint32_t kNotReranked = ~std::uint32_t{0};

struct Candidate {
  ItemIndex item;
  float score = 0;
};

struct Workspace;

// Chooses among the best, in the place of their order: what explores.
class Chooser {
 public:
  virtual ~Chooser() = default;
  Chooser() = default;
  Chooser(const Chooser&) = delete;
  Chooser& operator=(const Chooser&) = delete;
  // How many of the best it wants to choose among.
  [[nodiscard]] virtual std::size_t among() const = 0;
  // Distinct places in work.chosen, in the order in which they are to be shown.
  [[nodiscard]] virtual std::vector<std::uint32_t> choose(const Workspace& work) const = 0;
};

// One request on its way: what the stages read and write. Buffers are reused from request to
// request on the same thread.
struct Workspace {
  // set by the engine
  const Assets* assets = nullptr;
  const Request* request = nullptr;
  const Chooser* chooser = nullptr;              // null: the order is the last word
  const features::LiveProfiles* live = nullptr;  // in the place of the bundle's; null: those
  std::size_t k = 0;  // items wanted; before Explore those to choose among

  void begin(const Assets& a, const Request& r, const Chooser* c = nullptr,
             const features::LiveProfiles* l = nullptr) {
    assets = &a;
    request = &r;
    chooser = c;
    live = l;
    k = c == nullptr ? r.k : std::max(r.k, c->among());
  }

  // by Resolve
  models::Query query;
  data::OwnedHistory fresh;     // history with what the request adds, when it adds anything
  data::Attributes attributes;  // of the person, where the request and training both know some
  bool has_stored_history = false;
  ItemIndex viewed;                    // the item of the page, if it is one
  std::vector<std::uint8_t> segments;  // [segments], 1: the person is in it
  bool exclude_seen = false;
  std::vector<std::uint8_t> excluded;  // [items], 1: must not be shown
  std::size_t allowed = 0;             // items that may be shown

  // by Retrieve
  std::vector<models::Evidence> evidence;  // [sources], what each has to go on
  // [sources][items], in [0, 1]; empty where not answered, or of no weight and neither to be
  // explained nor a ranker's feature.
  std::vector<std::span<const float>> features;
  std::vector<std::vector<float>> scores;   // what features view, but for constant ones
  std::vector<std::uint8_t> chosen_by_any;  // [items], 1: a candidate
  std::vector<std::int32_t> candidates;     // ascending

  // by Order, Rerank and Fill
  std::vector<float> blend;       // [items], valid for candidates
  std::vector<Candidate> chosen;  // best first, at most k; before Rerank its depth, if that is more
  std::string fallback;
  std::string_view level;

  // by Rerank
  std::vector<Candidate> by_blend;  // the candidates that were put in order, as Order left them
  std::vector<float> rows;          // [by_blend, features of the ranker]
  std::vector<double> rank_scores;  // [by_blend]
  // [by_blend], that the item is taken; empty without a calibration.
  std::vector<double> probabilities;
  // The first of `chosen`, as places in by_blend; after Explore, kNotReranked for others of them.
  std::vector<std::uint32_t> reranked;
  FeatureScratch scratch;

  // by Explain
  Decision decision;

  // Of the item at a place in `chosen`: that it is taken, where a calibrated ranker put it there.
  [[nodiscard]] std::optional<double> probability(std::size_t place) const {
    if (probabilities.empty() || place >= reranked.size()) return std::nullopt;
    const std::uint32_t row = reranked[place];
    if (row == kNotReranked) return std::nullopt;
    return probabilities[row];
  }

  // Of a source for this request. Where the bundle has weights for those who did nothing yet, they
  // give way to the others as n events come in, by the share kFirstEvents / (n + kFirstEvents);
  // whoever has a history from training is none of those.
  [[nodiscard]] float weight(std::size_t source) const {
    constexpr float kFirstEvents = 5;
    const Source& s = assets->sources[source];
    const float known = exclude_seen ? s.new_weight : s.repeat_weight;
    if (!assets->cold_start || has_stored_history) return known;
    const float share = kFirstEvents / (static_cast<float>(query.history.size()) + kFirstEvents);
    return share * s.cold_weight + (1 - share) * known;
  }
};

class Stage {
 public:
  virtual ~Stage() = default;
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual void run(Workspace& work) const = 0;
};

// The catalogue's id of an item, as requests have it.
[[nodiscard]] ExternalId item_id(const data::IdMap& items, ItemIndex item);

[[nodiscard]] std::vector<std::unique_ptr<const Stage>> make_stages(const Assets& assets);

// The best that any source of positive weight has to go on.
[[nodiscard]] models::Evidence best_counting_evidence(const Workspace& work);

// Whether a ranker puts this request's candidates in order: it learned from people with a history,
// and where there is none the order of the blend stands.
[[nodiscard]] bool reranks(const Workspace& work);

// The blended score of every item, from what Retrieve left in `work`.
void blend_all(const Workspace& work, std::span<float> scores);

}  // namespace penchant::engine
