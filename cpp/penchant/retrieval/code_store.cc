#include "penchant/retrieval/code_store.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "penchant/base/int8_kernels.h"
#include "penchant/base/parallel.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kTail = 2 * sizeof(float);  // scale and bias
constexpr std::size_t kCentredRows = 256;         // fewer have no centre
constexpr std::size_t kEncodeBlock = 1024;

// The upper half of a float: an average that is good enough to subtract, and not the bytes of any
// row, even where all rows are one.
float coarse(double value) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  return std::bit_cast<float>(bits & 0xffff0000U);
}

// Not inlined, or each touch of it would ask for the thread's own address again.
[[gnu::noinline]] std::span<float> scratch_of(std::size_t columns) {
  thread_local std::vector<float> values;
  if (values.size() < columns) values.resize(columns);
  return {values.data(), columns};
}

// row(i): the i-th of `count` rows.
template <class Row>
std::vector<float> mean_of(std::size_t count, std::size_t dimension, const Row& row) {
  std::vector<float> out(dimension, 0.0F);
  if (count < kCentredRows) return out;
  std::vector<double> sums(dimension, 0.0);
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<const float> from = row(i);
    for (std::size_t j = 0; j < dimension; ++j) sums[j] += static_cast<double>(from[j]);
  }
  for (std::size_t j = 0; j < dimension; ++j) {
    out[j] = coarse(sums[j] / static_cast<double>(count));
  }
  return out;
}

}  // namespace

CodeStore::CodeStore(Metric metric, std::size_t dimension, std::vector<float> centre)
    : squared_(metric == Metric::kL2),
      dimension_(dimension),
      used_(padded_bytes(dimension)),
      stride_(padded_bytes(dimension + kTail)),
      centre_(std::move(centre)) {}

std::vector<float> CodeStore::centre_of(MatrixView<const float> rows, std::size_t dimension) {
  return mean_of(rows.rows, dimension, [&](std::size_t i) { return rows.row(i); });
}

std::vector<float> CodeStore::centre_of(MatrixView<const float> rows,
                                        std::span<const std::int32_t> order,
                                        std::size_t dimension) {
  return mean_of(order.size(), dimension,
                 [&](std::size_t i) { return rows.row(static_cast<std::size_t>(order[i])); });
}

void CodeStore::encode(std::span<const float> row, std::uint8_t* to) const {
  std::vector<float> shifted(dimension_);
  for (std::size_t j = 0; j < dimension_; ++j) shifted[j] = row[j] - centre_[j];
  std::memset(to, 0, stride_);
  const float scale = quantize_row(shifted, {to, used_});
  std::int64_t squares = 0;
  for (std::size_t j = 0; j < dimension_; ++j) {
    const int value = int{to[j]} - 128;
    squares += value * value;
  }
  const double norm =
      static_cast<double>(scale) * static_cast<double>(scale) * static_cast<double>(squares);
  const std::array<float, 2> tail{scale, squared_ ? -static_cast<float>(norm) : 0.0F};
  std::memcpy(to + stride_ - kTail, tail.data(), kTail);
}

void CodeStore::append(MatrixView<const float> rows, int threads) {
  const std::size_t before = this->rows();
  bytes_.resize((before + rows.rows) * stride_);
  parallel_blocks(rows.rows, kEncodeBlock, threads, [&](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      encode(rows.row(i), bytes_.data() + (before + i) * stride_);
    }
  });
}

void CodeStore::append_gathered(MatrixView<const float> rows, std::span<const std::int32_t> order,
                                int threads) {
  const std::size_t before = this->rows();
  bytes_.resize((before + order.size()) * stride_);
  parallel_blocks(order.size(), kEncodeBlock, threads, [&](const Block& block) {
    for (std::size_t i = block.begin; i < block.end; ++i) {
      encode(rows.row(static_cast<std::size_t>(order[i])), bytes_.data() + (before + i) * stride_);
    }
  });
}

void CodeStore::erase(std::span<const std::int32_t> rows) {
  for (const std::int32_t row : rows) {
    std::uint8_t* at = bytes_.data() + static_cast<std::size_t>(row) * stride_;
    std::memset(at, 128, used_);
    std::memset(at + stride_ - kTail, 0, kTail);
  }
}

void CodeStore::prepare(std::span<const float> vector, CodeQuery& query) const {
  const std::span<float> shifted = scratch_of(dimension_);
  std::copy_n(vector.begin(), dimension_, shifted.begin());
  if (squared_) {
    for (std::size_t j = 0; j < dimension_; ++j) shifted[j] -= centre_[j];
  }
  query.integers.resize(used_);
  const ByteQuery seen = quantize_query(shifted, query.integers);
  query.offset = seen.offset;
  query.gain = squared_ ? 2 * seen.scale : seen.scale;
  query.norm = squared_ ? static_cast<float>(seen.squared_norm) : 1.0F;
}

}  // namespace penchant::retrieval
