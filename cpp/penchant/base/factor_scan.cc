#include "penchant/base/factor_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/int16_kernels.h"
#include "penchant/base/kernels.h"
#include "penchant/base/rank_kernels.h"

// Why the bands hold. A vector v is kept as integers V and a scale a, v = a (V + r), with
//
//   a = max(|v| / N, max_j |v_j| / 32767),  N = 46000,
//
// so |v / a| <= N, no |V_j| exceeds 32767, and |V| <= N + |r|. For a query q and a row x
//
//   q.x / (a_q a_x) - Q.X = r_q . (x / a_x) + Q . r_x,
//   |...| <= |r_q| N + |Q| |r_x|        (Cauchy-Schwarz),
//
// with the residuals' norms taken from the vectors at hand rather than from the worst case. Q.X
// fits 32 bits: any part of the sum is at most |Q| |X| <= (N + |r|)^2 < 2^31 as long as
// |r| <= sqrt(columns) / 2 <= 340, hence the limit on columns. To this slack, in units of
// a_q a_x, come
//
// - what the served score loses by rounding: products, ceil(columns / 16) sums a lane and four
//   levels of the tree give at most (ceil(columns / 16) + 5) 2^-24 (1 + tiny) sum |q_j x_j|, and
//   sum |q_j x_j| <= |q| |x| <= N^2 units. Underflow loses at most columns * 2^-149, less than one
//   unit because scales are at least 2^-60; nothing overflows because they are at most 2^38;
// - what the bands lose by being computed in float: the conversion of Q.X, the slack added to it,
//   the product with a_x and a threshold divided by a_q, each at most 2^-24 of something below
//   2^31 + slack units: less than 1024 units and a millionth of the slack.
//
// A row is unsure when its band and a threshold overlap; all others are on the side where they
// seem. With k rows whose lower ends reach L, a row whose upper end is below L is worse than all
// of them, strictly, so it is in no list however ties fall.

namespace penchant {
namespace {

constexpr double kNorm = 46000;
constexpr double kLargestEntry = 32767;
constexpr std::size_t kMostColumns = 4096;  // |r| <= 32
constexpr float kSmallestScale = 0x1p-60F;
constexpr float kLargestScale = 0x1p38F;
constexpr std::size_t kTileRows = kBandRows;

// A vector's scale; 0 for the zero vector, negative when it can't be scanned.
float scale_of(std::span<const float> vector) {
  double square = 0;
  double largest = 0;
  for (const float v : vector) {
    const double entry = std::fabs(static_cast<double>(v));
    square += entry * entry;
    largest = std::max(largest, entry);
  }
  if (!std::isfinite(square)) return -1;
  if (largest == 0) return 0;
  // A hair more, so that rounding the scale to float can't push a norm or an entry over its limit.
  const double scale = std::max(std::sqrt(square) / kNorm, largest / kLargestEntry) * (1 + 1e-6);
  if (scale < kSmallestScale || scale > kLargestScale) return -1;
  return static_cast<float>(scale);
}

struct Norms {
  double integers = 0;
  double residual = 0;
};

// Writes the integers, `step` apart for each pair of columns; returns their norms.
Norms quantize(std::span<const float> vector, float scale, std::int16_t* out, std::size_t step) {
  if (scale == 0) return {};
  double integers = 0;
  double residual = 0;
  for (std::size_t j = 0; j < vector.size(); ++j) {
    const double exact = static_cast<double>(vector[j]) / static_cast<double>(scale);
    const double rounded = std::nearbyint(exact);
    out[j / 2 * step + j % 2] = static_cast<std::int16_t>(rounded);
    integers += rounded * rounded;
    residual += (exact - rounded) * (exact - rounded);
  }
  // Room for the rounding of these sums themselves.
  return {std::sqrt(integers) * (1 + 1e-9), std::sqrt(residual) * (1 + 1e-9) + 1e-9};
}

bool skips(const FactorScan::Query& query, std::int32_t row) {
  if (!query.allowed.empty() && query.allowed[static_cast<std::size_t>(row)] == 0) return true;
  return std::ranges::binary_search(query.skipped, ItemIndex{row});
}

}  // namespace

FactorScan::FactorScan(MatrixView<const float> rows) : rows_(rows) {
  if (rows.columns == 0 || rows.columns > kMostColumns || rows.rows == 0) return;
  std::vector<float> scale(rows.rows);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    scale[i] = scale_of(rows.row(i));
    if (scale[i] < 0) return;
  }
  columns_ = (rows.columns + kStripColumns - 1) / kStripColumns * kStripColumns;
  padded_rows_ = (rows.rows + kTileRows - 1) / kTileRows * kTileRows;
  index_.resize(rows.rows);
  std::iota(index_.begin(), index_.end(), 0);
  std::ranges::stable_sort(index_, [&](std::int32_t a, std::int32_t b) {
    return scale[static_cast<std::size_t>(a)] > scale[static_cast<std::size_t>(b)];
  });
  scales_.resize(rows.rows);
  strips_.assign(padded_rows_ * columns_, 0);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const auto from = static_cast<std::size_t>(index_[i]);
    scales_[i] = scale[from];
    std::int16_t* strip = strips_.data() + i / kStripRows * kStripRows * columns_;
    const Norms norms =
        quantize(rows.row(from), scale[from], strip + i % kStripRows * 2, 2 * kStripRows);
    largest_residual_ = std::max(largest_residual_, norms.residual);
  }
  usable_ = true;
}

bool FactorScan::accepts(std::span<const float> vector) const {
  return usable_ && vector.size() == rows_.columns && scale_of(vector) > 0;
}

// The state of one run: what is known of each query so far.
class FactorScan::Run {
 public:
  Run(const FactorScan& scan, std::span<const Query> queries, std::span<Answer> answers)
      : scan_(scan),
        queries_(queries),
        answers_(answers),
        integers_(queries.size() * scan.columns_),
        products_(queries.size() * kTileRows),
        states_(queries.size()) {
    for (std::size_t q = 0; q < queries.size(); ++q) start(q);
  }

  void scan_tile(std::size_t begin) {
    wanted_.clear();
    inputs_.clear();
    outputs_.clear();
    const std::size_t rows = std::min(kTileRows, scan_.rows_.rows - begin);
    for (std::size_t q = 0; q < queries_.size(); ++q) {
      State& state = states_[q];
      // The rows' scales fall, so the first bounds all of them.
      if (state.reach * scan_.scales_[begin] < state.lowest) {
        answers_[q].twice_below += 2 * static_cast<std::int64_t>(rows * state.thresholds.size());
        continue;
      }
      wanted_.push_back(q);
      inputs_.push_back(integers_.data() + q * scan_.columns_);
      outputs_.push_back(products_.data() + q * kTileRows);
    }
    if (wanted_.empty()) return;
    const std::span<const std::int16_t> strips(scan_.strips_);
    int16_products(strips.subspan(begin * scan_.columns_, kTileRows * scan_.columns_),
                   scan_.columns_, inputs_, outputs_);
    for (const std::size_t q : wanted_) read_tile(q, begin);
  }

  void finish(std::size_t q) {
    const Query& query = queries_[q];
    State& state = states_[q];
    Answer& answer = answers_[q];
    score(state.unsure, query.vector);
    for (std::size_t i = 0; i < scores_.size(); ++i) {
      const float score = scores_[i];
      const auto not_above = std::ranges::lower_bound(query.thresholds, score);
      const auto above = std::upper_bound(not_above, query.thresholds.end(), score);
      answer.twice_below += 2 * (query.thresholds.end() - above) + (above - not_above);
      const Scored row{score, state.unsure[i]};
      if (query.count_before && ranks_before(row, query.pivot)) ++answer.before;
    }
    if (query.k == 0) return;
    drop_hopeless(state);
    state.unsure.clear();
    for (const Candidate& each : state.candidates) state.unsure.push_back(each.row);
    score(state.unsure, query.vector);
    TopK best(query.k);
    for (std::size_t i = 0; i < scores_.size(); ++i) best.push(scores_[i], state.unsure[i]);
    answer.best = best.take_sorted();
  }

 private:
  struct Candidate {
    float high;
    std::int32_t row;
  };
  struct State {
    float slack = 0;   // units
    float reach = 0;   // times a scale: no row of that scale or a smaller one scores more
    float floor = 0;   // the k-th best lower end so far; a candidate must be able to reach it
    float lowest = 0;  // of floor and thresholds
    std::vector<float> thresholds;  // in units of the query's scale, as all scores here
    BandCodes codes;                // of the thresholds
    std::vector<float> best_lows;   // heap, the least in front
    std::vector<Candidate> candidates;
    std::vector<std::int32_t> unsure;
  };

  void start(std::size_t q) {
    const Query& query = queries_[q];
    const float scale = scale_of(query.vector);
    check_argument(scan_.usable_ && query.vector.size() == scan_.rows_.columns && scale > 0,
                   "FactorScan: a query's vector can't be scanned; ask accepts() first");
    State& state = states_[q];
    const Norms norms =
        quantize(query.vector, scale, integers_.data() + q * scan_.columns_, std::size_t{2});
    const std::size_t terms = scan_.columns_ / 16;  // of each lane's sum
    const double rounding = (static_cast<double>(terms) + 8) * 0x1p-24 * kNorm * kNorm * (1 + 1e-3);
    const double slack =
        (norms.residual * kNorm + norms.integers * scan_.largest_residual_ + rounding + 2048) *
        (1 + 1e-5);
    state.slack = static_cast<float>(slack);
    state.reach = static_cast<float>((norms.integers * (kNorm + scan_.largest_residual_) + slack) *
                                     (1 + 1e-5));
    for (const float threshold : query.thresholds) {
      state.thresholds.push_back(threshold / scale);
      check_argument(std::isfinite(state.thresholds.back()), "FactorScan: threshold ", threshold,
                     " is no score of these rows");
    }
    state.codes = band_codes(state.thresholds, 2 * state.slack * scan_.scales_.front());
    const float infinity = std::numeric_limits<float>::infinity();
    state.floor = query.k == 0 ? infinity : -infinity;
    find_lowest(state);
    answers_[q] = {};
  }

  static void find_lowest(State& state) {
    state.lowest =
        state.thresholds.empty() ? state.floor : std::min(state.floor, state.thresholds.front());
  }

  void read_tile(std::size_t q, std::size_t begin) {
    const Query& query = queries_[q];
    State& state = states_[q];
    const std::int32_t* products = products_.data() + q * kTileRows;
    const float* scales = scan_.scales_.data() + begin;
    const std::size_t rows = std::min(kTileRows, scan_.rows_.rows - begin);
    counts_.below = counts_.above = 0;
    scan_bands({{products, rows},
                {scales, rows},
                state.slack,
                state.thresholds,
                &state.codes,
                state.floor},
               counts_);
    answers_[q].twice_below += 2 * counts_.below;
    if (query.count_before) answers_[q].before += counts_.above;
    for (std::size_t i = 0; i < counts_.unsure; ++i) {
      state.unsure.push_back(scan_.index_[begin + counts_.unsure_rows[i]]);
    }
    for (std::size_t i = 0; i < counts_.candidates; ++i) {
      const std::size_t at = counts_.candidate_rows[i];
      const auto product = static_cast<float>(products[at]);
      offer(query, state, (product - state.slack) * scales[at],
            (product + state.slack) * scales[at], scan_.index_[begin + at]);
    }
    if (counts_.candidates > 0) find_lowest(state);
    if (state.candidates.size() > 4 * query.k + 1024) drop_hopeless(state);
  }

  static void offer(const Query& query, State& state, float low, float high, std::int32_t row) {
    if (high < state.floor || skips(query, row)) return;
    state.candidates.push_back({high, row});
    auto& lows = state.best_lows;
    if (lows.size() == query.k) {
      if (low <= lows.front()) return;
      std::ranges::pop_heap(lows, std::greater<>());
      lows.back() = low;
    } else {
      lows.push_back(low);
    }
    std::ranges::push_heap(lows, std::greater<>());
    if (lows.size() == query.k) state.floor = lows.front();
  }

  static void drop_hopeless(State& state) {
    std::erase_if(state.candidates, [&](const Candidate& each) { return each.high < state.floor; });
  }

  void score(std::span<const std::int32_t> rows, std::span<const float> vector) {
    scores_.resize(rows.size());
    dot_gathered(scan_.rows_, rows, vector, scores_);
  }

  const FactorScan& scan_;
  std::span<const Query> queries_;
  std::span<Answer> answers_;
  AlignedVector<std::int16_t> integers_;  // [queries, columns]
  AlignedVector<std::int32_t> products_;  // [queries, kTileRows] of the tile at hand
  std::vector<State> states_;
  std::vector<std::size_t> wanted_;  // queries that can't skip the tile
  std::vector<const std::int16_t*> inputs_;
  std::vector<std::int32_t*> outputs_;
  std::vector<float> scores_;
  BandCounts counts_;
};

void FactorScan::run(std::span<const Query> queries, std::span<Answer> answers) const {
  check_argument(queries.size() <= kQueries && answers.size() == queries.size(),
                 "FactorScan: ", queries.size(), " queries and ", answers.size(),
                 " answers; at most ", kQueries, " at once");
  Run run(*this, queries, answers);
  for (std::size_t begin = 0; begin < padded_rows_; begin += kTileRows) run.scan_tile(begin);
  for (std::size_t q = 0; q < queries.size(); ++q) run.finish(q);
}

}  // namespace penchant
