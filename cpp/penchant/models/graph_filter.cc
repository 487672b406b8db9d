#include "penchant/models/graph_filter.h"

#include <algorithm>
#include <cmath>

#include "penchant/base/parallel.h"
#include "penchant/models/gram.h"
#include "penchant/models/singular_vectors.h"
#include "penchant/models/training_kernels.h"

namespace penchant::models {
namespace {

constexpr std::size_t kLanes = 16;  // items that are sharpened together
constexpr std::size_t kBlockItems = 4 * kLanes;
constexpr std::size_t kBlocksPerStep = 16;

void check_exponent(const char* name, double value) {
  check_argument(value >= 0 && value <= 2, "GraphFilter: ", name, " must be in [0, 2], not ",
                 value);
}

void validate(const GraphFilterParameters& p) {
  check_argument(p.components >= 0 && p.components <= 4096,
                 "GraphFilter: components must be 0 to 4096, not ", p.components);
  check_argument(p.low_pass_weight >= 0 && std::isfinite(p.low_pass_weight),
                 "GraphFilter: low_pass_weight must be 0 or more, not ", p.low_pass_weight);
  check_exponent("user_exponent", p.user_exponent);
  check_exponent("item_exponent", p.item_exponent);
  check_exponent("target_exponent", p.target_exponent);
  check_argument(p.sharpen >= 0 && p.sharpen <= 10, "GraphFilter: sharpen must be 0 to 10, not ",
                 p.sharpen);
}

// N without its users' part, W = R D_I^-item_exponent, beside D_U^-user_exponent, so that
// N^T N = W^T D W; and D_I itself.
struct Graph {
  WeightedPairs w;
  std::vector<double> item_degree;
};

Graph make_graph(const data::Interactions& pairs, Timestamp as_of, const GraphFilterParameters& p) {
  Graph out;
  out.w = weighted_pairs(pairs, as_of, p.weighting, p.user_exponent);
  out.item_degree.resize(pairs.num_items());
  for (std::size_t i = 0; i < pairs.num_items(); ++i) {
    for (const float v : out.w.items.row_value(i)) out.item_degree[i] += static_cast<double>(v);
  }
  const std::vector<float> scale = degree_scale(out.w.items, p.item_exponent);
  for (std::size_t k = 0; k < out.w.users.index.size(); ++k) {
    out.w.users.value[k] *= scale[static_cast<std::size_t>(out.w.users.index[k])];
  }
  out.w.items = transpose(out.w.users, pairs.num_items());
  return out;
}

// N with its users' part, both ways, before the division by s1.
SparsePair normalized(const WeightedPairs& w) {
  SparsePair out;
  out.rows = w.users;
  for (std::size_t u = 0; u < out.rows.rows(); ++u) {
    const float root = std::sqrt(w.user_scale[u]);
    for (std::int64_t k = out.rows.offsets[u]; k < out.rows.offsets[u + 1]; ++k) {
      out.rows.value[static_cast<std::size_t>(k)] *= root;
    }
  }
  out.columns = transpose(out.rows, w.num_items());
  return out;
}

// degree^exponent, 0 for an item of no weight.
std::vector<float> power_of(const std::vector<double>& degree, double exponent) {
  std::vector<float> out(degree.size(), 0.0F);
  for (std::size_t i = 0; i < degree.size(); ++i) {
    if (degree[i] > 0) out[i] = static_cast<float>(std::pow(degree[i], exponent));
  }
  return out;
}

void scale_rows(Matrix<float>& m, const std::vector<float>& factor) {
  for (std::size_t i = 0; i < m.rows(); ++i) {
    for (float& v : m.row(i)) v *= factor[i];
  }
}

// The rows of N^T N (I - sharpen N^T N) D^(item - target), cut to `keep` entries.
class HopRows {
 public:
  HopRows(const Graph& graph, const SparsePair& n, double square, const GraphFilterParameters& p)
      : graph_(graph),
        n_(n),
        inverse_square_(square > 0 ? 1 / square : 0),
        post_(power_of(graph.item_degree, p.item_exponent - p.target_exponent)),
        p_(p) {}

  // Rows [begin, end) into `out`.
  void compute(std::size_t begin, std::size_t end, std::vector<std::vector<Scored>>& out) const {
    GramColumn column(graph_.w);
    std::vector<Scored> scratch;
    if (p_.sharpen == 0) {
      for (std::size_t i = begin; i < end; ++i) {
        column.compute(i);
        scratch.clear();
        for (const std::int32_t j : column.touched()) {
          push(column[static_cast<std::size_t>(j)] * inverse_square_, j, scratch);
        }
        out[i] = cut(scratch);
      }
      return;
    }
    AlignedVector<float> hop(graph_.w.num_items() * kLanes);
    AlignedVector<float> sharp(hop.size());
    for (std::size_t first = begin; first < end; first += kLanes) {
      const std::size_t count = std::min(kLanes, end - first);
      fill_hops(first, count, column, hop);
      subtract_blur(hop, sharp);
      for (std::size_t t = 0; t < count; ++t) {
        scratch.clear();
        for (std::size_t j = 0; j < graph_.w.num_items(); ++j) {
          push(static_cast<double>(sharp[j * kLanes + t]), static_cast<std::int32_t>(j), scratch);
        }
        out[first + t] = cut(scratch);
      }
    }
  }

 private:
  void push(double value, std::int32_t j, std::vector<Scored>& scratch) const {
    const float score = static_cast<float>(value) * post_[static_cast<std::size_t>(j)];
    if (score != 0) scratch.push_back({score, j});
  }

  std::vector<Scored> cut(std::vector<Scored>& scratch) const {
    return largest_entries(scratch, p_.keep == 0 ? scratch.size() : p_.keep);
  }

  // hop[j * 16 + t] = (N^T N)[first + t, j]
  void fill_hops(std::size_t first, std::size_t count, GramColumn& column,
                 AlignedVector<float>& hop) const {
    std::fill(hop.begin(), hop.end(), 0.0F);
    for (std::size_t t = 0; t < count; ++t) {
      column.compute(first + t);
      for (const std::int32_t j : column.touched()) {
        const auto at = static_cast<std::size_t>(j);
        hop[at * kLanes + t] = static_cast<float>(column[at] * inverse_square_);
      }
    }
  }

  // sharp = hop - sharpen * N^T N hop, for sixteen rows at once, through the users.
  void subtract_blur(const AlignedVector<float>& hop, AlignedVector<float>& sharp) const {
    std::copy(hop.begin(), hop.end(), sharp.begin());
    const auto factor = static_cast<float>(-p_.sharpen * inverse_square_);
    alignas(64) float lanes[kLanes];
    for (std::size_t u = 0; u < n_.rows.rows(); ++u) {
      const auto index = n_.rows.row_index(u);
      const auto value = n_.rows.row_value(u);
      gather_lanes(index.data(), value.data(), index.size(), hop.data(), lanes);
      for (float& lane : lanes) lane *= factor;
      scatter_lanes(index.data(), value.data(), index.size(), lanes, sharp.data());
    }
  }

  const Graph& graph_;
  const SparsePair& n_;
  double inverse_square_;  // 1 / s1^2
  std::vector<float> post_;
  const GraphFilterParameters& p_;
};

// left . right = weight D^-item V V^T D^item (I - sharpen N^T N) D^(item - target)
void add_low_pass(ItemOperatorModel::Parts& parts, const Graph& graph, const SparsePair& n,
                  SingularVectors top, const GraphFilterParameters& p) {
  const std::size_t found = top.squares.size();
  if (found == 0 || p.components == 0 || p.low_pass_weight == 0) return;
  Matrix<float> left(top.vectors.rows(), found);
  std::copy_n(top.vectors.view().data, left.view().flat().size(), left.view().data);
  std::vector<float> before = power_of(graph.item_degree, -p.item_exponent);
  for (float& v : before) v *= static_cast<float>(p.low_pass_weight);
  scale_rows(left, before);
  Matrix<float> right = std::move(top.vectors);
  scale_rows(right, power_of(graph.item_degree, p.item_exponent));
  if (p.sharpen > 0) {
    Matrix<float> half(n.rows.rows(), found);
    multiply(n.rows, right, half, p.threads);
    Matrix<float> blurred(n.columns.rows(), found);
    multiply(n.columns, half, blurred, p.threads);
    const auto factor = static_cast<float>(-p.sharpen / top.squares.front());
    for (std::size_t i = 0; i < right.rows(); ++i) {
      fused_axpy(factor, blurred.row(i).data(), right.row(i).data(), found);
    }
  }
  scale_rows(right, power_of(graph.item_degree, p.item_exponent - p.target_exponent));
  parts.components = found;
  parts.left = SharedArray<float>::own(std::move(left).release());
  parts.right = SharedArray<float>::own(std::move(right).release());
}

}  // namespace

std::shared_ptr<const Model> fit_graph_filter(const data::Interactions& pairs, Timestamp as_of,
                                              const GraphFilterParameters& p,
                                              const Progress& progress) {
  validate(p);
  const std::size_t items = pairs.num_items();
  const std::size_t step = kBlockItems * kBlocksPerStep;
  const int total = static_cast<int>((items + step - 1) / step) + 1;
  const Graph graph = make_graph(pairs, as_of, p);
  const SparsePair n = normalized(graph.w);
  // At least one vector, for s1.
  SingularVectors top = top_singular_vectors(
      n, static_cast<std::size_t>(std::max(1, p.low_pass_weight > 0 ? p.components : 0)), p.seed,
      p.threads);
  const double square = top.squares.empty() ? 0 : top.squares.front();
  if (progress) progress(1, total);
  const HopRows hops(graph, n, square, p);
  std::vector<std::vector<Scored>> rows(items);
  for (std::size_t first = 0; first < items; first += step) {
    parallel_blocks(std::min(step, items - first), kBlockItems, p.threads, [&](const Block& block) {
      hops.compute(first + block.begin, first + block.end, rows);
    });
    if (progress) progress(static_cast<int>(first / step) + 2, total);
  }
  ItemOperatorModel::Parts parts{"graph_filter", p.weighting, ItemRows::of(rows)};
  add_low_pass(parts, graph, n, std::move(top), p);
  return std::make_shared<const ItemOperatorModel>(std::move(parts));
}

}  // namespace penchant::models
