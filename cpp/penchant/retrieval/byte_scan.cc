#include "penchant/retrieval/byte_scan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/retrieval/code_store.h"

// Why the bounds hold. Less the centre c (zero for products), a row is y and a query p; kept are
// y' = scale * bytes and p' = S * P, with e = |y - y'| and e_p = |p - p'|. By Cauchy-Schwarz
//
//   |p.y - p'.y'| <= |p| e + e_p |y'|.
//
// All is told in units of S, so that the integers P.bytes are compared as they are:
//
//   products    u = p.y / S                       the score is S u
//   distances   u = (p.y - |y|^2 / 2) / S         the score is 2 S u - |p|^2
//
// To the slack come, with d columns,
// - the defined order's rounding: of a product at most (d / 16 + 5) 2^-24 |p||y|; of a distance at
//   most (d / 16 + 8) 2^-24 |y - p|^2 <= (d / 16 + 8) 2^-23 (|y|^2 + |p|^2), of which the first
//   part is put into the bias, the second into `least`;
// - the rounding of y and p when c is subtracted, 2^-24 of each, and of three operations on a
//   product in float. (d + 32) 2^-23 |p||y| covers these and the first with much to spare, and
//   (d + 64) 2^-22 of the bias what happens to |y|^2;
// - what underflow loses, d 2^-149 at each of a few steps, in `least`.
//
// A row's share is kept as one number, spread >= e and >= kLeastSpread |y'|: with that
//
//   slack_i = |p| e + (e_p + rounding |p|) |y'| <= (|p| + (e_p + rounding |p|) / kLeastSpread)
//   spread.

namespace penchant::retrieval {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();
constexpr std::size_t kFirstBlock = 64;  // a bar to clear is wanted early
constexpr std::size_t kMostBlock = 2048;
constexpr std::size_t kTile =
    256;  // rows multiplied at a time; their bytes stay in the first cache
constexpr std::size_t kEncodeBlock = 1024;
constexpr double kLeastSpread = 0x1p-8;
// Shorter rows count as this long.
constexpr double kLeastLength = 1e-18;
// Below this scale a query's coordinates are near the smallest floats, and nothing can be bounded.
constexpr float kLeastScale = 1e-30F;
constexpr double kLargestBias = 1e37;  // in units of the query's scale: sums stay finite

// In four sums, as one would wait for itself.
double squared_length(std::span<const float> row) {
  std::array<double, 4> sums{};
  std::size_t j = 0;
  for (; j + 4 <= row.size(); j += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const auto x = static_cast<double>(row[j + lane]);
      sums[lane] += x * x;
    }
  }
  for (; j < row.size(); ++j) sums[0] += static_cast<double>(row[j]) * static_cast<double>(row[j]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

float up(double value) { return static_cast<float>(value * (1 + 0x1p-20)); }

// Of a bias: how much of it rounding may be.
double bias_slack(std::size_t dimension) { return static_cast<double>(dimension + 64) * 0x1p-22; }

// The k largest of a stream; all that is asked of it is the least of these.
class Bar {
 public:
  void start(std::size_t k) {
    k_ = k;
    heap_.clear();
  }
  void push(float value) {
    if (heap_.size() == k_) {
      if (value <= heap_.front()) return;
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      heap_.back() = value;
    } else {
      heap_.push_back(value);
    }
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }
  [[nodiscard]] float height() const { return heap_.size() < k_ ? kLowest : heap_.front(); }

 private:
  std::size_t k_ = 0;
  std::vector<float> heap_;
};

struct Candidate {
  std::int32_t row;
  float most;  // upper bound
};

// How far the true score may be from the one of bytes, in units of the query's scale: slack *
// spread, and `least`. No product is above reach * length.
struct Bounds {
  float slack = 0;
  float reach = 0;
  float gain = 0;  // of biases
  float least = 0;
};

// What is known of a query so far.
struct Asked {
  std::size_t number = 0;
  ByteQuery seen;
  Bounds bounds;
  Bar bar;
  std::vector<Candidate> candidates;
  bool done = false;
};

struct Scratch {
  AlignedVector<std::int16_t> integers;  // [queries, columns]
  AlignedVector<std::int32_t> products;  // [queries, kTile]
  std::array<Asked, ByteScan::kQueries> asked;
  std::vector<const std::int16_t*> inputs;
  std::vector<std::int32_t> offsets;
  std::vector<std::int32_t*> outputs;
  std::vector<Asked*> wanted;
  std::vector<float> shifted;
  std::vector<std::int32_t> chosen;
  std::vector<std::int32_t> rows;
  std::vector<float> scores;
};

// Not inlined, or each touch of what it gives would ask for the thread's own address again.
[[gnu::noinline]] Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

}  // namespace

ByteScan::ByteScan(const VectorStore& store, std::optional<std::span<const std::int32_t>> rows,
                   int threads)
    : squared_(store.metric() == Metric::kL2),
      dimension_(store.dimension()),
      columns_(padded_bytes(store.dimension())),
      centre_(store.dimension(), 0.0F) {
  if (rows) {
    order_.assign(rows->begin(), rows->end());
  } else if (store.any_removed()) {
    order_.assign(store.live_rows().begin(), store.live_rows().end());
  } else {
    order_.resize(store.rows());
    std::iota(order_.begin(), order_.end(), 0);
  }
  const std::size_t n = order_.size();
  if (squared_) {
    centre_ = CodeStore::centre_of(store.view(), order_, dimension_);
    biases_.resize(n);
  } else {
    std::vector<std::pair<float, std::int32_t>> by_length(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto row = store.view().row(static_cast<std::size_t>(order_[i]));
      by_length[i] = {-static_cast<float>(std::sqrt(squared_length(row))), order_[i]};
    }
    std::sort(by_length.begin(), by_length.end());
    lengths_.resize(n);
    for (std::size_t i = 0; i < n; ++i) {
      order_[i] = by_length[i].second;
      lengths_[i] = up(-static_cast<double>(by_length[i].first));
    }
  }
  strips_.assign(strip_rows(n) * columns_, 128);
  scales_.resize(n);
  spreads_.resize(n);
  parallel_blocks(n, kEncodeBlock, threads, [&](const Block& block) {
    std::vector<float> shifted(dimension_);
    std::vector<std::uint8_t> bytes(columns_);
    for (std::size_t i = block.begin; i < block.end; ++i) encode(store, i, shifted, bytes);
  });
  for (const float bias : biases_) longest_bias_ = std::max(longest_bias_, -bias);
}

void ByteScan::encode(const VectorStore& store, std::size_t place, std::span<float> shifted,
                      std::span<std::uint8_t> bytes) {
  const auto row = store.view().row(static_cast<std::size_t>(order_[place]));
  for (std::size_t j = 0; j < dimension_; ++j) shifted[j] = row[j] - centre_[j];
  float error = 0;
  scales_[place] = quantize_row(shifted, bytes, &error);
  put_in_strips(bytes, place, columns_, strips_);
  std::int32_t squares = 0;  // at most 65536 * 127^2
  for (const int byte : bytes) squares += (byte - 128) * (byte - 128);
  const double length =
      static_cast<double>(scales_[place]) * std::sqrt(static_cast<double>(squares));
  spreads_[place] =
      up(std::max(static_cast<double>(error), std::max(length, kLeastLength) * kLeastSpread));
  if (squared_) {
    const double bias = squared_length(shifted) / 2;
    biases_[place] = -static_cast<float>(bias * (1 - bias_slack(dimension_)));
  }
}

void ByteScan::erase(std::span<const std::int32_t> rows) {
  for (std::size_t i = order_.size(); i-- > 0;) {
    if (order_[i] < 0 || !std::binary_search(rows.begin(), rows.end(), order_[i])) continue;
    order_[i] = -1;
    gone_.push_back(i);
    for (std::size_t j = 0; j < columns_; j += kByteStripColumns) {
      std::memset(strips_.data() + strip_offset(i, j, columns_), 128, kByteStripColumns);
    }
    scales_[i] = 0;
    spreads_[i] = 0;
    if (squared_) biases_[i] = -longest_bias_;
    if (!squared_) lengths_[i] = i + 1 < order_.size() ? lengths_[i + 1] : 0;
  }
  std::sort(gone_.begin(), gone_.end());
}

// The search of some queries together.
class ByteScan::Run {
 public:
  Run(const ByteScan& scan, const VectorStore& store, MatrixView<const float> queries,
      std::size_t k, std::span<const std::uint8_t> allowed)
      : scan_(scan), store_(store), queries_(queries), k_(k), allowed_(allowed), s_(scratch()) {
    s_.integers.resize(queries.rows * scan.columns_);
    s_.products.resize(queries.rows * kTile);
    s_.chosen.resize(kTile);
    s_.shifted.resize(scan.dimension_);
    for (std::size_t q = 0; q < queries.rows; ++q) start(q);
  }

  void scan(std::span<std::uint64_t> read) {
    std::fill(read.begin(), read.end(), 0);
    const std::size_t n = scan_.order_.size();
    std::size_t block = kFirstBlock;
    for (std::size_t begin = 0; begin < n; begin += block) {
      if (begin > 0) block = kMostBlock;
      const std::size_t end = std::min(begin + block, n);
      want(begin);
      if (s_.wanted.empty()) break;
      for (std::size_t tile = begin; tile < end; tile += kTile) {
        read_tile(tile, std::min(kTile, end - tile));
      }
      for (const Asked* asked : s_.wanted) read[asked->number] += end - begin - gone(begin, end);
    }
  }

  void rank(std::size_t q, std::span<Scored> hits, std::uint64_t& read) {
    const Asked& asked = s_.asked[q];
    s_.rows.clear();
    if (unbounded(asked)) {
      for (const std::int32_t row : scan_.order_) {
        if (may_be_hit(row)) s_.rows.push_back(row);
      }
      read = s_.rows.size();
    } else {
      const float height = asked.bar.height();
      for (const Candidate& candidate : asked.candidates) {
        if (candidate.most >= height) s_.rows.push_back(candidate.row);
      }
    }
    s_.scores.resize(s_.rows.size());
    store_.score_gathered(s_.rows, queries_.row(q), s_.scores);
    TopK best(std::min(k_, s_.rows.size()));
    for (std::size_t i = 0; i < s_.rows.size(); ++i) best.push(s_.scores[i], s_.rows[i]);
    const std::vector<Scored> sorted = best.take_sorted();
    std::fill(std::copy(sorted.begin(), sorted.end(), hits.begin()), hits.end(),
              Scored{kLowest, -1});
  }

 private:
  void start(std::size_t q) {
    Asked& asked = s_.asked[q];
    asked.number = q;
    asked.candidates.clear();
    asked.bar.start(k_);
    const auto query = queries_.row(q);
    for (std::size_t j = 0; j < scan_.dimension_; ++j) {
      s_.shifted[j] = query[j] - scan_.centre_[j];
    }
    asked.seen = quantize_query(s_.shifted, integers_of(q));
    asked.done = unbounded(asked);
    if (!asked.done) asked.bounds = bounds_of(asked.seen, std::sqrt(squared_length(s_.shifted)));
  }

  [[nodiscard]] std::span<std::int16_t> integers_of(std::size_t q) {
    const std::size_t size = scan_.columns_;
    return std::span<std::int16_t>(s_.integers).subspan(q * size, size);
  }

  // Whether integers say nothing of this query; then every row is scored from its floats.
  [[nodiscard]] bool unbounded(const Asked& asked) const {
    return asked.seen.scale < kLeastScale ||
           static_cast<double>(scan_.longest_bias_) / static_cast<double>(asked.seen.scale) >
               kLargestBias;
  }

  [[nodiscard]] Bounds bounds_of(const ByteQuery& seen, double norm) const {
    const double unit = 1.0 / static_cast<double>(seen.scale);
    const auto columns = static_cast<double>(scan_.dimension_);
    const double rounding = (columns + 32) * 0x1p-23;
    Bounds out;
    out.slack =
        up((norm + (static_cast<double>(seen.error) + norm * rounding) / kLeastSpread) * unit);
    out.reach = up(norm * unit * (1 + rounding));
    double least = (columns + 32) * 0x1p-148;
    if (scan_.squared_) {
      least += bias_slack(scan_.dimension_) * norm * norm;
      out.gain = static_cast<float>(unit);
    }
    out.least = up(least * unit);
    return out;
  }

  // The queries for which rows from `begin` on may matter.
  void want(std::size_t begin) {
    s_.wanted.clear();
    s_.inputs.clear();
    s_.offsets.clear();
    s_.outputs.clear();
    for (std::size_t q = 0; q < queries_.rows; ++q) {
      Asked& asked = s_.asked[q];
      if (!asked.done && !scan_.squared_) {
        asked.done =
            asked.bounds.reach * scan_.lengths_[begin] + asked.bounds.least < asked.bar.height();
      }
      if (asked.done) continue;
      s_.wanted.push_back(&asked);
      s_.inputs.push_back(integers_of(q).data());
      s_.offsets.push_back(asked.seen.offset);
      s_.outputs.push_back(s_.products.data() + q * kTile);
    }
  }

  [[nodiscard]] std::uint64_t gone(std::size_t begin, std::size_t end) const {
    const auto at = [&](std::size_t place) {
      return std::lower_bound(scan_.gone_.begin(), scan_.gone_.end(), place);
    };
    return scan_.gone_.empty() ? 0 : static_cast<std::uint64_t>(at(end) - at(begin));
  }

  void read_tile(std::size_t begin, std::size_t count) {
    const std::size_t columns = scan_.columns_;
    byte_strip_products(
        std::span(scan_.strips_).subspan(begin * columns, strip_rows(count) * columns), columns,
        s_.inputs, s_.offsets, s_.outputs);
    for (Asked* asked : s_.wanted) choose(*asked, begin, count);
  }

  void choose(Asked& asked, std::size_t begin, std::size_t count) {
    const auto part = [&](const AlignedVector<float>& all) {
      return all.empty() ? std::span<const float>() : std::span(all).subspan(begin, count);
    };
    const Bounds& bounds = asked.bounds;
    const std::int32_t* products = s_.products.data() + asked.number * kTile;
    const std::size_t chosen = select_products(
        {products, count},
        {part(scan_.scales_), bounds.slack, part(scan_.spreads_), bounds.gain, part(scan_.biases_)},
        asked.bar.height() - bounds.least, 0, s_.chosen);
    // A bias is rounded up; this much further down is its lower bound.
    const double slack = bias_slack(scan_.dimension_);
    const auto lower_bias = static_cast<float>((1 + slack) / (1 - slack) * (1 + 0x1p-20));
    for (const std::int32_t at : std::span(s_.chosen).first(chosen)) {
      const std::size_t place = begin + static_cast<std::size_t>(at);
      const std::int32_t row = scan_.order_[place];
      if (!may_be_hit(row)) continue;
      const float middle = static_cast<float>(products[at]) * scan_.scales_[place];
      const float spread = bounds.slack * scan_.spreads_[place];
      const float bias = scan_.squared_ ? bounds.gain * scan_.biases_[place] : 0.0F;
      const float most = middle + spread + bias + bounds.least;
      if (most < asked.bar.height()) continue;
      asked.bar.push(middle - spread + bias * lower_bias - bounds.least);
      asked.candidates.push_back({row, most});
    }
  }

  [[nodiscard]] bool may_be_hit(std::int32_t row) const {
    return row >= 0 && (allowed_.empty() || allowed_[static_cast<std::size_t>(row)] != 0);
  }

  const ByteScan& scan_;
  const VectorStore& store_;
  MatrixView<const float> queries_;
  std::size_t k_;
  std::span<const std::uint8_t> allowed_;
  Scratch& s_;
};

void ByteScan::search(const VectorStore& store, MatrixView<const float> queries, std::size_t k,
                      std::span<const std::uint8_t> allowed, std::span<Scored> hits,
                      std::span<std::uint64_t> read) const {
  check_argument(
      queries.rows <= kQueries && hits.size() == queries.rows * k && read.size() == queries.rows,
      "ByteScan: ", queries.rows, " queries, ", hits.size(), " hits of ", k, " and ", read.size(),
      " counts; at most ", kQueries, " queries at once");
  Run run(*this, store, queries, k, allowed);
  run.scan(read);
  for (std::size_t q = 0; q < queries.rows; ++q) run.rank(q, hits.subspan(q * k, k), read[q]);
}

}  // namespace penchant::retrieval
