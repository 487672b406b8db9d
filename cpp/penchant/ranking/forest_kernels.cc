#include "penchant/ranking/forest_kernels.h"

#include <algorithm>
#include <cmath>

#include "penchant/ranking/split_decision.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/ranking/forest_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::ranking::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// How many of a group of thresholds lie below x.
template <class T>
HWY_INLINE std::size_t count_below(const T* group, T x) {
  const hn::CappedTag<T, kCutGroup> d;
  const auto value = hn::Set(d, x);
  std::size_t count = 0;
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kCutGroup; i += hn::Lanes(d)) {
    count += hn::CountTrue(d, hn::Gt(value, hn::Load(d, group + i)));
  }
  return count;
}

template <class In, class T>
HWY_INLINE void bytes_of_column(const ByteColumn& column, const T* cuts, const In* values,
                                std::size_t count, std::size_t width, std::int8_t* bytes) {
  const T* const groups = column.groups > 1 ? cuts + kCutGroup : cuts;
  const bool zero_is_missing = column.missing == Missing::kZero;
  for (std::size_t i = 0; i < count; ++i) {
    auto x = static_cast<T>(values[i * width]);
    if (HWY_UNLIKELY(x != x)) {
      if (column.missing != Missing::kNone) {
        bytes[i] = column.missing_byte;
        continue;
      }
      x = 0;
    }
    if (zero_is_missing && is_missing(Missing::kZero, static_cast<double>(x))) {
      bytes[i] = column.missing_byte;
      continue;
    }
    std::size_t below = 0;
    if (column.groups > 1) {
      const std::size_t group = count_below(cuts, x);
      below = group * kCutGroup + count_below(groups + group * kCutGroup, x);
    } else {
      below = count_below(groups, x);
    }
    bytes[i] = static_cast<std::int8_t>(static_cast<int>(below) - 128);
  }
}

constexpr std::size_t kNearRows = 64;  // whose values stay in the first cache for all columns

template <class In, class T>
HWY_INLINE void bytes_of_columns(const ForestLayout& layout, const T* cuts, const In* rows,
                                 std::size_t count, std::size_t width, std::size_t stride,
                                 std::int8_t* bytes) {
  for (std::size_t i = 0; i < count; i += kNearRows) {
    for (std::size_t c = 0; c < layout.numeric_columns; ++c) {
      const ByteColumn& column = layout.columns[c];
      bytes_of_column(column, cuts + column.first_cut, rows + i * width + column.feature,
                      std::min(kNearRows, count - i), width, bytes + c * stride + i);
    }
  }
}

void float_bytes_kernel(const ForestLayout& layout, const float* rows, std::size_t count,
                        std::size_t width, std::size_t stride, std::int8_t* bytes) {
  bytes_of_columns(layout, layout.float_cuts.data(), rows, count, width, stride, bytes);
}

void double_bytes_kernel(const ForestLayout& layout, const double* rows, std::size_t count,
                         std::size_t width, std::size_t stride, std::int8_t* bytes) {
  bytes_of_columns(layout, layout.cuts.data(), rows, count, width, stride, bytes);
}

void rounded_bytes_kernel(const ForestLayout& layout, const double* rows, std::size_t count,
                          std::size_t width, std::size_t stride, std::int8_t* bytes) {
  bytes_of_columns(layout, layout.float_cuts.data(), rows, count, width, stride, bytes);
}

using Bytes = hn::CappedTag<std::int8_t, 64>;
constexpr std::size_t kMaxVectors = kPlaneRows / hn::MaxLanes(Bytes());

// The place of the lowest bit that is not set in each byte, which is not all ones.
template <class V>
HWY_INLINE V lowest_clear_bit(V bits) {
  const hn::RebindToUnsigned<Bytes> d;
  alignas(16) static constexpr std::uint8_t kLowest[16] = {0, 1, 0, 2, 0, 1, 0, 3,
                                                           0, 1, 0, 2, 0, 1, 0, 4};
  const auto table = hn::LoadDup128(d, kLowest);
  const auto nibble = hn::Set(d, std::uint8_t{15});
  const auto unsigned_bits = hn::BitCast(d, bits);
  const auto low = hn::TableLookupBytes(table, hn::And(unsigned_bits, nibble));
  const auto high = hn::TableLookupBytes(table, hn::And(hn::ShiftRight<4>(unsigned_bits), nibble));
  const auto four = hn::Set(d, std::uint8_t{4});
  return hn::BitCast(Bytes(), hn::IfThenElse(hn::Eq(low, four), hn::Add(high, four), low));
}

template <std::size_t kVectors>
HWY_INLINE void leaves_of_tree(const ForestLayout& layout, const TreeLayout& tree,
                               const std::int8_t* HWY_RESTRICT bytes, std::uint8_t* leaves) {
  const Bytes d;
  const hn::Repartition<std::uint32_t, Bytes> words;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<Bytes> found[kVectors];  // of the first plane with a leaf left: what is ruled out there
  hn::Vec<Bytes> first[kVectors];  // that plane's first leaf
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kVectors; ++v) found[v] = first[v] = hn::Zero(d);
  const auto all = hn::Set(d, std::int8_t{-1});
  for (std::size_t p = tree.planes; p-- > 0;) {
    hn::Vec<Bytes> ruled_out[kVectors];
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) ruled_out[v] = hn::Zero(d);
    const PlaneSplit* split = layout.splits.data() + layout.plane_begin[tree.first_plane + p];
    const PlaneSplit* const end =
        layout.splits.data() + layout.plane_begin[tree.first_plane + p + 1];
    for (; split < end; ++split) {
      const auto limit = hn::BitCast(d, hn::Set(words, split->limit));
      const auto bits = hn::BitCast(d, hn::Set(words, split->ruled_out));
      const std::int8_t* const column = bytes + split->column;
#pragma GCC unroll 8
      for (std::size_t v = 0; v < kVectors; ++v) {
        // This way round the load is a part of the comparison.
        const auto left = hn::Gt(limit, hn::LoadU(d, column + v * lanes));
        ruled_out[v] = hn::Or(ruled_out[v], hn::IfThenZeroElse(left, bits));
      }
    }
    const auto leaf = hn::Set(d, static_cast<std::int8_t>(p * 8));
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kVectors; ++v) {
      const auto none = hn::Eq(ruled_out[v], all);
      found[v] = hn::IfThenElse(none, found[v], ruled_out[v]);
      first[v] = hn::IfThenElse(none, first[v], leaf);
    }
  }
#pragma GCC unroll 8
  for (std::size_t v = 0; v < kVectors; ++v) {
    hn::StoreU(
        hn::BitCast(hn::RebindToUnsigned<Bytes>(), hn::Add(first[v], lowest_clear_bit(found[v]))),
        hn::RebindToUnsigned<Bytes>(), leaves + v * lanes);
  }
}

template <std::size_t kVectors>
HWY_INLINE void leaves_of_run(const ForestLayout& layout, const TreeRun& run,
                              const std::int8_t* bytes, std::uint8_t* leaves) {
  for (std::size_t t = 0; t < run.count; ++t) {
    leaves_of_tree<kVectors>(layout, layout.trees[run.first + t], bytes, leaves + t * kPlaneRows);
  }
}

void leaves_kernel(const ForestLayout& layout, const TreeRun& run, const std::int8_t* bytes,
                   std::size_t count, std::uint8_t* leaves) {
  const std::size_t lanes = hn::Lanes(Bytes());
  for (std::size_t i = 0; i < count;) {
    const std::size_t left = (count - i + lanes - 1) / lanes;
    // The most vectors at once whose states fit into registers.
    if (kMaxVectors >= 4 && left > 2) {
      leaves_of_run<4>(layout, run, bytes + i, leaves + i);
      i += 4 * lanes;
    } else if (left > 1) {
      leaves_of_run<2>(layout, run, bytes + i, leaves + i);
      i += 2 * lanes;
    } else {
      leaves_of_run<1>(layout, run, bytes + i, leaves + i);
      i += lanes;
    }
  }
}

}  // namespace penchant::ranking::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace penchant::ranking {
HWY_EXPORT(float_bytes_kernel);
HWY_EXPORT(double_bytes_kernel);
HWY_EXPORT(rounded_bytes_kernel);
HWY_EXPORT(leaves_kernel);

void bytes_of_rows(const ForestLayout& layout, const float* rows, std::size_t count,
                   std::size_t width, std::size_t stride, std::int8_t* bytes) {
  HWY_DYNAMIC_DISPATCH(float_bytes_kernel)(layout, rows, count, width, stride, bytes);
}

void bytes_of_rows(const ForestLayout& layout, const double* rows, std::size_t count,
                   std::size_t width, bool round, std::size_t stride, std::int8_t* bytes) {
  if (round) {
    HWY_DYNAMIC_DISPATCH(rounded_bytes_kernel)(layout, rows, count, width, stride, bytes);
  } else {
    HWY_DYNAMIC_DISPATCH(double_bytes_kernel)(layout, rows, count, width, stride, bytes);
  }
}

void leaves_by_planes(const ForestLayout& layout, const TreeRun& run, const std::int8_t* bytes,
                      std::size_t count, std::uint8_t* leaves) {
  HWY_DYNAMIC_DISPATCH(leaves_kernel)(layout, run, bytes, count, leaves);
}

}  // namespace penchant::ranking
#endif  // HWY_ONCE
