#pragma once

// Features of what a subject has at hand, for the points of a block: each list is walked once for
// all points in a row that share subject and time.

#include <cstdint>
#include <span>
#include <vector>

#include "penchant/features/companion_walk.h"
#include "penchant/features/list_walk.h"
#include "penchant/features/point_runs.h"

namespace penchant::features {

class ListReader {
 public:
  // Of features that are read with this shift, and blocks of at most `most` points. Keeps a
  // reference.
  ListReader(const State& state, std::size_t most, std::size_t shift);

  // For points first to first + times.size() - 1, as of these times rather than their own.
  void read(const Points& points, std::span<const std::int64_t> times, std::size_t first,
            std::span<double* const> columns);

 private:
  // Features that ask for the same.
  struct Together {
    std::size_t companions = 0;
    std::vector<std::size_t> features;
  };
  struct Similar {
    std::size_t embedding = 0;
    std::vector<std::size_t> features;
  };
  struct Asked {
    std::size_t list = 0;
    std::vector<std::size_t> features;  // of the list alone
    std::vector<Together> together;
    std::vector<Similar> similar;
  };

  [[nodiscard]] std::int32_t item_of(std::size_t point) const {
    return points_.items.empty() ? kNoCode : points_.items[point];
  }
  void read_run(const PointRun& run, std::span<double* const> columns);
  void read_alone(const Feature& feature, const PointRun& run, double* out);
  void read_together(const Together& asked, const PointRun& run, std::span<double* const> columns);
  void read_similar(const Similar& asked, const PointRun& run, std::span<double* const> columns);
  void list_candidates(const PointRun& run);
  [[nodiscard]] double of_whole(const Feature& feature);
  [[nodiscard]] double of_item(const Feature& feature, std::int32_t item) const;
  [[nodiscard]] double values_of(const Feature& feature);

  const State& state_;
  std::vector<Asked> lists_;
  ListWalk walk_;
  CompanionWalk companions_;
  CodePlaces candidates_;  // of the run, distinct
  Points points_;
  std::vector<ListWalk::Entry> entries_;
  std::vector<std::int32_t> listed_;     // items of the list, its first `most`
  CodePlaces values_;                    // of an attribute
  std::vector<std::int32_t> asked_;      // known items of the run
  std::vector<std::uint32_t> asked_at_;  // their points, from the run's first
  std::vector<std::uint32_t> places_;    // of these among the candidates
  std::vector<double> together_;         // [candidates]
  // Of a list's vectors and those of `asked_`:
  std::vector<float> cosines_;
  std::vector<double> sums_;
  std::vector<double> most_;
  std::vector<std::uint32_t> compared_;
};

}  // namespace penchant::features
