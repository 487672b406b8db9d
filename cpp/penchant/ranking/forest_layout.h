#pragma once

// A forest as the scoring kernels read it. Not for other modules: forest.h is.
//
//   const ForestLayout layout = lay_out(data);   // data: as check_forest lets through
//
// Values become bytes first. A column of bytes belongs to one feature and one rule for what is
// missing, and up to 254 thresholds that trees compare it with: its byte is the number of them that
// lie below the value, so that `value > threshold k` is `byte > k`, exactly. What is missing
// becomes the smallest or the largest byte, by the side that it goes to. A feature with more
// thresholds has several columns, and a set of categories has one of its own: 0 for its members,
// 255 for the others. So every split, whatever its kind, is one comparison of bytes. Bytes are kept
// less 128, as instructions compare them signed.
//
// Then a request of many rows meets all splits of a tree at once, without a branch (bits of leaves
// in planes of eight, after Ye et al., RapidScorer, KDD 2018), and a single row walks eight trees
// at a time, whose steps overlap.

#include <cstdint>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/ranking/forest_data.h"

namespace penchant::ranking {

inline constexpr std::size_t kBlockRows = 256;   // rows turned into bytes at a time
inline constexpr std::size_t kColumnCuts = 254;  // thresholds of a column at most
inline constexpr std::size_t kCutGroup = 16;     // thresholds compared at once
inline constexpr std::size_t kMaxColumns = 16'384;
inline constexpr std::size_t kMaxPlaneLeaves = 256;  // of trees that are met in planes
inline constexpr std::size_t kMaxNearLeaves = 128;   // of trees whose children are near by
inline constexpr std::size_t kTreesAtOnce = 8;       // that one row walks

struct ByteColumn {
  std::int32_t feature = 0;
  std::int32_t set = -1;  // of categories, or -1
  std::uint32_t first_cut =
      0;                     // into the tables of thresholds: a group of the groups' largest when
  std::uint32_t groups = 1;  // there are several, then the groups, filled up with infinity
  Missing missing = Missing::kNan;
  std::int8_t missing_byte = -128;
};

// One split against one plane of eight leaves: a byte above the threshold rules out leaves. Both
// are repeated four times, as a load can spread four bytes over a vector and not one.
struct PlaneSplit {
  std::uint32_t column = 0;  // times kBlockRows
  std::uint32_t limit = 0;
  std::uint32_t ruled_out = 0;
};

// A node to walk by: children lie side by side, and a leaf leads to itself.
struct NearNode {            // of trees of at most kMaxNearLeaves leaves
  std::uint16_t column = 0;  // of a leaf: its number in the tree
  std::int8_t threshold = 127;
  std::uint8_t step = 0;  // from here to the left child; one more to the right
};
struct FarNode {
  std::uint32_t child = 0;  // the left one's place
  std::uint16_t column = 0;
  std::int8_t threshold = 127;
};

enum class TreeShape : std::uint8_t { kNear, kFar, kPlain };  // plain: walked as ForestData has it

struct TreeLayout {
  std::uint32_t first_node = 0;   // of the near or the far ones
  std::uint32_t first_value = 0;  // leaves' values from left to right
  std::uint32_t first_plane = 0;
  std::uint16_t planes = 0;  // 0: has too many leaves for planes
  TreeShape shape = TreeShape::kPlain;
};

// Trees that follow each other and are treated alike.
struct TreeRun {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
};

struct ForestLayout {
  std::vector<ByteColumn> columns;  // those of sets last
  std::size_t numeric_columns = 0;
  AlignedVector<double> cuts;
  AlignedVector<float> float_cuts;  // each the largest float that is not above

  std::vector<TreeLayout> trees;
  std::vector<TreeRun> row_runs;    // at most kTreesAtOnce of one shape
  std::vector<TreeRun> block_runs;  // at most kTreesAtOnce, all with planes or all without
  AlignedVector<double> values;
  AlignedVector<NearNode> near_nodes;
  AlignedVector<FarNode> far_nodes;
  std::vector<std::uint32_t> far_values;   // of a far leaf's node: its place in `values`
  std::vector<std::uint32_t> plane_begin;  // [planes + 1], into splits
  AlignedVector<PlaneSplit> splits;
};

[[nodiscard]] ForestLayout lay_out(const ForestData& data);

}  // namespace penchant::ranking
