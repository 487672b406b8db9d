#pragma once

// The features of one series for the points of a block: what each key says of its rows, found once
// for all points that ask for it, and kept for those who ask again.
//
//   SeriesFacts facts(state, series, features, remembers);
//   facts.look(points);
//   facts.write(n, out);                       // of the n-th of the features
//
// A feature needs of a key's rows one number, or two, that stay what they are until an event comes
// or one of the places moves over one: a value that is the same meanwhile, or the time of an event.

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "penchant/features/asked_keys.h"
#include "penchant/features/key_memory.h"
#include "penchant/features/segment_members.h"
#include "penchant/features/series_view.h"
#include "penchant/features/state.h"

namespace penchant::features {

class SeriesFacts {
 public:
  static constexpr std::size_t kPoints = AskedKeys::kPoints;

  // features: those of the plan that are of this series' rows and no others'. Keeps a reference.
  SeriesFacts(const State& state, std::size_t series, std::vector<std::size_t> features,
              bool remembers);

  // At most kPoints.
  void look(const Points& points);
  [[nodiscard]] std::span<const std::size_t> features() const { return features_; }
  void write(std::size_t n, double* out);

 private:
  [[nodiscard]] std::int32_t key_of(const Points& points, std::size_t point) const;
  // Of key `missed` of the view:
  void find_fact(std::size_t n, std::size_t missed, std::size_t asked);
  [[nodiscard]] double value_of(std::size_t f, std::size_t k);
  [[nodiscard]] double sum_of(std::size_t f, std::size_t k) const;
  [[nodiscard]] double bound_of(std::size_t f, std::size_t k) const;
  [[nodiscard]] double distinct_of(std::size_t f, std::size_t k) const;
  [[nodiscard]] std::int64_t first_of(std::size_t f, std::size_t k) const;
  [[nodiscard]] std::int64_t last_of(std::size_t f, std::size_t k) const;
  [[nodiscard]] double span_of(std::size_t f, std::size_t k) const;
  [[nodiscard]] double last_code_of(std::size_t f, std::size_t k);
  [[nodiscard]] double top_code_of(std::size_t f, std::size_t k);

  const State& state_;
  const Plan& plan_;
  std::size_t series_;
  std::vector<std::size_t> features_;
  std::vector<std::size_t> words_of_;  // [features], where each has its first word
  AskedKeys asked_;
  std::unique_ptr<MemberReader> members_;  // where keys are by a segment
  SeriesView view_;
  KeyMemory memory_;
  std::vector<std::vector<std::uint64_t>> words_;  // [words][asked]
  // Asked ones that aren't remembered.
  std::vector<std::uint32_t> missed_;
  std::vector<std::int32_t> keys_;
  std::vector<std::int64_t> times_;
  std::vector<double> values_;          // [asked]
  std::vector<std::int32_t> distinct_;  // codes met
  std::vector<std::pair<std::int64_t, std::int32_t>> totals_;
};

}  // namespace penchant::features
