#include "penchant/retrieval/inverted_lists.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/kernels.h"
#include "penchant/base/parallel.h"
#include "penchant/base/random.h"
#include "penchant/retrieval/exact_search.h"

namespace penchant::retrieval {
namespace {

constexpr std::uint32_t kSampleStream = 0x49564601;
constexpr std::size_t kMostLists = 1 << 16;
constexpr std::size_t kSampleOfList = 64;  // rows drawn for each centre
constexpr int kIterations = 8;
constexpr std::size_t kRowBlock = 512;

// A row to length one where direction is what counts.
void direction(Metric metric, std::span<const float> row, std::span<float> out) {
  std::copy(row.begin(), row.end(), out.begin());
  if (metric != Metric::kInnerProduct) return;
  double norm = 0;
  for (const float x : row) norm += static_cast<double>(x) * static_cast<double>(x);
  const double scale = norm > 0 ? 1.0 / std::sqrt(norm) : 0.0;
  for (float& x : out) x = static_cast<float>(static_cast<double>(x) * scale);
}

std::int32_t nearest_centre(MatrixView<const float> centres, std::span<const float> row,
                            std::vector<float>& distances) {
  distances.resize(centres.rows);
  squared_distance_rows(centres, row, distances);
  return static_cast<std::int32_t>(std::min_element(distances.begin(), distances.end()) -
                                   distances.begin());
}

// The list of each row of `rows` (indices into the store).
std::vector<std::int32_t> assign(const VectorStore& store, std::span<const std::int32_t> rows,
                                 MatrixView<const float> centres, int threads) {
  std::vector<std::int32_t> out(rows.size());
  parallel_blocks(rows.size(), kRowBlock, threads, [&](const Block& block) {
    std::vector<float> distances;
    AlignedVector<float> unit(store.stride());
    for (std::size_t i = block.begin; i < block.end; ++i) {
      direction(store.metric(), store.view().row(static_cast<std::size_t>(rows[i])), unit);
      out[i] = nearest_centre(centres, unit, distances);
    }
  });
  return out;
}

std::vector<std::int32_t> draw(std::vector<std::int32_t> rows, std::size_t count,
                               std::uint64_t seed) {
  const Philox random(seed, kSampleStream);
  for (std::size_t i = 0; i < count; ++i) {
    const auto left = static_cast<std::uint32_t>(rows.size() - i);
    std::swap(rows[i], rows[i + random.below(left, i, 0)]);
  }
  rows.resize(count);
  return rows;
}

// The means of the rows of each list; an empty list's centre stays where it was.
void move_centres(const VectorStore& store, std::span<const std::int32_t> rows,
                  std::span<const std::int32_t> list_of, MatrixView<float> centres) {
  std::vector<double> sums(centres.rows * centres.columns, 0.0);
  std::vector<std::int64_t> counts(centres.rows, 0);
  AlignedVector<float> unit(store.stride());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    direction(store.metric(), store.view().row(static_cast<std::size_t>(rows[i])), unit);
    const auto list = static_cast<std::size_t>(list_of[i]);
    ++counts[list];
    for (std::size_t j = 0; j < unit.size(); ++j) {
      sums[list * centres.columns + j] += static_cast<double>(unit[j]);
    }
  }
  for (std::size_t list = 0; list < centres.rows; ++list) {
    if (counts[list] == 0) continue;
    for (std::size_t j = 0; j < centres.columns; ++j) {
      centres.row(list)[j] =
          static_cast<float>(sums[list * centres.columns + j] / static_cast<double>(counts[list]));
    }
  }
}

// Half as many bits as a float has: a centre of few rows is not to keep the bytes of any.
void blur(std::span<float> centre) {
  for (float& x : centre) {
    x = std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffff0000U);
  }
}

struct Scratch {
  std::vector<float> scores;
  std::vector<Scored> order;
  std::vector<std::int32_t> head;
  CodeQuery query;
};

// Not inlined, or each touch of what it gives would ask for the thread's own address again.
[[gnu::noinline]] Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

}  // namespace

InvertedLists::InvertedLists(const VectorStore& store, AlignedVector<float> centres,
                             std::vector<float> centre)
    : metric_(store.metric()),
      columns_(store.stride()),
      centres_(std::move(centres)),
      codes_(store.metric(), store.dimension(), std::move(centre)) {}

InvertedLists InvertedLists::build(const VectorStore& store, const Params& params,
                                   const Progress& progress) {
  std::vector<std::int32_t> live(store.rows());
  std::iota(live.begin(), live.end(), 0);
  if (store.any_removed()) live.assign(store.live_rows().begin(), store.live_rows().end());
  const std::size_t lists = std::clamp<std::size_t>(
      static_cast<std::size_t>(std::sqrt(static_cast<double>(live.size()))), 1, kMostLists);
  const std::vector<std::int32_t> sample =
      draw(live, std::min(live.size(), lists * kSampleOfList), params.seed);
  Matrix<float> centres(lists, store.stride());
  for (std::size_t i = 0; i < lists && i < sample.size(); ++i) {
    direction(store.metric(), store.view().row(static_cast<std::size_t>(sample[i])),
              centres.row(i));
  }
  for (int step = 0; step < kIterations; ++step) {
    if (progress) progress(static_cast<std::size_t>(step), kIterations + 1);
    const auto list_of = assign(store, sample, centres.view(), params.threads);
    move_centres(store, sample, list_of, centres.view());
  }
  if (progress) progress(kIterations, kIterations + 1);
  blur(centres.view().flat());
  InvertedLists out(store, std::move(centres).release(),
                    CodeStore::centre_of(store.view(), store.dimension()));
  out.list_of_.assign(store.rows(), -1);
  const MatrixView<const float> view{out.centres_.data(), lists, store.stride()};
  const auto list_of = assign(store, live, view, params.threads);
  for (std::size_t i = 0; i < live.size(); ++i) {
    out.list_of_[static_cast<std::size_t>(live[i])] = list_of[i];
  }
  out.lay(store);
  if (progress) progress(kIterations + 1, kIterations + 1);
  return out;
}

void InvertedLists::lay(const VectorStore& store) {
  offsets_.assign(size() + 1, 0);
  for (const std::int32_t list : list_of_) {
    if (list >= 0) ++offsets_[static_cast<std::size_t>(list) + 1];
  }
  std::partial_sum(offsets_.begin(), offsets_.end(), offsets_.begin());
  std::vector<std::int64_t> next(offsets_.begin(), offsets_.end() - 1);
  rows_.assign(static_cast<std::size_t>(offsets_.back()), -1);
  longest_.assign(size(), metric_ == Metric::kInnerProduct ? 0.0F : 1.0F);
  for (std::size_t row = 0; row < list_of_.size(); ++row) {
    if (list_of_[row] < 0) continue;
    const auto list = static_cast<std::size_t>(list_of_[row]);
    rows_[static_cast<std::size_t>(next[list]++)] = static_cast<std::int32_t>(row);
    if (metric_ != Metric::kInnerProduct) continue;
    const float squared = dot(store.view().row(row), store.view().row(row));
    longest_[list] = std::max(longest_[list], std::sqrt(squared));
  }
  codes_ = CodeStore(metric_, store.dimension(),
                     std::vector<float>(codes_.centre().begin(), codes_.centre().end()));
  codes_.append_gathered(store.view(), rows_);
}

std::uint64_t InvertedLists::search(const VectorStore& store, std::span<const float> query,
                                    std::size_t k, std::size_t probes, std::span<Scored> hits,
                                    std::span<const std::int32_t> skip) const {
  Scratch& s = scratch();
  s.scores.resize(size());
  const MatrixView<const float> centres{centres_.data(), size(), columns_};
  const bool squared = metric_ == Metric::kL2;
  if (squared) {
    squared_distance_rows(centres, query, s.scores);
  } else {
    dot_rows(centres, query, s.scores);
  }
  s.order.resize(size());
  for (std::size_t i = 0; i < size(); ++i) {
    s.order[i] = {squared ? -s.scores[i] : s.scores[i] * longest_[i], static_cast<std::int32_t>(i)};
  }
  const std::size_t first = std::min(std::max<std::size_t>(probes, 1), size());
  std::partial_sort(s.order.begin(), s.order.begin() + static_cast<std::ptrdiff_t>(first),
                    s.order.end(), ranks_before);
  codes_.prepare(query, s.query);
  TopK best(head_of(k));
  std::uint64_t read = size();
  std::size_t met = 0;
  for (std::size_t i = 0; i < size() && (i < first || met < k); ++i) {
    if (i == first) {
      std::sort(s.order.begin() + static_cast<std::ptrdiff_t>(i), s.order.end(), ranks_before);
    }
    const auto list = static_cast<std::size_t>(s.order[i].index);
    const auto begin = static_cast<std::size_t>(offsets_[list]);
    const std::size_t count = static_cast<std::size_t>(offsets_[list + 1]) - begin;
    s.scores.resize(std::max(s.scores.size(), count));
    const std::span<float> scores = std::span(s.scores).first(count);
    score_codes_range(codes_.view(), begin, s.query.view(), scores);
    read += count;
    for (std::size_t j = 0; j < count; ++j) {
      const std::int32_t row = rows_[begin + j];
      if (row < 0 || std::binary_search(skip.begin(), skip.end(), row)) continue;
      best.push(scores[j], row);
      ++met;
    }
  }
  s.head.clear();
  for (const Scored& hit : best.take_sorted()) s.head.push_back(hit.index);
  std::sort(s.head.begin(), s.head.end());
  exact_search(store, {query.data(), 1, query.size()}, std::span<const std::int32_t>(s.head), k, 1,
               hits);
  return read;
}

void InvertedLists::extend(const VectorStore& store, int threads) {
  std::vector<std::int32_t> fresh(store.rows() - list_of_.size());
  std::iota(fresh.begin(), fresh.end(), static_cast<std::int32_t>(list_of_.size()));
  const auto list_of = assign(store, fresh, {centres_.data(), size(), columns_}, threads);
  list_of_.insert(list_of_.end(), list_of.begin(), list_of.end());
  lay(store);
}

void InvertedLists::erase(const VectorStore& store, std::span<const std::int32_t> rows) {
  std::vector<std::int32_t> places;
  for (std::size_t place = 0; place < rows_.size(); ++place) {
    if (std::binary_search(rows.begin(), rows.end(), rows_[place])) {
      places.push_back(static_cast<std::int32_t>(place));
    }
  }
  codes_.erase(places);
  for (const std::int32_t row : rows) list_of_[static_cast<std::size_t>(row)] = -1;
  lay(store);
}

void InvertedLists::save(bundle::Writer& writer, const std::string& prefix) const {
  writer.add(prefix + "/centres", MatrixView<const float>{centres_.data(), size(), columns_});
  writer.add(prefix + "/lists", std::span<const std::int32_t>(list_of_));
  writer.add(prefix + "/centre", codes_.centre());
}

InvertedLists InvertedLists::load(const std::shared_ptr<const bundle::Reader>& reader,
                                  const std::string& prefix, const VectorStore& store) {
  const auto corrupt = [&](const std::string& what) {
    fail(ErrorKind::kCorruptBundle, concat(prefix, ": ", what));
  };
  const auto centres = reader->matrix<float>(prefix + "/centres");
  const auto lists = reader->array<std::int32_t>(prefix + "/lists");
  if (centres.rows < 1 || centres.rows > kMostLists || centres.columns != store.stride() ||
      lists.size() != store.rows()) {
    corrupt(concat("lists of ", centres.rows, " x ", centres.columns, " centres and ", lists.size(),
                   " rows don't fit ", store.rows(), " x ", store.stride(), " vectors"));
  }
  check_norms(centres, prefix + "/centres");
  InvertedLists out(store, {centres.flat().begin(), centres.flat().end()},
                    load_centre(reader, prefix, store));
  out.list_of_.assign(lists.begin(), lists.end());
  for (std::size_t row = 0; row < lists.size(); ++row) {
    const bool gone = store.any_removed() && store.is_removed(static_cast<std::int32_t>(row));
    if (gone ? lists[row] != -1
             : lists[row] < 0 || static_cast<std::size_t>(lists[row]) >= centres.rows) {
      corrupt(concat("row ", row, " is in list ", lists[row], " of ", centres.rows,
                     gone ? ", and removed" : ""));
    }
  }
  out.lay(store);
  return out;
}

}  // namespace penchant::retrieval
