#include "penchant/retrieval/hnsw_repair.h"

#include <algorithm>
#include <vector>

#include "penchant/base/parallel.h"
#include "penchant/base/top_k.h"

namespace penchant::retrieval {
namespace {

constexpr std::size_t kRowBlock = 4096;

// One list's repair; scratch is kept between lists.
class Relinker {
 public:
  Relinker(const HnswGraph& graph, const GraphSpace& space, std::span<const std::uint8_t> live)
      : graph_(graph), space_(space), live_(live) {}

  // The list of `row` on `level` without removed rows, in `out` (-1 after its end). False when it
  // had none.
  bool relink(std::int32_t row, int level, std::vector<std::int32_t>& out) {
    const auto list = graph_.neighbours(row, level);
    if (!gather(row, level, list)) return false;
    choose(row, list.size(), out);
    return true;
  }

 private:
  [[nodiscard]] bool is_live(std::int32_t row) const {
    return live_[static_cast<std::size_t>(row)] != 0;
  }

  // Live rows of the list, and those reached through removed ones (of whom several may follow each
  // other), nearest steps first and no more than a few lists' worth.
  bool gather(std::int32_t row, int level, std::span<const std::int32_t> list) {
    const std::size_t most = 4 * list.size();
    candidates_.clear();
    passed_.clear();
    const auto take = [&](std::span<const std::int32_t> from) {
      for (const std::int32_t next : from) {
        if (next < 0) break;
        if (next == row) continue;
        auto& to = is_live(next) ? candidates_ : passed_;
        if (to.size() < most && std::find(to.begin(), to.end(), next) == to.end()) {
          to.push_back(next);
        }
      }
    };
    take(list);
    if (passed_.empty()) return false;
    for (std::size_t i = 0; i < passed_.size() && candidates_.size() < most; ++i) {
      take(graph_.neighbours(passed_[i], level));
    }
    return true;
  }

  void choose(std::int32_t row, std::size_t slots, std::vector<std::int32_t>& out) {
    distances_.resize(candidates_.size());
    space_.distances(candidates_, space_.row(row), distances_);
    nearest_.clear();
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      nearest_.push_back({-distances_[i], candidates_[i]});
    }
    std::sort(nearest_.begin(), nearest_.end(), ranks_before);
    out.clear();
    for (const Scored& candidate : nearest_) {
      if (out.size() == slots) break;
      const auto at = space_.row(candidate.index);
      const bool shadowed = std::any_of(out.begin(), out.end(), [&](std::int32_t linked) {
        return space_.distance(at, space_.row(linked)) < -candidate.score;
      });
      if (!shadowed) out.push_back(candidate.index);
    }
    out.resize(slots, -1);
  }

  const HnswGraph& graph_;
  const GraphSpace& space_;
  std::span<const std::uint8_t> live_;
  std::vector<std::int32_t> candidates_;
  std::vector<std::int32_t> passed_;
  std::vector<float> distances_;
  std::vector<Scored> nearest_;
};

struct Repaired {
  std::int32_t row;
  int level;
  std::vector<std::int32_t> list;
};

std::int32_t highest_live_row(const HnswGraph& graph, std::span<const std::uint8_t> live) {
  std::int32_t best = -1;
  for (std::int32_t row = 0; row < static_cast<std::int32_t>(graph.rows()); ++row) {
    if (live[static_cast<std::size_t>(row)] == 0) continue;
    if (best < 0 || graph.level(row) > graph.level(best)) best = row;
  }
  return best;
}

}  // namespace

void unlink_rows(HnswGraph& graph, const GraphSpace& space, std::span<const std::int32_t> gone,
                 std::span<const std::uint8_t> live, int threads) {
  // Every list is computed from the graph as it was, then all are put in place: the order of the
  // blocks doesn't matter.
  std::vector<std::vector<Repaired>> repaired((graph.rows() + kRowBlock - 1) / kRowBlock);
  parallel_blocks(graph.rows(), kRowBlock, threads, [&](const Block& block) {
    Relinker relinker(graph, space, live);
    std::vector<std::int32_t> list;
    for (std::size_t i = block.begin; i < block.end; ++i) {
      const auto row = static_cast<std::int32_t>(i);
      if (live[i] == 0) continue;
      for (int level = 0; level <= graph.level(row); ++level) {
        if (relinker.relink(row, level, list)) repaired[block.number].push_back({row, level, list});
      }
    }
  });
  for (const auto& block : repaired) {
    for (const Repaired& change : block) {
      std::copy(change.list.begin(), change.list.end(),
                graph.own_neighbours(change.row, change.level).begin());
    }
  }
  for (const std::int32_t row : gone) {
    for (int level = 0; level <= graph.level(row); ++level) {
      std::ranges::fill(graph.own_neighbours(row, level), -1);
    }
  }
  if (graph.entry() >= 0 && live[static_cast<std::size_t>(graph.entry())] == 0) {
    graph.set_entry(highest_live_row(graph, live));
  }
}

}  // namespace penchant::retrieval
