// Values as of points: a block at a time, by each thread with a reader of its own.

#include <algorithm>
#include <memory>
#include <mutex>

#include "penchant/base/parallel.h"
#include "penchant/features/block_reader.h"
#include "penchant/features/point_runs.h"
#include "penchant/features/state.h"

namespace penchant::features {
namespace {

constexpr std::size_t kReadBlock = 16'384;
constexpr std::size_t kReadRuns = 64;

// Lists of candidates that are not in the order of their times: that order, in which what is asked
// of an item lies near what was asked before. Empty: points are to be read as they come.
std::vector<PointRun> runs_by_time(const Points& points) {
  constexpr std::size_t kList = 8;
  std::vector<PointRun> runs;
  each_run(points.subjects, points.times, 0, [&](const PointRun& run) { runs.push_back(run); });
  if (runs.size() * kList > points.size() || std::ranges::is_sorted(runs, {}, &PointRun::time)) {
    return {};
  }
  std::ranges::stable_sort(runs, {}, &PointRun::time);
  return runs;
}

}  // namespace

// Columns that nobody wants are still computed, for formulas may want them: a block at a time.
struct ReadScratch::Impl {
  static constexpr std::size_t kPoints = BlockReader::kPoints;

  explicit Impl(const State& of, bool remembers)
      : state(&of),
        identity(of.identity_),
        plan(of.plan_),
        items(of.items_),
        reader(of, remembers),
        into(plan->features().size()) {}

  // Pointers hold what they point at, so that equal ones are the same.
  [[nodiscard]] bool reads(const State& of) const {
    return state == &of && identity == of.identity_ && plan == of.plan_ && items == of.items_;
  }

  void read(const Points& points, std::size_t first, std::size_t end,
            std::span<double* const> columns) {
    for (std::size_t f = 0; f < into.size(); ++f) {
      if (columns[f] == nullptr) room.resize(into.size() * kPoints);
    }
    for (; first < end; first += kPoints) {
      const std::size_t count = std::min(kPoints, end - first);
      for (std::size_t f = 0; f < into.size(); ++f) {
        into[f] = columns[f] == nullptr ? room.data() + f * kPoints : columns[f] + first;
      }
      contexts.clear();
      for (const auto context : points.contexts) {
        contexts.push_back(context.subspan(first, count));
      }
      Points part{points.times.subspan(first, count), points.subjects.subspan(first, count),
                  points.items.empty() ? points.items : points.items.subspan(first, count),
                  contexts};
      reader.read(part, 0, count, into);
    }
  }

  // Points of some runs, put together to blocks and their values back where they belong.
  void read(const Points& points, std::span<const PointRun> runs,
            std::span<double* const> columns) {
    room.resize(into.size() * kPoints);
    for (std::size_t f = 0; f < into.size(); ++f) into[f] = room.data() + f * kPoints;
    said.resize(points.contexts.size());
    for (const PointRun& run : runs) {
      if (times.size() + std::min(run.end - run.first, kPoints) > kPoints) flush(columns);
      for (std::size_t first = run.first; first < run.end; first += kPoints) {
        if (first > run.first) flush(columns);
        const std::size_t count = std::min(kPoints, run.end - first);
        pieces.push_back({first, count});
        times.insert(times.end(), count, run.time);
        subjects.insert(subjects.end(), count, run.subject);
        for (std::size_t c = 0; c < said.size(); ++c) {
          const std::span<const double> own = points.contexts[c].subspan(first, count);
          said[c].insert(said[c].end(), own.begin(), own.end());
        }
        if (points.items.empty()) continue;
        const std::span<const std::int32_t> own = points.items.subspan(first, count);
        list.insert(list.end(), own.begin(), own.end());
      }
    }
    flush(columns);
  }

  void flush(std::span<double* const> columns) {
    if (times.empty()) return;
    contexts.assign(said.begin(), said.end());
    reader.read({times, subjects, list, contexts}, 0, times.size(), into);
    for (std::size_t f = 0; f < into.size(); ++f) {
      if (columns[f] == nullptr) continue;
      const double* from = into[f];
      for (const auto& [first, count] : pieces) {
        std::copy_n(from, count, columns[f] + first);
        from += count;
      }
    }
    times.clear();
    subjects.clear();
    list.clear();
    for (std::vector<double>& context : said) context.clear();
    pieces.clear();
  }

  const State* state;
  std::shared_ptr<const char> identity;
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<const ItemTable> items;
  BlockReader reader;
  std::vector<double*> into;
  std::vector<double> room;                       // [features][kPoints]
  std::vector<std::span<const double>> contexts;  // of a block
  // Of a block of runs: its points, and where they come from.
  std::vector<std::int64_t> times;
  std::vector<std::int32_t> subjects;
  std::vector<std::int32_t> list;
  std::vector<std::vector<double>> said;  // [contexts]
  std::vector<std::pair<std::size_t, std::size_t>> pieces;
};

ReadScratch::ReadScratch(bool remembers) : remembers_(remembers) {}
ReadScratch::~ReadScratch() = default;
ReadScratch::ReadScratch(ReadScratch&&) noexcept = default;
ReadScratch& ReadScratch::operator=(ReadScratch&&) noexcept = default;

void State::read(const Points& points, std::span<double* const> columns,
                 ReadScratch& scratch) const {
  check(points, columns);
  auto& impl = scratch.impl_;
  if (!impl || !impl->reads(*this)) {
    impl = std::make_unique<ReadScratch::Impl>(*this, scratch.remembers_);
  }
  impl->read(points, 0, points.size(), columns);
}

void State::read(const Points& points, int threads, std::span<double* const> columns) const {
  check(points, columns);
  // Threads hand on their readers, which remember where things were. That room is not made for a
  // few points.
  const bool remembers = points.size() >= kReadBlock;
  std::mutex mutex;
  std::vector<std::unique_ptr<ReadScratch::Impl>> idle;
  const auto with_reader = [&](const auto& use) {
    std::unique_ptr<ReadScratch::Impl> own;
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        own = std::move(idle.back());
        idle.pop_back();
      }
    }
    if (!own) own = std::make_unique<ReadScratch::Impl>(*this, remembers);
    use(*own);
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(own));
  };
  const std::vector<PointRun> runs = runs_by_time(points);
  if (runs.empty()) {
    parallel_blocks(points.size(), kReadBlock, threads, [&](const Block& block) {
      with_reader([&](auto& own) { own.read(points, block.begin, block.end, columns); });
    });
    return;
  }
  parallel_blocks(runs.size(), kReadRuns, threads, [&](const Block& block) {
    const auto part = std::span(runs).subspan(block.begin, block.end - block.begin);
    with_reader([&](auto& own) { own.read(points, part, columns); });
  });
}

}  // namespace penchant::features
