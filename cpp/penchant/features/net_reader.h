#pragma once

// Features net of returns, for the points of a block: one walk over the subject's rows for all
// points in a row that share subject and time, then one pass for each feature.

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "penchant/features/code_places.h"
#include "penchant/features/net_walk.h"
#include "penchant/features/point_runs.h"

namespace penchant::features {

class NetReader {
 public:
  // Of features that are read with this shift, and blocks of at most `most` points. Keeps a
  // reference.
  NetReader(const State& state, std::size_t most, std::size_t shift);

  // For points first to first + times.size() - 1, as of these times rather than their own.
  void read(const Points& points, std::span<const std::int64_t> times, std::size_t first,
            std::span<double* const> columns);

 private:
  struct Asked {
    std::size_t netting = 0;
    std::vector<std::size_t> features;
  };
  // What a feature has come to.
  struct Total {
    std::int64_t value = kNoNumber;
    std::int64_t first = kNoNumber;  // times of the rows that counted
    std::int64_t last = kNoNumber;
  };

  void read_feature(std::size_t f, const Points& points, const PointRun& run,
                    std::span<double* const> columns);
  [[nodiscard]] double of_subject(std::size_t f, const PointRun& run);
  // Calls use(row, value) for the rows that count for a feature, in their order.
  template <class Use>
  void each_row(std::size_t f, const PointRun& run, const Use& use) const;
  [[nodiscard]] std::int32_t key_of(const Feature& feature, std::int32_t item) const;
  void total_up(std::size_t f, const PointRun& run);
  void add(const Feature& feature, std::int64_t time, std::int64_t value, Total& total) const;
  [[nodiscard]] double value_of(const Feature& feature, const Total& total,
                                std::int64_t time) const;
  [[nodiscard]] double distinct(std::size_t f, const PointRun& run);
  [[nodiscard]] double last_code(std::size_t f, const PointRun& run);
  [[nodiscard]] double top_code(std::size_t f, const PointRun& run);

  const State& state_;
  std::vector<Asked> asked_;
  NetWalk walk_;
  std::vector<NetWalk::Row> rows_;
  std::optional<Series::List> list_;  // the subject's
  CodePlaces keys_;                   // of the run: items or values of an attribute; 0 of the whole
  std::vector<Total> totals_;         // [keys_]
  std::vector<std::int32_t> codes_;
  std::vector<std::pair<std::int64_t, std::int32_t>> sums_;
};

}  // namespace penchant::features
