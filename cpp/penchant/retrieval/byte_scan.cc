#include "penchant/retrieval/byte_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include "penchant/base/parallel.h"

namespace penchant::retrieval {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();
constexpr std::size_t kFirstBlock = 256;  // a bar to clear is wanted early
constexpr std::size_t kMostBlock = 2048;
constexpr std::size_t kEncodeBlock = 1024;
// Shorter rows count as this long, so that what is lost to rounding stays a share of the length.
constexpr float kLeastLength = 1e-18F;
// Below this scale a query's coordinates are near the smallest floats, and nothing can be bounded.
constexpr float kLeastScale = 1e-30F;

double length(std::span<const float> row) {
  double sum = 0;
  for (const float x : row) sum += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(sum);
}

float up(double value) { return static_cast<float>(value * (1 + 0x1p-20)); }

// The k largest of a stream; all that is asked of it is the least of these.
class Bar {
 public:
  explicit Bar(std::size_t k) : k_(k) { heap_.reserve(k + 1); }
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
  std::size_t k_;
  std::vector<float> heap_;
};

struct Candidate {
  std::int32_t row;
  float most;  // upper bound
};

struct Scratch {
  AlignedVector<std::int16_t> query;
  std::vector<std::int32_t> products;
  std::vector<std::int32_t> chosen;
  std::vector<Candidate> candidates;
  std::vector<std::int32_t> rows;
  std::vector<float> scores;
};

Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

// Scores the rows from their floats and writes the best.
void rank(const VectorStore& store, std::span<const float> query, std::size_t k, Scratch& s,
          std::span<Scored> hits) {
  s.scores.resize(s.rows.size());
  store.score_gathered(s.rows, query, s.scores);
  TopK best(k);
  for (std::size_t i = 0; i < s.rows.size(); ++i) best.push(s.scores[i], s.rows[i]);
  const std::vector<Scored> sorted = best.take_sorted();
  std::fill(std::copy(sorted.begin(), sorted.end(), hits.begin()), hits.end(), Scored{kLowest, -1});
}

}  // namespace

ByteScan::ByteScan(const VectorStore& store, int threads)
    : dimension_(store.dimension()), columns_(padded_bytes(store.dimension())) {
  std::vector<std::pair<float, std::int32_t>> by_length;
  by_length.reserve(store.live_count());
  for (std::size_t i = 0; i < store.rows(); ++i) {
    const auto row = static_cast<std::int32_t>(i);
    if (store.any_removed() && store.is_removed(row)) continue;
    by_length.emplace_back(-static_cast<float>(length(store.view().row(i))), row);
  }
  std::sort(by_length.begin(), by_length.end());
  const std::size_t n = by_length.size();
  order_.resize(n);
  for (std::size_t i = 0; i < n; ++i) order_[i] = by_length[i].second;
  bytes_.resize(n * columns_);
  scales_.resize(n);
  lengths_.resize(n);
  std::vector<float> worst((n + kEncodeBlock - 1) / kEncodeBlock, 0.0F);
  parallel_blocks(n, kEncodeBlock, threads, [&](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      const auto row = store.view().row(static_cast<std::size_t>(order_[i])).first(dimension_);
      const std::span<std::uint8_t> bytes(bytes_.data() + i * columns_, columns_);
      float error = 0;
      scales_[i] = quantize_row(row, bytes, &error);
      std::int64_t squares = 0;
      for (const int byte : bytes) squares += (byte - 128) * (byte - 128);
      lengths_[i] =
          std::max(up(static_cast<double>(scales_[i]) * std::sqrt(static_cast<double>(squares))),
                   kLeastLength);
      worst[block.number] = std::max(
          worst[block.number], up(static_cast<double>(error) / static_cast<double>(lengths_[i])));
    }
  });
  for (const float one : worst) worst_ = std::max(worst_, one);
  // Rounded lengths needn't fall; as upper bounds they may.
  for (std::size_t i = n; i-- > 1;) lengths_[i - 1] = std::max(lengths_[i - 1], lengths_[i]);
}

void ByteScan::erase(std::span<const std::int32_t> rows) {
  if (rows.empty()) return;
  for (std::size_t i = order_.size(); i-- > 0;) {
    if (order_[i] >= 0 && !std::binary_search(rows.begin(), rows.end(), order_[i])) continue;
    order_[i] = -1;
    std::memset(bytes_.data() + i * columns_, 128, columns_);
    scales_[i] = 0;
    lengths_[i] = i + 1 < order_.size() ? lengths_[i + 1] : kLeastLength;
  }
}

// Everything in units of the query's scale, so that integers are compared as they are.
ByteScan::Bounds ByteScan::bounds_of(const ByteQuery& seen, double norm) const {
  if (seen.scale < kLeastScale) return {1e30F, 1e30F, 0};
  const double unit = 1.0 / static_cast<double>(seen.scale);
  const double ratio = static_cast<double>(worst_);
  // Of the defined order's sum and of the three operations on a product, generously.
  const double rounding = static_cast<double>(dimension_ + 32) * 0x1p-23;
  Bounds out;
  out.slack =
      up((static_cast<double>(seen.error) + norm * ratio + norm * (1 + ratio) * rounding) * unit);
  out.reach = up(norm * unit * (1 + ratio)) + out.slack;
  out.least = up(static_cast<double>(dimension_ + 32) * 0x1p-148 * unit);
  return out;
}

std::uint64_t ByteScan::search(const VectorStore& store, std::span<const float> query,
                               std::size_t k, std::span<const std::uint8_t> allowed,
                               std::span<Scored> hits) const {
  Scratch& s = scratch();
  s.query.resize(columns_);
  s.products.resize(kMostBlock);
  s.chosen.resize(kMostBlock);
  s.candidates.clear();
  const ByteQuery seen = quantize_query(query.first(dimension_), s.query);
  const double norm = length(query);
  const Bounds bounds = bounds_of(seen, norm);
  Bar bar(k);
  std::uint64_t read = 0;
  std::size_t block = kFirstBlock;
  for (std::size_t begin = 0; begin < order_.size(); begin += block) {
    if (begin > 0) block = kMostBlock;
    const std::size_t count = std::min(block, order_.size() - begin);
    const float height = bar.height();
    if (bounds.reach * lengths_[begin] + bounds.least < height) break;
    const std::span<std::int32_t> products = std::span(s.products).first(count);
    byte_dot_rows({bytes_.data() + begin * columns_, count, columns_}, s.query, seen.offset,
                  products);
    read += count;
    const std::size_t chosen = select_products(
        products, {scales_.data() + begin, count}, bounds.slack, {lengths_.data() + begin, count},
        height - bounds.least, static_cast<std::int32_t>(begin), s.chosen);
    for (const std::int32_t place : std::span(s.chosen).first(chosen)) {
      const auto at = static_cast<std::size_t>(place);
      const std::int32_t row = order_[at];
      if (row < 0 || (!allowed.empty() && allowed[static_cast<std::size_t>(row)] == 0)) continue;
      const float middle = static_cast<float>(products[at - begin]) * scales_[at];
      const float spread = bounds.slack * lengths_[at] + bounds.least;
      if (middle + spread < bar.height()) continue;
      bar.push(middle - spread);
      s.candidates.push_back({row, middle + spread});
    }
  }
  s.rows.clear();
  for (const Candidate& candidate : s.candidates) {
    if (candidate.most >= bar.height()) s.rows.push_back(candidate.row);
  }
  rank(store, query, k, s, hits);
  return read;
}

}  // namespace penchant::retrieval
