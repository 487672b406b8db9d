#pragma once

// Series as rows in a sorted list, with every total added up anew.

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "penchant/features/series.h"

namespace penchant::reference {

struct PlainRow {
  std::int64_t time = 0;
  std::uint32_t filters = 0;
  std::int32_t code = features::kNoCode;
  std::int64_t value = features::kNoNumber;
  friend bool operator==(const PlainRow&, const PlainRow&) = default;
};

class PlainSeries {
 public:
  explicit PlainSeries(features::SeriesLayout layout) : layout_(std::move(layout)) {}

  void insert(std::size_t key, const PlainRow& row) {
    if ((row.filters & layout_.filters) == 0) return;
    auto& rows = rows_[key];
    const auto later = [](std::int64_t time, const PlainRow& one) { return time < one.time; };
    rows.insert(std::upper_bound(rows.begin(), rows.end(), row.time, later), row);
  }
  bool remove(std::size_t key, const PlainRow& row) {
    if ((row.filters & layout_.filters) == 0) return true;
    auto& rows = rows_[key];
    const auto at = std::find(rows.begin(), rows.end(), row);
    if (at == rows.end()) return false;
    rows.erase(at);
    return true;
  }

  [[nodiscard]] const std::vector<PlainRow>& rows(std::size_t key) { return rows_[key]; }

  // Of kDistinct, among the rows `begin` to `end` - 1.
  [[nodiscard]] std::size_t distinct(std::size_t key, const features::Measure& measure,
                                     std::size_t begin, std::size_t end) {
    const auto& rows = rows_[key];
    std::set<std::int32_t> codes;
    for (std::size_t i = begin; i < end; ++i) {
      if ((rows[i].filters >> measure.filter & 1U) != 0 && rows[i].code >= 0) {
        codes.insert(rows[i].code);
      }
    }
    return codes.size();
  }

  [[nodiscard]] std::int64_t total(std::size_t key, const features::Measure& measure,
                                   std::size_t count) {
    using Kind = features::Measure::Kind;
    const auto& rows = rows_[key];
    std::int64_t out = 0;
    if (measure.kind == Kind::kLast) out = -1;
    if (measure.kind == Kind::kLowest || measure.kind == Kind::kHighest) out = features::kNoNumber;
    std::set<std::int32_t> codes;
    const features::DecayedSum decayed{measure.half_life};
    for (std::size_t i = 0; i < count; ++i) {
      const PlainRow& row = rows[i];
      if (measure.kind == Kind::kDecayed && i > 0) {
        out = decayed.advance(out, rows[i - 1].time, row.time);
      }
      if ((row.filters >> measure.filter & 1U) == 0) continue;
      const bool one = measure.value == features::Measure::kOne;
      const std::int64_t x = one ? features::kUnit : row.value;
      const bool known = x != features::kNoNumber;
      switch (measure.kind) {
        case Kind::kCount:
          ++out;
          break;
        case Kind::kKnown:
          out += known ? 1 : 0;
          break;
        case Kind::kSum:
          out += known ? x : 0;
          break;
        case Kind::kLast:
          out = static_cast<std::int64_t>(i);
          break;
        case Kind::kDistinct:
          if (row.code >= 0) codes.insert(row.code);
          out = static_cast<std::int64_t>(codes.size());
          break;
        case Kind::kDecayed:
          if (known) out += decayed.term(x, row.time);
          break;
        case Kind::kLowest:
        case Kind::kHighest:
          if (!known) break;
          if (out == features::kNoNumber || (measure.kind == Kind::kLowest) == (x < out)) out = x;
          break;
      }
    }
    return out;
  }

 private:
  features::SeriesLayout layout_;
  std::map<std::size_t, std::vector<PlainRow>> rows_;
};

}  // namespace penchant::reference
