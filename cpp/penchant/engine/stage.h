#pragma once

// The steps of a request, in order: resolve who and what is asked, retrieve candidates from every
// source, order them by the blend, fill up where too few were found, give reasons. A new capability
// (ranker, rules, exploration) is a new Stage in the list of make_stages(), nothing else.

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "penchant/data/interactions.h"
#include "penchant/engine/assets.h"
#include "penchant/engine/request.h"

namespace penchant::engine {

struct Candidate {
  ItemIndex item;
  float score = 0;
};

// One request on its way: what the stages read and write. Buffers are reused from request to
// request on the same thread.
struct Workspace {
  // set by the engine
  const Assets* assets = nullptr;
  const Request* request = nullptr;

  // by Resolve
  models::Query query;
  data::OwnedHistory fresh;     // history with what the request adds, when it adds anything
  data::Attributes attributes;  // of the person, where the request and training both know some
  bool has_stored_history = false;
  ItemIndex viewed;  // the item of the page, if it is one
  bool exclude_seen = false;
  std::vector<std::uint8_t> excluded;  // [items], 1: must not be shown
  std::size_t allowed = 0;             // items that may be shown

  // by Retrieve
  std::vector<models::Evidence> evidence;  // [sources], what each has to go on
  // [sources][items], in [0, 1]; empty where not answered, or of no weight and not to be explained.
  std::vector<std::span<const float>> features;
  std::vector<std::vector<float>> scores;   // what features view, but for constant ones
  std::vector<std::uint8_t> chosen_by_any;  // [items], 1: a candidate
  std::vector<std::int32_t> candidates;     // ascending

  // by Order and Fill
  std::vector<float> blend;       // [items], valid for candidates
  std::vector<Candidate> chosen;  // best first, at most k
  std::string fallback;
  std::string_view level;

  // by Explain
  Decision decision;

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

[[nodiscard]] std::vector<std::unique_ptr<const Stage>> make_stages();

// The blended score of every item, from what Retrieve left in `work`.
void blend_all(const Workspace& work, std::span<float> scores);

}  // namespace penchant::engine
