#include "penchant/ranking/forest_score.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "penchant/ranking/forest_kernels.h"
#include "penchant/ranking/split_decision.h"

namespace penchant::ranking {
namespace {

// From so many rows on, planes of vectors cost less than walking row by row (measured).
constexpr std::size_t kRowsForPlanes = 4;
// A row that visits few splits need not have all its values turned into bytes.
constexpr std::size_t kColumnsATree = 8;

struct Scratch {
  AlignedVector<std::int8_t> bytes;
  std::array<std::uint8_t, kTreesAtOnce * kPlaneRows> leaves;
};

Scratch& scratch_for(std::size_t bytes) {
  thread_local Scratch scratch;
  if (scratch.bytes.size() < bytes) scratch.bytes.resize(bytes);
  return scratch;
}

// What the kernels know of one call.
template <class T>
struct Call {
  const ForestData& data;
  const ForestLayout& layout;
  MatrixView<const T> rows;
  std::span<double> scores;
  std::size_t outputs;

  [[nodiscard]] double& score(std::size_t row, std::size_t tree) const {
    return scores[row * outputs + tree % outputs];
  }
  [[nodiscard]] double value(std::size_t row, std::int32_t feature) const {
    return input_value(
        data,
        static_cast<double>(rows.data[row * rows.columns + static_cast<std::size_t>(feature)]));
  }
};

template <class T>
void fill_bytes(const Call<T>& call, std::size_t first, std::size_t count, std::size_t stride,
                std::int8_t* bytes) {
  const ForestLayout& layout = call.layout;
  const T* const rows = call.rows.data + first * call.rows.columns;
  if constexpr (std::is_same_v<T, float>) {
    bytes_of_rows(layout, rows, count, call.rows.columns, stride, bytes);
  } else {
    bytes_of_rows(layout, rows, count, call.rows.columns, call.data.float32_inputs, stride, bytes);
  }
  for (std::size_t c = layout.numeric_columns; c < layout.columns.size(); ++c) {
    const ByteColumn& column = layout.columns[c];
    for (std::size_t i = 0; i < count; ++i) {
      const double x = call.value(first + i, column.feature);
      bytes[c * stride + i] = std::isnan(x)                         ? column.missing_byte
                              : is_member(call.data, column.set, x) ? std::int8_t{-128}
                                                                    : std::int8_t{127};
    }
  }
}

// kWalks walks side by side, so that the steps of one hide the waits of another: of one row through
// many trees, or of many rows through one tree. Each ends where a leaf leads to itself.
template <std::size_t kWalks, class Step>
void walk(std::array<std::uint32_t, kWalks>& at, const Step& step) {
  for (;;) {
    for (int s = 0; s < 3; ++s) {
      for (std::size_t w = 0; w < kWalks; ++w) at[w] = step(w, at[w]);
    }
    std::uint32_t moved = 0;
    for (std::size_t w = 0; w < kWalks; ++w) {
      const std::uint32_t next = step(w, at[w]);
      moved |= next ^ at[w];
      at[w] = next;
    }
    if (moved == 0) return;
  }
}

template <std::size_t kWalks>
void walk_near(const ForestLayout& layout, const TreeRun& run, const std::int8_t* bytes,
               std::array<double, kTreesAtOnce>& values) {
  const NearNode* const nodes = layout.near_nodes.data();
  for (std::size_t first = 0; first + kWalks <= run.count; first += kWalks) {
    const TreeLayout* const trees = layout.trees.data() + run.first + first;
    std::array<std::uint32_t, kWalks> at;
    for (std::size_t w = 0; w < kWalks; ++w) at[w] = trees[w].first_node;
    walk(at, [&](std::size_t, std::uint32_t n) {
      const NearNode node = nodes[n];
      return n + node.step + static_cast<std::uint32_t>(bytes[node.column] > node.threshold);
    });
    for (std::size_t w = 0; w < kWalks; ++w) {
      values[first + w] = layout.values[trees[w].first_value + nodes[at[w]].column];
    }
  }
}

template <std::size_t kWalks>
void walk_far(const ForestLayout& layout, const TreeRun& run, const std::int8_t* bytes,
              std::array<double, kTreesAtOnce>& values) {
  const FarNode* const nodes = layout.far_nodes.data();
  for (std::size_t first = 0; first + kWalks <= run.count; first += kWalks) {
    std::array<std::uint32_t, kWalks> at;
    for (std::size_t w = 0; w < kWalks; ++w) at[w] = layout.trees[run.first + first + w].first_node;
    walk(at, [&](std::size_t, std::uint32_t n) {
      const FarNode node = nodes[n];
      return node.child + static_cast<std::uint32_t>(bytes[node.column] > node.threshold);
    });
    for (std::size_t w = 0; w < kWalks; ++w) {
      values[first + w] = layout.values[layout.far_values[at[w]]];
    }
  }
}

template <class T>
double plain_value(const Call<T>& call, std::size_t row, std::size_t tree) {
  return call.data.leaves[leaf_of(call.data, tree,
                                  [&](std::int32_t feature) { return call.value(row, feature); })];
}

template <class T>
void score_row(const Call<T>& call, std::size_t row, const std::int8_t* bytes) {
  const ForestLayout& layout = call.layout;
  std::array<double, kTreesAtOnce> values;
  for (const TreeRun& run : layout.row_runs) {
    const bool whole = run.count == kTreesAtOnce;
    switch (layout.trees[run.first].shape) {
      case TreeShape::kNear:
        whole ? walk_near<kTreesAtOnce>(layout, run, bytes, values)
              : walk_near<1>(layout, run, bytes, values);
        break;
      case TreeShape::kFar:
        whole ? walk_far<kTreesAtOnce>(layout, run, bytes, values)
              : walk_far<1>(layout, run, bytes, values);
        break;
      case TreeShape::kPlain:
        for (std::size_t t = 0; t < run.count; ++t) {
          values[t] = plain_value(call, row, run.first + t);
        }
        break;
    }
    for (std::size_t t = 0; t < run.count; ++t) call.score(row, run.first + t) += values[t];
  }
}

// The leaves' values of up to kTreesAtOnce trees, added row by row in the order of the trees.
template <std::size_t kTrees, class T>
void add_leaves(const Call<T>& call, std::size_t tree, std::size_t first, std::size_t count,
                const std::uint8_t* leaves) {
  std::array<const double*, kTrees> values;
  for (std::size_t t = 0; t < kTrees; ++t) {
    values[t] = call.layout.values.data() + call.layout.trees[tree + t].first_value;
  }
  double* const scores = call.scores.data() + first * call.outputs + tree % call.outputs;
  for (std::size_t i = 0; i < count; ++i) {
    double sum = scores[i * call.outputs];
    for (std::size_t t = 0; t < kTrees; ++t) sum += values[t][leaves[t * kPlaneRows + i]];
    scores[i * call.outputs] = sum;
  }
}

template <class T>
void add_planes(const Call<T>& call, const TreeRun& run, const std::int8_t* bytes,
                std::uint8_t* leaves) {
  for (std::size_t first = 0; first < call.rows.rows; first += kPlaneRows) {
    const std::size_t count = std::min(kPlaneRows, call.rows.rows - first);
    leaves_by_planes(call.layout, run, bytes + first, count, leaves);
    if (call.outputs == 1 && run.count == kTreesAtOnce) {
      add_leaves<kTreesAtOnce>(call, run.first, first, count, leaves);
      continue;
    }
    for (std::size_t t = 0; t < run.count; ++t) {
      add_leaves<1>(call, run.first + t, first, count, leaves + t * kPlaneRows);
    }
  }
}

// A tree that is too large for planes: many rows walk it side by side.
template <std::size_t kWalks, class Node, class T, class Next, class Value>
std::size_t walk_rows(const Call<T>& call, std::size_t tree, std::size_t from, const Node* nodes,
                      const std::int8_t* bytes, const Next& next, const Value& value) {
  std::size_t row = from;
  for (; row + kWalks <= call.rows.rows; row += kWalks) {
    std::array<std::uint32_t, kWalks> at;
    at.fill(call.layout.trees[tree].first_node);
    walk(at, [&](std::size_t w, std::uint32_t n) {
      const Node node = nodes[n];
      const std::int8_t byte = bytes[node.column * kBlockRows + row + w];
      return next(n, node) + static_cast<std::uint32_t>(byte > node.threshold);
    });
    for (std::size_t w = 0; w < kWalks; ++w) call.score(row + w, tree) += value(at[w]);
  }
  return row;
}

template <class T>
void add_walked(const Call<T>& call, std::size_t tree, const std::int8_t* bytes) {
  const ForestLayout& layout = call.layout;
  const auto rows = [&](const auto* nodes, const auto& next, const auto& value) {
    const std::size_t done = walk_rows<8>(call, tree, 0, nodes, bytes, next, value);
    walk_rows<1>(call, tree, done, nodes, bytes, next, value);
  };
  if (layout.trees[tree].shape == TreeShape::kNear) {
    const double* const values = layout.values.data() + layout.trees[tree].first_value;
    rows(
        layout.near_nodes.data(), [](std::uint32_t n, NearNode node) { return n + node.step; },
        [&](std::uint32_t n) { return values[layout.near_nodes[n].column]; });
  } else {
    rows(
        layout.far_nodes.data(), [](std::uint32_t, FarNode node) { return node.child; },
        [&](std::uint32_t n) { return layout.values[layout.far_values[n]]; });
  }
}

template <class T>
void score_block(const Call<T>& call, const std::int8_t* bytes, std::uint8_t* leaves) {
  for (const TreeRun& run : call.layout.block_runs) {
    const TreeLayout& tree = call.layout.trees[run.first];
    if (tree.planes > 0) {
      add_planes(call, run, bytes, leaves);
      continue;
    }
    for (std::size_t t = run.first; t < run.first + run.count; ++t) {
      if (tree.shape != TreeShape::kPlain) {
        add_walked(call, t, bytes);
        continue;
      }
      for (std::size_t i = 0; i < call.rows.rows; ++i) call.score(i, t) += plain_value(call, i, t);
    }
  }
}

}  // namespace

template <class T>
void add_trees(const ForestData& data, const ForestLayout& layout, MatrixView<const T> rows,
               std::span<double> scores) {
  const Call<T> call{data, layout, rows, scores, data.outputs()};
  const std::size_t columns = layout.columns.size();
  if (rows.rows >= kRowsForPlanes) {
    Scratch& scratch = scratch_for(std::max(columns, kMaxNearLeaves) * kBlockRows);
    fill_bytes(call, 0, rows.rows, kBlockRows, scratch.bytes.data());
    score_block(call, scratch.bytes.data(), scratch.leaves.data());
    return;
  }
  if (columns > kColumnsATree * layout.trees.size()) {
    for (std::size_t t = 0; t < layout.trees.size(); ++t) {
      for (std::size_t i = 0; i < rows.rows; ++i) call.score(i, t) += plain_value(call, i, t);
    }
    return;
  }
  Scratch& scratch = scratch_for(std::max(columns, kMaxNearLeaves));
  for (std::size_t i = 0; i < rows.rows; ++i) {
    fill_bytes(call, i, 1, 1, scratch.bytes.data());
    score_row(call, i, scratch.bytes.data());
  }
}

template void add_trees(const ForestData&, const ForestLayout&, MatrixView<const float>,
                        std::span<double>);
template void add_trees(const ForestData&, const ForestLayout&, MatrixView<const double>,
                        std::span<double>);

}  // namespace penchant::ranking
