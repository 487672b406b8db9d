#pragma once

// A leaf's rows, split in two.
//
// A list of entries is cut into stripes once a tree, and a leaf's rows are a range of each stripe.
// Stripes are split each by itself, in place of the leaf's range in another list: threads share a
// large leaf without a count beforehand, a copy, or a word between them.

#include <cstddef>
#include <span>
#include <vector>

#include "penchant/base/crew.h"
#include "penchant/ranking/bin_tree.h"
#include "penchant/ranking/gradient_pairs.h"

namespace penchant::ranking {

struct EntryRange {
  std::size_t begin = 0;
  std::size_t end = 0;

  [[nodiscard]] std::size_t size() const { return end - begin; }
};

// Of a list, ascending, none empty.
using EntryRanges = std::vector<EntryRange>;

// Stripes of a list of `size` entries, as many as `threads` share out well.
EntryRanges cut_into_stripes(std::size_t size, int threads);

struct Halves {
  EntryRanges left;
  EntryRanges right;
  std::size_t left_rows = 0;
};

// Writes each range's entries to its place in `to` [from.size()], those that go left first. The
// left ones stay in the order of rows, the others' order is reversed, so that what is read for
// them later is read in the order of memory. O(entries).
Halves partition_entries(std::span<const Entry> from, const EntryRanges& ranges,
                         const std::uint8_t* column, const BinDecision& decision, Crew& crew,
                         std::span<Entry> to);

}  // namespace penchant::ranking
