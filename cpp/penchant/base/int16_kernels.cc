#include "penchant/base/int16_kernels.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "penchant/base/int16_kernels.cc"
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace penchant::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_ARCH_X86 && !HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR

using Sums = hn::CappedTag<std::int32_t, kStripRows>;
using Pairs = hn::Repartition<std::int16_t, Sums>;
constexpr std::size_t kWidth = hn::MaxLanes(Sums());
constexpr std::size_t kParts = kStripRows / kWidth;  // vectors a strip's sums take
// As many queries as leave their sums in registers.
constexpr std::size_t kQueriesAtOnce = kParts == 1 ? 8 : kParts == 2 ? 6 : 2;

template <std::size_t kQueries>
HWY_INLINE void multiply(const std::int16_t* HWY_RESTRICT strip, std::size_t columns,
                         const std::int16_t* const* queries, std::int32_t* const* outs,
                         std::size_t at) {
  const Sums d;
  const Pairs pairs;
  hn::Vec<Sums> sum[kQueries][kParts];
#pragma GCC unroll 8
  for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kParts; ++p) sum[q][p] = hn::Zero(d);
  }
  const std::int16_t* query[kQueries];
#pragma GCC unroll 8
  for (std::size_t q = 0; q < kQueries; ++q) query[q] = queries[q];
  auto unused = hn::Zero(d);
  for (std::size_t j = 0; j < columns; j += 8) {
#pragma GCC unroll 4
    for (std::size_t step = 0; step < 8; step += 2) {
#pragma GCC unroll 8
      for (std::size_t q = 0; q < kQueries; ++q) {
        std::int32_t both = 0;  // two neighbouring numbers of the query, for every lane
        std::memcpy(&both, query[q] + j + step, sizeof(both));
        const auto x = hn::BitCast(pairs, hn::Set(d, both));
#pragma GCC unroll 4
        for (std::size_t p = 0; p < kParts; ++p) {
          const auto y = hn::Load(pairs, strip + (j + step) * kStripRows + p * 2 * kWidth);
          sum[q][p] = hn::ReorderWidenMulAccumulate(d, x, y, sum[q][p], unused);
          // GCC would regroup these sums of integers and run out of registers.
          asm("" : "+v"(sum[q][p].raw));
        }
      }
    }
  }
#pragma GCC unroll 8
  for (std::size_t q = 0; q < kQueries; ++q) {
#pragma GCC unroll 4
    for (std::size_t p = 0; p < kParts; ++p) {
      hn::StoreU(sum[q][p], d, outs[q] + at + p * kWidth);
    }
  }
}

void products_kernel(const std::int16_t* strips, std::size_t count, std::size_t columns,
                     const std::int16_t* const* queries, std::size_t num_queries,
                     std::int32_t* const* outs) {
  for (std::size_t s = 0; s < count; ++s) {
    const std::int16_t* strip = strips + s * columns * kStripRows;
    std::size_t q = 0;
    for (; q + kQueriesAtOnce <= num_queries; q += kQueriesAtOnce) {
      multiply<kQueriesAtOnce>(strip, columns, queries + q, outs + q, s * kStripRows);
    }
    for (; q < num_queries; ++q) {
      multiply<1>(strip, columns, queries + q, outs + q, s * kStripRows);
    }
  }
}

#else

void products_kernel(const std::int16_t* strips, std::size_t count, std::size_t columns,
                     const std::int16_t* const* queries, std::size_t num_queries,
                     std::int32_t* const* outs) {
  for (std::size_t s = 0; s < count; ++s) {
    const std::int16_t* strip = strips + s * columns * kStripRows;
    for (std::size_t q = 0; q < num_queries; ++q) {
      std::int32_t sum[kStripRows] = {};
      for (std::size_t j = 0; j < columns; j += 2) {
        for (std::size_t i = 0; i < kStripRows; ++i) {
          const std::int16_t* pair = strip + j * kStripRows + 2 * i;
          sum[i] += std::int32_t{queries[q][j]} * pair[0];
          sum[i] += std::int32_t{queries[q][j + 1]} * pair[1];
        }
      }
      std::copy_n(sum, kStripRows, outs[q] + s * kStripRows);
    }
  }
}

#endif

}  // namespace penchant::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "penchant/base/error.h"

namespace penchant {

HWY_EXPORT(products_kernel);

void int16_products(std::span<const std::int16_t> strips, std::size_t columns,
                    std::span<const std::int16_t* const> queries,
                    std::span<std::int32_t* const> outs) {
  check_argument(
      columns > 0 && columns % kStripColumns == 0 && strips.size() % (columns * kStripRows) == 0,
      "int16_products: ", strips.size(), " numbers are no strips of ", columns, " columns");
  check_argument(queries.size() == outs.size(), "int16_products: ", queries.size(), " queries but ",
                 outs.size(), " outputs");
  HWY_DYNAMIC_DISPATCH(products_kernel)
  (strips.data(), strips.size() / (columns * kStripRows), columns, queries.data(), queries.size(),
   outs.data());
}

}  // namespace penchant
#endif  // HWY_ONCE
