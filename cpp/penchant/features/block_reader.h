#pragma once

// The features of a block of points, one feature at a time.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "penchant/features/list_reader.h"
#include "penchant/features/net_reader.h"
#include "penchant/features/pair_walk.h"
#include "penchant/features/state.h"

namespace penchant::features {

class BlockReader {
 public:
  static constexpr std::size_t kPoints = 256;

  explicit BlockReader(const State& state);

  // Values of points first to first + count - 1, to columns[f][first...], which must all be there.
  void read(const Points& points, std::size_t first, std::size_t count,
            std::span<double* const> columns);

 private:
  // The rows of a series that points of the block see: those before `end`, and for each window
  // those from `begin`.
  struct Seen {
    std::vector<Series::List> lists;
    std::vector<std::uint32_t> end;                 // [count]
    std::vector<std::vector<std::uint32_t>> begin;  // [windows][count]
    std::vector<std::uint8_t> again;                // 1: as the point before
  };

  // What is read with one shift.
  struct Shifted {
    PairWalk pairs;
    std::optional<ListReader> lists;  // where there are such features
    std::optional<NetReader> net;
    std::vector<std::size_t> series;    // to be looked up
    std::vector<std::size_t> features;  // all but formulas
  };

  [[nodiscard]] std::int32_t key_of(const By& by, std::size_t point) const;
  void look_up(std::size_t series);
  void read_feature(std::size_t f, std::span<double* const> columns);
  [[nodiscard]] std::size_t begin_of(std::size_t f, std::size_t i) const;
  void read_totals(std::size_t f, double* out) const;
  template <class T>
  void read_sums(std::size_t f, std::span<const T> totals, double unit, double* out) const;
  [[nodiscard]] double bound_of(std::size_t f, std::size_t i) const;
  [[nodiscard]] double distinct_of(std::size_t f, std::size_t i) const;
  [[nodiscard]] double age_of(std::size_t f, std::size_t i) const;
  [[nodiscard]] double decayed_of(std::size_t f, std::size_t i) const;
  [[nodiscard]] double last_code_of(std::size_t f, std::size_t i);
  [[nodiscard]] double top_code_of(std::size_t f, std::size_t i);
  [[nodiscard]] double of_item(const Feature& feature, std::size_t i) const;
  [[nodiscard]] double of_time(const Feature& feature, std::size_t i) const;
  void read_shifted(std::size_t shift, std::span<double* const> columns);
  void add_feature(std::size_t f);
  void read_pairs(PairWalk& pairs, std::span<double* const> columns);

  const State& state_;
  const Plan& plan_;
  std::vector<Shifted> shifted_;  // [plan's shifts]
  Points points_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::array<std::int64_t, kPoints> times_{};  // [count], as of which the block is read
  std::vector<Seen> seen_;                     // [series]
  std::vector<std::int32_t> distinct_;         // codes met
  std::vector<std::pair<std::int64_t, std::int32_t>> totals_;
};

}  // namespace penchant::features
