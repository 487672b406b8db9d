#pragma once

// What the points of a block ask of one series: different keys and times, and what is found of each
// back to all points that asked.
//
//   asked.find(times, key_of);                 // key_of(point): kNoCode, none
//   for (k = 0; k < asked.size(); ++k) found[k] = ...(asked.keys()[k], asked.times()[k]);
//   asked.spread(found, out);                  // out[point]

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "penchant/features/event_batch.h"

namespace penchant::features {

class AskedKeys {
 public:
  static constexpr std::size_t kPoints = 256;  // at most, a block

  // few: keys are below; those of a block are told apart wherever they stand. 0: neighbours alone.
  explicit AskedKeys(std::size_t few) : last_of_(few) {
    runs_.reserve(kPoints);
    keys_.reserve(kPoints);
    times_.reserve(kPoints);
  }

  // O(points), as what follows.
  template <class KeyOf>
  void find(std::span<const std::int64_t> times, const KeyOf& key_of) {
    ++block_;
    points_ = times.size();
    runs_.clear();
    keys_.clear();
    times_.clear();
    for (std::size_t i = 0; i < points_; ++i) {
      const std::int32_t key = key_of(i);
      const auto point = static_cast<std::uint32_t>(i);
      if (i > 0 && key == last_ && times[i] == times[i - 1]) {
        ++runs_.back().end;
        continue;
      }
      last_ = key;
      runs_.push_back({point, point + 1, place_of(key, times[i])});
    }
  }

  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] std::span<const std::int32_t> keys() const { return keys_; }
  [[nodiscard]] std::span<const std::int64_t> times() const { return times_; }

  template <class T>
  void spread(const T* found, T* out) const {
    if (size() == points_) {
      std::copy_n(found, points_, out);
      return;
    }
    for (const Run& run : runs_) std::fill(out + run.begin, out + run.end, found[run.asked]);
  }

 private:
  // Points begin to end - 1.
  struct Run {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t asked = 0;
  };

  std::uint32_t place_of(std::int32_t key, std::int64_t time) {
    const auto next = static_cast<std::uint32_t>(keys_.size());
    if (key >= 0 && static_cast<std::size_t>(key) < last_of_.size()) {
      auto& [block, place] = last_of_[static_cast<std::size_t>(key)];
      if (block == block_ && times_[place] == time) return place;
      block = block_;
      place = next;
    }
    keys_.push_back(key);
    times_.push_back(time);
    return next;
  }

  std::vector<Run> runs_;
  std::vector<std::int32_t> keys_;
  std::vector<std::int64_t> times_;
  std::int32_t last_ = kNoCode;  // of the point before
  std::size_t points_ = 0;
  // By key: the block's number, and where it stands.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> last_of_;
  std::uint64_t block_ = 0;
};

}  // namespace penchant::features
