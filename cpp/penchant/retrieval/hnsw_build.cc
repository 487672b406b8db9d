// The one file that includes Faiss.

#include "penchant/retrieval/hnsw_build.h"

#include <algorithm>
#include <array>
#include <utility>

#include <faiss/impl/AuxIndexStructures.h>
#include <faiss/impl/DistanceComputer.h>
#include <faiss/impl/HNSW.h>
#include <omp.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant::retrieval {
namespace {

constexpr std::uint32_t kLevelStream = 0x484e5301;
constexpr std::uint32_t kOrderStream = 0x484e5302;
constexpr std::size_t kProgressEvery = 1024;  // rows

class SpaceDistances : public faiss::DistanceComputer {
 public:
  explicit SpaceDistances(const GraphSpace& space) : space_(space) {}
  void set_query(const float* /*x*/) override {}
  void set_row(std::int32_t row) { query_ = space_.row(row); }
  float operator()(std::int64_t i) override {
    return space_.distance(query_, space_.row(static_cast<std::int32_t>(i)));
  }
  float symmetric_dis(std::int64_t i, std::int64_t j) override {
    return space_.distance(space_.row(static_cast<std::int32_t>(i)),
                           space_.row(static_cast<std::int32_t>(j)));
  }

 private:
  const GraphSpace& space_;
  std::span<const float> query_;
};

// Faiss locks a row while it links it, on one thread too.
class RowLocks {
 public:
  explicit RowLocks(std::size_t rows) : locks_(rows) {
    for (omp_lock_t& lock : locks_) omp_init_lock(&lock);
  }
  ~RowLocks() {
    for (omp_lock_t& lock : locks_) omp_destroy_lock(&lock);
  }
  RowLocks(const RowLocks&) = delete;
  RowLocks& operator=(const RowLocks&) = delete;
  [[nodiscard]] std::vector<omp_lock_t>& all() { return locks_; }

 private:
  std::vector<omp_lock_t> locks_;
};

// P(level >= l) = m^-l, as Malkov & Yashunin's -ln(u) / ln(m); by comparisons, so that no logarithm
// of this or that library decides.
int draw_level(const Philox& random, std::size_t row, int m, int most) {
  const double u = random.uniform(row, 0);
  int level = 0;
  for (double bar = 1.0 / m; u < bar && level < most; bar /= m) ++level;
  return level;
}

}  // namespace

struct HnswBuilder::Impl {
  Impl(const GraphSpace& graph_space, int m, std::uint64_t key)
      : space(graph_space), seed(key), hnsw(m), locks(graph_space.size()) {}

  const GraphSpace& space;
  std::uint64_t seed;
  faiss::HNSW hnsw;
  RowLocks locks;

  void give_levels(int m, const HnswGraph* grown);
  void take_over(const HnswGraph& grown);
};

// Levels of all rows at once, those of a grown graph kept; Faiss lays out its table from them.
void HnswBuilder::Impl::give_levels(int m, const HnswGraph* grown) {
  const std::size_t known = grown == nullptr ? 0 : grown->rows();
  const int most = static_cast<int>(hnsw.cum_nneighbor_per_level.size()) - 2;
  const Philox random(seed, kLevelStream);
  hnsw.levels.resize(space.size());
  for (std::size_t row = 0; row < space.size(); ++row) {
    // Faiss counts levels from one.
    const int level = row < known ? std::min(grown->level(static_cast<std::int32_t>(row)), most)
                                  : draw_level(random, row, m, most);
    hnsw.levels[row] = level + 1;
  }
  hnsw.prepare_level_tab(space.size(), true);
}

void HnswBuilder::Impl::take_over(const HnswGraph& grown) {
  hnsw.entry_point = grown.entry();
  if (grown.entry() < 0) return;
  hnsw.max_level = hnsw.levels[static_cast<std::size_t>(grown.entry())] - 1;
  for (std::int32_t row = 0; row < static_cast<std::int32_t>(grown.rows()); ++row) {
    for (int level = 0; level < hnsw.levels[static_cast<std::size_t>(row)]; ++level) {
      std::size_t begin = 0;
      std::size_t end = 0;
      hnsw.neighbor_range(row, level, &begin, &end);
      const auto list = grown.neighbours(row, level);
      std::copy(list.begin(), list.end(),
                hnsw.neighbors.begin() + static_cast<std::ptrdiff_t>(begin));
    }
  }
}

HnswBuilder::HnswBuilder(const GraphSpace& space, int m, int ef_construction, std::uint64_t seed,
                         const HnswGraph* grown)
    : impl_(std::make_unique<Impl>(space, m, seed)) {
  impl_->hnsw.efConstruction = ef_construction;
  impl_->give_levels(m, grown);
  if (grown != nullptr) impl_->take_over(*grown);
}

HnswBuilder::~HnswBuilder() = default;

void HnswBuilder::insert(std::span<const std::int32_t> rows, const Progress& progress) {
  // Upper levels first, each level shuffled, so that the order of the data leaves no trace.
  struct Turn {
    int level;
    std::uint32_t draw;
    std::int32_t row;
  };
  const Philox random(impl_->seed, kOrderStream);
  std::vector<Turn> turns;
  turns.reserve(rows.size());
  for (const std::int32_t row : rows) {
    const auto at = static_cast<std::size_t>(row);
    turns.push_back({impl_->hnsw.levels[at] - 1, random.bits(at, 0)[0], row});
  }
  std::sort(turns.begin(), turns.end(), [](const Turn& a, const Turn& b) {
    return std::tuple(-a.level, a.draw, a.row) < std::tuple(-b.level, b.draw, b.row);
  });
  SpaceDistances distances(impl_->space);
  faiss::VisitedTable visited(static_cast<int>(impl_->space.size()));
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (progress && i % kProgressEvery == 0) progress(i, turns.size());
    distances.set_row(turns[i].row);
    impl_->hnsw.add_with_locks(distances, turns[i].level, turns[i].row, impl_->locks.all(),
                               visited);
  }
  if (progress) progress(turns.size(), turns.size());
}

HnswGraph HnswBuilder::finish() const {
  const faiss::HNSW& hnsw = impl_->hnsw;
  const std::size_t n = impl_->space.size();
  const int m = hnsw.nb_neighbors(1);
  AlignedVector<std::int32_t> level0;
  AlignedVector<std::uint8_t> levels(n);
  AlignedVector<std::int32_t> upper;
  level0.reserve(n * static_cast<std::size_t>(hnsw.nb_neighbors(0)));
  for (std::size_t row = 0; row < n; ++row) {
    levels[row] = static_cast<std::uint8_t>(hnsw.levels[row] - 1);
    for (int level = 0; level < hnsw.levels[row]; ++level) {
      std::size_t begin = 0;
      std::size_t end = 0;
      hnsw.neighbor_range(static_cast<std::int64_t>(row), level, &begin, &end);
      auto& table = level == 0 ? level0 : upper;
      table.insert(table.end(), hnsw.neighbors.begin() + static_cast<std::ptrdiff_t>(begin),
                   hnsw.neighbors.begin() + static_cast<std::ptrdiff_t>(end));
    }
  }
  return {m, hnsw.entry_point, OwnOrBorrow<std::int32_t>(std::move(level0)),
          OwnOrBorrow<std::uint8_t>(std::move(levels)),
          OwnOrBorrow<std::int32_t>(std::move(upper))};
}

}  // namespace penchant::retrieval
