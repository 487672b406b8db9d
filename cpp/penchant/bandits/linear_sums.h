#pragma once

// What a linear model of rewards has learnt, as exact sums: contexts and rewards are rounded to
// multiples of 2^-20 once, when they come in, and from there on only integers are added. So the
// sums don't depend on the order of events, an event that is taken back leaves no trace, and
// adding up two replicas' sums is learning both their events.
//
//   FixedRow row;
//   row.set(context, reward);                // throws on what is not finite or too large
//   LinearSums sums(context.size(), 1.0);
//   sums.add(row, 1);
//   sums.take_back(row, 1, 0);
//   sums.read(gram, moment);                 // sum x x^T (packed), sum x r, each rounded once
//
// With discount < 1 earlier events fade, which integers can't: then the sums are doubles, they
// depend on the order, and taking an event back is right to rounding.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penchant::bandits {

__extension__ using Wide = __int128;

inline constexpr int kFractionBits = 20;
inline constexpr double kMostInput = 2047;  // of a context's and an arm's numbers, and products
inline constexpr double kMostReward = 1e6;

// Entries of a packed lower triangle: (i, j), j <= i, lies at i (i + 1) / 2 + j.
[[nodiscard]] constexpr std::size_t packed_size(std::size_t n) { return n * (n + 1) / 2; }

// An event in fixed point.
struct FixedRow {
  std::vector<std::int32_t> x{};
  std::int64_t reward = 0;
  std::int64_t largest = 0;  // |x|

  // Throws kInvalidArgument, naming the column, unless |context| <= kMostInput and |reward| <=
  // kMostReward.
  void set(std::span<const double> context, double reward);
};

class LinearSums {
 public:
  LinearSums(std::size_t dimension, double discount);

  [[nodiscard]] std::size_t dimension() const { return dimension_; }
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] bool fading() const { return discount_ < 1; }

  // Learns a row `copies` times, from 0 up; fading sums fade first, once. O(dimension^2 / 2).
  void add(const FixedRow& row, std::int64_t copies);
  // Subtracts what add added; `age` is how many events were added since. Exact unless fading. With
  // -copies it is its own opposite.
  void take_back(const FixedRow& row, std::int64_t copies, std::int64_t age);

  // gram [packed_size(dimension)] and moment [dimension], in units of the inputs.
  void read(std::span<double> gram, std::span<double> moment) const;

  // False when no events can have these sums: something was taken back that had never come, or the
  // numbers were made up. O(dimension^2 / 2).
  [[nodiscard]] bool plausible() const;

  [[nodiscard]] std::size_t memory_bytes() const;

  // The sums as numbers: [packed + dimension] pairs (low, high) meaning high * 2^64 + low, or
  // doubles when fading.
  void save(std::span<std::int64_t> low, std::span<std::int64_t> high) const;
  void save(std::span<double> fading) const;
  void load(std::span<const std::int64_t> low, std::span<const std::int64_t> high,
            std::int64_t count);
  void load(std::span<const double> fading, std::int64_t count);

 private:
  void accumulate(const FixedRow& row, int sign);
  void accumulate_fading(const FixedRow& row, double weight);
  void make_room(std::int64_t largest);
  [[nodiscard]] Wide gram_at(std::size_t i) const;

  std::size_t dimension_;
  double discount_;
  std::int64_t count_ = 0;
  std::uint64_t bound_ = 0;         // of every |low_|
  std::vector<std::int64_t> low_;   // gram, packed: high_ * 2^32 + low_
  std::vector<std::int64_t> high_;  // empty until low_ runs out of room
  std::vector<Wide> moment_;
  std::vector<double> faded_;  // gram, then moment; in place of the above when fading
};

}  // namespace penchant::bandits
