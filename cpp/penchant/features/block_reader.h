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
#include "penchant/features/series_facts.h"
#include "penchant/features/state.h"

namespace penchant::features {

class BlockReader {
 public:
  static constexpr std::size_t kPoints = SeriesFacts::kPoints;

  // remembers: what was found of keys is kept for those who ask again, which takes room.
  BlockReader(const State& state, bool remembers);

  // Values of points first to first + count - 1, to columns[f][first...], which must all be there.
  void read(const Points& points, std::size_t first, std::size_t count,
            std::span<double* const> columns);

 private:
  // What is read with one shift.
  struct Shifted {
    PairWalk pairs;
    std::optional<ListReader> lists;  // where there are such features
    std::optional<NetReader> net;
    std::vector<SeriesFacts> series;
    std::vector<std::size_t> features;  // of the item or the time alone
  };

  void read_feature(std::size_t f, std::span<double* const> columns);
  [[nodiscard]] double of_item(const Feature& feature, std::size_t i) const;
  [[nodiscard]] double of_time(const Feature& feature, std::size_t i) const;
  void read_shifted(std::size_t shift, std::span<double* const> columns);
  void add_feature(std::size_t f);
  void add_series(std::size_t shift, bool remembers);
  void read_pairs(PairWalk& pairs, std::span<double* const> columns);

  const State& state_;
  const Plan& plan_;
  std::vector<Shifted> shifted_;  // [plan's shifts]
  Points points_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;
  std::array<std::int64_t, kPoints> times_{};  // [count], as of which the block is read
  std::vector<double> formula_room_;
};

}  // namespace penchant::features
