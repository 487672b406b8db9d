#pragma once

// What is asked of some keys of one series: each key's rows before a time, where each window
// begins, and how many rows before these places are counted.
//
//   SeriesView view(state, series, features);
//   view.look(keys, times, memory);
//   view.list(k), view.end(k), view.begin(window, k)
//
// Keys, rows and marks lie all over the memory, so that what many ask for is asked for at once, a
// step at a time, rather than key by key.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "penchant/features/key_memory.h"
#include "penchant/features/state.h"

namespace penchant::features {

class SeriesView {
 public:
  // Of at most `most` keys at once, and of what these features of the plan look at. Keeps a
  // reference.
  SeriesView(const State& state, std::size_t series, std::span<const std::size_t> features,
             std::size_t most);

  // keys[k] (kNoCode: nobody's) as of times[k]. The memory's places say where to begin to search.
  void look(std::span<const std::int32_t> keys, std::span<const std::int64_t> times,
            const KeyMemory& memory);

  [[nodiscard]] const Series::List& list(std::size_t k) const { return lists_[k]; }
  [[nodiscard]] std::size_t end(std::size_t k) const { return places_[0][k]; }
  // window: of the series', and of the features.
  [[nodiscard]] std::size_t begin(std::optional<std::size_t> window, std::size_t k) const {
    return window ? places_[place_of_[*window]][k] : 0;
  }
  // Rows that a measure counts (kCount, kKnown) in a window, or from the first on.
  [[nodiscard]] std::uint32_t counted(std::size_t measure, std::optional<std::size_t> window,
                                      std::size_t k) const {
    const Counts& counts = counts_[slot_of_[measure]];
    return counts.before[0][k] - (window ? counts.before[place_of_[*window]][k] : 0);
  }

  // The end, then where windows begin.
  [[nodiscard]] std::size_t places() const { return places_.size(); }
  [[nodiscard]] std::uint32_t place(std::size_t p, std::size_t k) const { return places_[p][k]; }
  // The times as of which all of this is so, unless the list changes.
  [[nodiscard]] KeyMemory::Span holds(std::size_t k) const;

 private:
  // A measure and how many rows before each place it counts.
  struct Counts {
    std::size_t measure = 0;
    std::vector<std::vector<std::uint32_t>> before;  // [places][keys]; empty: nobody asks
  };

  void ask_for_counts(std::span<const std::size_t> features, std::size_t most);
  void narrow(std::size_t k, std::size_t place, std::int64_t bound, std::uint32_t from,
              std::uint32_t upto);
  void find_lists();
  void find_end();
  void find_begin(std::size_t place, std::size_t least);
  void search(std::size_t place);
  void count_rows();

  const State& state_;
  std::size_t series_;
  std::vector<std::int64_t> windows_;               // [places], from the longest on; of the end 0
  std::vector<std::size_t> place_of_;               // [the series' windows]
  std::vector<Series::List> lists_;                 // [keys]
  std::vector<std::vector<std::uint32_t>> places_;  // [places][keys], rows before them
  std::vector<Counts> counts_;
  std::vector<std::size_t> slot_of_;  // [measures], of counts_
  std::span<const std::int32_t> keys_;
  std::span<const std::int64_t> times_;
  const KeyMemory* memory_ = nullptr;
  std::vector<std::uint32_t> left_;  // [keys], of a search
  std::vector<std::size_t> asked_;   // measures that are counted at a place
  std::vector<std::uint32_t*> counted_;
};

}  // namespace penchant::features
