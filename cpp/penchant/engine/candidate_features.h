#pragma once

// What a ranker knows of a candidate, as a row of numbers. One function makes the rows of the table
// that a ranker learns from and those that a request is answered with.
//
//   const CandidateFeatures features(basis, names);
//   features.fill(work, work.chosen, rows);        // rows: [candidates, features.size()]
//
// Every feature has a stable name (docs/ranking.md lists them) that a bundle stores in the order of
// the columns. To add some, write a family of columns beside those in feature_columns.h and name it
// in all_columns(): they may read the request, the workspace and what the bundle holds, and no
// clock. What is not known is NaN.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "penchant/data/attributes.h"
#include "penchant/data/id_map.h"
#include "penchant/engine/item_facts.h"
#include "penchant/features/state.h"

namespace penchant::features {
class Profiles;
}

namespace penchant::engine {

struct Candidate;
struct FeatureColumn;
struct Workspace;

// What columns are made from.
struct FeatureBasis {
  std::vector<std::string> sources;        // their names, in the order of the engine's
  std::shared_ptr<const ItemFacts> facts;  // of the items
  std::shared_ptr<const data::AttributeTable> attributes;  // a row an item; null: none
  data::IdMap items;                                       // the catalogue
  std::shared_ptr<const features::Profiles> profiles;      // null: none
  std::vector<std::string> segments;                       // names
};

// A plan's values of one request, read once for all its columns.
struct PlanScratch {
  bool ready = false;
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> items;
  std::vector<std::vector<double>> contexts;  // [plan's contexts][candidates]
  std::vector<std::span<const double>> context_views;
  std::vector<std::vector<double>> columns;
  std::vector<double*> out;
  features::ReadScratch reading;
};

// A thread's buffers, kept from request to request.
struct FeatureScratch {
  std::vector<std::ptrdiff_t> in_history;              // [candidates]
  std::vector<std::pair<float, std::uint32_t>> order;  // for ranks
  std::vector<float> tally;                            // by category; zeros between uses
  std::vector<std::size_t> counted;  // [tally], last item of the history that was counted, from 1
  PlanScratch plan;
};

class CandidateFeatures {
 public:
  // Names of every feature that this basis has, in their order.
  [[nodiscard]] static std::vector<std::string> all_names(const FeatureBasis& basis);

  // The features of these names, in this order. Throws kInvalidArgument on a name that the basis
  // does not have, or that is listed twice.
  CandidateFeatures(const FeatureBasis& basis, const std::vector<std::string>& names);
  ~CandidateFeatures();
  CandidateFeatures(CandidateFeatures&&) noexcept;
  CandidateFeatures& operator=(CandidateFeatures&&) noexcept;

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] const std::string& name(std::size_t column) const;
  // What it is, for people: "times had before".
  [[nodiscard]] std::string_view words(std::size_t column) const;
  // The source whose score the column reads, if it is of one.
  [[nodiscard]] std::optional<std::size_t> source(std::size_t column) const;

  // rows: [candidates, size()], row-major. `candidates` as Order left them, best first. Columns
  // whose entry of `wanted` is 0 are NaN instead (no `wanted`: all are filled). The same bits on
  // every CPU. Allocates nothing once the thread's buffers have grown.
  void fill(Workspace& work, std::span<const Candidate> candidates, std::span<float> rows,
            std::span<const std::uint8_t> wanted = {}) const;

 private:
  std::vector<FeatureColumn> columns_;
};

}  // namespace penchant::engine
