#include "penchant/models/panel_linalg.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/models/panel_linalg.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::models::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::CappedTag<float, 16>;
using V = hn::Vec<Wide>;
constexpr std::size_t kWidth = hn::MaxLanes(Wide());
constexpr std::size_t kVectors = kPanel / kWidth;  // of one panel row
// Panels worked on together, and rows of sums held in registers: enough to hide the latency of a
// fused multiply-add and to need fewer loads than sums, few enough to stay.
constexpr std::size_t kPanels = kVectors == 1 ? 2 : 1;
constexpr std::size_t kTileRows = kVectors == 1 ? 8 : kVectors == 2 ? 6 : 2;
constexpr std::size_t kChunk = 128;  // rows of a weighted Gram product between two stores

enum class Store : std::uint8_t { kSet, kAdd, kSubtract };

// Where a tile's right operand and its sums are: P panels, each this far from the one before.
struct Tile {
  const float* b;
  std::size_t b_panel;
  float* c;
  std::size_t c_step;  // from row to row
  std::size_t c_panel;
};

// c[r][0..16 P) (=, +=, -=) sum_k a[r * row_step + k * k_step] * b[16 k + 0..16), panel by panel
template <std::size_t R, std::size_t P, Store kStore>
HWY_INLINE void tile(const float* HWY_RESTRICT a, std::size_t row_step, std::size_t k_step,
                     std::size_t count, const Tile& at, std::size_t row) {
  const Wide d;
  constexpr std::size_t kAll = P * kVectors;
  const float* HWY_RESTRICT b = at.b;
  a += row * row_step;
  V sum[R][kAll];
  for (std::size_t r = 0; r < R; ++r) {
    for (std::size_t v = 0; v < kAll; ++v) sum[r][v] = hn::Zero(d);
  }
  for (std::size_t k = 0; k < count; ++k, b += kPanel, a += k_step) {
    V right[kAll];
    for (std::size_t v = 0; v < kAll; ++v) {
      right[v] = hn::Load(d, b + v / kVectors * at.b_panel + v % kVectors * kWidth);
    }
    for (std::size_t r = 0; r < R; ++r) {
      const V left = hn::Set(d, a[r * row_step]);
      for (std::size_t v = 0; v < kAll; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
    }
  }
  for (std::size_t r = 0; r < R; ++r) {
    for (std::size_t v = 0; v < kAll; ++v) {
      float* to = at.c + (row + r) * at.c_step + v / kVectors * at.c_panel + v % kVectors * kWidth;
      V value = sum[r][v];
      if (kStore == Store::kAdd) value = hn::Add(hn::LoadU(d, to), value);
      if (kStore == Store::kSubtract) value = hn::Sub(hn::LoadU(d, to), value);
      hn::StoreU(value, d, to);
    }
  }
}

// The same for any number of rows.
template <Store kStore, std::size_t P = 1>
HWY_INLINE void tiles(std::size_t rows, const float* a, std::size_t row_step, std::size_t k_step,
                      std::size_t count, const Tile& at) {
  std::size_t r = 0;
  for (; r + kTileRows <= rows; r += kTileRows) {
    tile<kTileRows, P, kStore>(a, row_step, k_step, count, at, r);
  }
  if (kTileRows > 4 && r + 4 <= rows) {
    tile<4, P, kStore>(a, row_step, k_step, count, at, r);
    r += 4;
  }
  for (; r < rows; ++r) tile<1, P, kStore>(a, row_step, k_step, count, at, r);
}

void multiply_kernel(const float* in, std::size_t rows, const PackedMatrix& m, float* out) {
  const std::size_t stride = m.stride;
  constexpr std::size_t kRows = 120;  // of `in`, kept in a near cache for all panels
  for (std::size_t r = 0; r < rows; r += kRows) {
    const std::size_t count = std::min(kRows, rows - r);
    std::size_t p = 0;
    // Rows that only one of the panels has are zeros in the other.
    const auto some = [&](auto together) HWY_ATTR {
      constexpr std::size_t kTogether = decltype(together)::value;
      const std::size_t begin = m.begin[p];
      const std::size_t end = m.end[p + kTogether - 1];
      const Tile at{m.panels.data() + (p * stride + begin) * kPanel, stride * kPanel,
                    out + r * stride + p * kPanel, stride, kPanel};
      tiles<Store::kSet, kTogether>(count, in + r * stride + begin, stride, 1, end - begin, at);
      p += kTogether;
    };
    while (p + kPanels <= stride / kPanel) {
      some(std::integral_constant<std::size_t, kPanels>{});
    }
    while (p < stride / kPanel) some(std::integral_constant<std::size_t, 1>{});
  }
}

// Copies `count` rows into panels [stride / 16][kChunk][16], weighted where asked for.
HWY_INLINE void copy_panels(const float* const* rows, const float* weights, std::size_t count,
                            std::size_t stride, float* left, float* right) {
  const Wide d;
  for (std::size_t k = 0; k < count; ++k) {
    const float* row = rows[k];
    for (std::size_t p = 0; p < stride / kPanel; ++p) {
      for (std::size_t j = 0; j < kPanel; j += kWidth) {
        const V value = hn::LoadU(d, row + p * kPanel + j);
        hn::Store(value, d, right + (p * kChunk + k) * kPanel + j);
        if (weights != nullptr) {
          hn::Store(hn::Mul(hn::Set(d, weights[k]), value), d,
                    left + (p * kChunk + k) * kPanel + j);
        }
      }
    }
  }
}

void add_weighted_kernel(const float* const* rows, const float* weights, std::size_t count,
                         std::size_t stride, float* values, float* left, float* right) {
  for (std::size_t first = 0; first < count; first += kChunk) {
    const std::size_t n = std::min(kChunk, count - first);
    copy_panels(rows + first, weights == nullptr ? nullptr : weights + first, n, stride, left,
                right);
    const float* other = weights == nullptr ? right : left;
    for (std::size_t p = 0; p < stride / kPanel; ++p) {
      const bool pair = kPanels == 2 && p + 1 < stride / kPanel;
      for (std::size_t q = 0; q <= p + (pair ? 1 : 0); ++q) {
        const float* a = other + q * kChunk * kPanel;
        // Of the last block column a pair has the lower panel only.
        const std::size_t panel = std::max(p, q);
        const Tile at{right + panel * kChunk * kPanel, kChunk * kPanel,
                      values + (panel * stride + q * kPanel) * kPanel, kPanel, stride * kPanel};
        if (pair && q <= p) {
          tiles<Store::kAdd, kPanels>(kPanel, a, 1, kPanel, n, at);
        } else {
          tiles<Store::kAdd>(kPanel, a, 1, kPanel, n, at);
        }
      }
      if (pair) ++p;
    }
  }
}

// Columns 16 q .. 16 q + 15 of panel q become those of L; `block` is that panel's square part.
HWY_INLINE bool factorize_diagonal(float* block) {
  const Wide d;
  for (std::size_t c = 0; c < kPanel; ++c) {
    float* column = block + c * kPanel;
    if (!(column[c] > 0)) return false;
    const float root = std::sqrt(column[c]);
    const V inverse = hn::Set(d, 1 / root);
    for (std::size_t j = 0; j < kPanel; j += kWidth) {
      hn::Store(hn::Mul(hn::Load(d, column + j), inverse), d, column + j);
    }
    column[c] = root;
    for (std::size_t later = c + 1; later < kPanel; ++later) {
      float* other = block + later * kPanel;
      const V factor = hn::Set(d, column[later]);
      for (std::size_t j = 0; j < kPanel; j += kWidth) {
        hn::Store(hn::NegMulAdd(factor, hn::Load(d, column + j), hn::Load(d, other + j)), d,
                  other + j);
      }
    }
  }
  return true;
}

// Left-looking by panels: what earlier columns take from a block is one product of panels.
bool factorize_kernel(float* values, std::size_t stride) {
  const Wide d;
  const std::size_t panels = stride / kPanel;
  for (std::size_t q = 0; q < panels; ++q) {
    const float* done = values + q * stride * kPanel;  // columns 0 .. 16 q - 1 of rows of panel q
    for (std::size_t p = q; p < panels; ++p) {
      float* rows = values + p * stride * kPanel;
      float* block = rows + q * kPanel * kPanel;
      if (q > 0) {
        tiles<Store::kSubtract>(kPanel, done, 1, kPanel, q * kPanel, {rows, 0, block, kPanel, 0});
      }
      if (p == q) {
        if (!factorize_diagonal(block)) return false;
        continue;
      }
      const float* triangle = done + q * kPanel * kPanel;  // (r, c) at 16 c + r
      for (std::size_t c = 0; c < kPanel; ++c) {
        V sum[kVectors];
        for (std::size_t v = 0; v < kVectors; ++v) {
          sum[v] = hn::Load(d, block + c * kPanel + v * kWidth);
        }
        for (std::size_t before = 0; before < c; ++before) {
          const V factor = hn::Set(d, triangle[before * kPanel + c]);
          for (std::size_t v = 0; v < kVectors; ++v) {
            sum[v] =
                hn::NegMulAdd(factor, hn::Load(d, block + before * kPanel + v * kWidth), sum[v]);
          }
        }
        const V inverse = hn::Set(d, 1 / triangle[c * kPanel + c]);
        for (std::size_t v = 0; v < kVectors; ++v) {
          hn::Store(hn::Mul(sum[v], inverse), d, block + c * kPanel + v * kWidth);
        }
      }
    }
  }
  return true;
}

HWY_INLINE float dot16(const float* a, const float* b) {
  const Wide d;
  V sum = hn::Zero(d);
  for (std::size_t j = 0; j < kPanel; j += kWidth) {
    sum = hn::MulAdd(hn::Load(d, a + j), hn::LoadU(d, b + j), sum);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void solve_kernel(const float* values, std::size_t stride, float* b) {
  const Wide d;
  const std::size_t panels = stride / kPanel;
  const auto column = [&](std::size_t p, std::size_t c) {
    return values + (p * stride + c) * kPanel;
  };
  for (std::size_t q = 0; q < panels; ++q) {
    float* y = b + q * kPanel;
    for (std::size_t c = 0; c < kPanel; ++c) {
      const float* l = column(q, q * kPanel + c);
      y[c] /= l[c];
      for (std::size_t r = c + 1; r < kPanel; ++r) y[r] -= l[r] * y[c];
    }
    for (std::size_t p = q + 1; p < panels; ++p) {
      float* rest = b + p * kPanel;
      for (std::size_t j = 0; j < kPanel; j += kWidth) {
        V sum = hn::LoadU(d, rest + j);
        for (std::size_t c = 0; c < kPanel; ++c) {
          sum = hn::NegMulAdd(hn::Set(d, y[c]), hn::Load(d, column(p, q * kPanel + c) + j), sum);
        }
        hn::StoreU(sum, d, rest + j);
      }
    }
  }
  for (std::size_t q = panels; q-- > 0;) {
    float* x = b + q * kPanel;
    for (std::size_t p = q + 1; p < panels; ++p) {
      for (std::size_t c = 0; c < kPanel; ++c) {
        x[c] -= dot16(column(p, q * kPanel + c), b + p * kPanel);
      }
    }
    for (std::size_t c = kPanel; c-- > 0;) {
      const float* l = column(q, q * kPanel + c);
      for (std::size_t r = c + 1; r < kPanel; ++r) x[c] -= l[r] * x[r];
      x[c] /= l[c];
    }
  }
}

}  // namespace penchant::models::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::models {

HWY_EXPORT(multiply_kernel);
HWY_EXPORT(add_weighted_kernel);
HWY_EXPORT(factorize_kernel);
HWY_EXPORT(solve_kernel);

namespace {
constexpr std::size_t kChunkRows = 128;  // kChunk above
}

PackedMatrix pack(const std::vector<double>& matrix, std::size_t f, std::size_t stride,
                  MatrixShape shape) {
  PackedMatrix out;
  out.stride = stride;
  out.panels.assign(out.stride * out.stride, 0.0F);
  for (std::size_t p = 0; p < out.stride / kPanel; ++p) {
    out.begin.push_back(shape == MatrixShape::kLower ? p * kPanel : 0);
    out.end.push_back(shape == MatrixShape::kUpper ? (p + 1) * kPanel : out.stride);
    for (std::size_t k = out.begin[p]; k < std::min(out.end[p], f); ++k) {
      for (std::size_t j = p * kPanel; j < std::min((p + 1) * kPanel, f); ++j) {
        out.panels[(p * out.stride + k) * kPanel + j - p * kPanel] =
            static_cast<float>(matrix[k * f + j]);
      }
    }
  }
  return out;
}

void multiply(const float* in, std::size_t rows, const PackedMatrix& matrix, float* out) {
  HWY_DYNAMIC_DISPATCH(multiply_kernel)(in, rows, matrix, out);
}

PanelSquare::PanelSquare(std::size_t stride)
    : stride_(stride),
      values_(stride * stride),
      left_(kChunkRows * stride),
      right_(kChunkRows * stride) {}

void PanelSquare::clear() { std::fill(values_.begin(), values_.end(), 0.0F); }

void PanelSquare::set_diagonal(const float* diagonal) {
  clear();
  for (std::size_t j = 0; j < stride_; ++j) {
    const std::size_t p = j / kPanel;
    values_[(p * stride_ + j) * kPanel + j % kPanel] = diagonal == nullptr ? 1.0F : diagonal[j];
  }
}

void PanelSquare::add_weighted(const float* const* rows, const float* weights, std::size_t count) {
  HWY_DYNAMIC_DISPATCH(add_weighted_kernel)
  (rows, weights, count, stride_, values_.data(), left_.data(), right_.data());
}

bool PanelSquare::factorize() {
  return HWY_DYNAMIC_DISPATCH(factorize_kernel)(values_.data(), stride_);
}

void PanelSquare::solve(float* b) const {
  HWY_DYNAMIC_DISPATCH(solve_kernel)(values_.data(), stride_, b);
}

void PanelSquare::add_lower_to(std::vector<double>& total, std::size_t f) const {
  for (std::size_t r = 0; r < f; ++r) {
    const float* panel = values_.data() + r / kPanel * stride_ * kPanel + r % kPanel;
    for (std::size_t c = 0; c <= r; ++c) {
      total[r * f + c] += static_cast<double>(panel[c * kPanel]);
    }
  }
}

}  // namespace penchant::models
#endif  // HWY_ONCE
