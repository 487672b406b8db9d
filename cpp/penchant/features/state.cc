#include "penchant/features/state.h"

#include <algorithm>
#include <numeric>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/features/block_reader.h"

namespace penchant::features {
namespace {

constexpr std::size_t kBlockRows = 8'192;
constexpr std::size_t kMostRows = 2'147'483'647;
constexpr std::size_t kReadBlock = 4'096;
constexpr std::int64_t kMostTime = 2'000LL * 366 * 86'400'000'000;

void check_time(std::int64_t time, std::string_view whose) {
  check_argument(time > -kMostTime && time < kMostTime, "the time of ", whose,
                 " is beyond the years 0 to 3970");
}

std::vector<std::uint32_t> order_of(std::span<const std::int64_t> times) {
  std::vector<std::uint32_t> order(times.size());
  std::iota(order.begin(), order.end(), 0U);
  if (!std::ranges::is_sorted(times)) {
    std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return times[row]; });
  }
  return order;
}

}  // namespace

State::State(std::shared_ptr<const Plan> plan, ItemTable items)
    : plan_(std::move(plan)), items_(std::move(items)) {
  check_argument(items_.codes.size() == plan_->item_codes().size() &&
                     items_.numbers.size() == plan_->item_numbers().size(),
                 "the table of items has other columns than the feature plan");
  for (const ItemTable::Codes& codes : items_.codes) {
    check_argument(codes.of_item.size() == items_.items,
                   "an attribute has another length than items");
    check_argument(std::ranges::all_of(codes.of_item,
                                       [&](std::int32_t code) {
                                         return code >= kNoCode &&
                                                code < static_cast<std::int64_t>(codes.values);
                                       }),
                   "an attribute holds a code beyond its values");
  }
  for (const auto& numbers : items_.numbers) {
    check_argument(numbers.size() == items_.items, "an attribute has another length than items");
  }
  check_argument(items_.vectors.size() == plan_->embeddings().size(),
                 "the table of items has other embeddings than the feature plan");
  for (const ItemVectors& vectors : items_.vectors) vectors.check(items_.items);
  for (const Plan::Kept& kept : plan_->series()) series_.emplace_back(kept.layout);
}

std::size_t State::bytes() const {
  std::size_t out = 0;
  for (const Series& series : series_) out += series.bytes();
  return out;
}

void State::check(const EventBatch& events) const {
  const std::size_t rows = events.size();
  check_argument(rows + rows_ <= kMostRows, "more than ", kMostRows, " events");
  bool fits = events.types.size() == rows && events.subjects.size() == rows &&
              events.items.size() == rows && events.numbers.size() == plan_->numbers().size() &&
              events.codes.size() == plan_->codes().size();
  for (const auto column : events.numbers) fits = fits && column.size() == rows;
  for (const auto column : events.codes) fits = fits && column.size() == rows;
  check_argument(fits, "columns of events that don't fit the feature plan, or differ in length");
  const auto below = [](std::span<const std::int32_t> codes, std::int64_t end) {
    return std::ranges::all_of(codes, [&](std::int32_t c) { return c >= kNoCode && c < end; });
  };
  check_argument(below(events.items, static_cast<std::int64_t>(items_.items)),
                 "an event's item is not in the table of items");
  check_argument(below(events.subjects, kMostRows), "an event's subject is no code");
  for (const auto column : events.codes) check_argument(below(column, kMostRows), "no code");
  check_argument(
      std::ranges::all_of(events.types, [&](std::uint16_t t) { return t < plan_->types().size(); }),
      "an event's type is not of the feature plan");
  for (const std::int64_t time : events.times) check_time(time, "an event");
}

PreparedEvents State::prepare(const EventBatch& events, int threads) const {
  PreparedEvents out;
  out.times = events.times;
  out.filters.resize(events.size());
  out.values.resize(plan_->values().size());
  for (auto& column : out.values) column.resize(events.size());
  out.codes = events.codes;
  out.codes.push_back(events.items);
  parallel_blocks(events.size(), kBlockRows, threads, [&](const Block& block) {
    for (std::size_t row = block.begin; row < block.end; ++row) {
      std::uint32_t accepted = 0;
      for (std::size_t f = 0; f < plan_->filters().size(); ++f) {
        accepted |= (plan_->filters()[f].accepts(events, row) ? 1U : 0U) << f;
      }
      out.filters[row] = accepted;
    }
    for (std::size_t v = 0; v < out.values.size(); ++v) {
      for (std::size_t row = block.begin; row < block.end; ++row) {
        out.values[v][row] = plan_->values()[v].of(events, row);
      }
    }
  });
  return out;
}

std::vector<std::int32_t> State::keys_of(const By& by, const EventBatch& events) const {
  if (by.subject) return {events.subjects.begin(), events.subjects.end()};
  if (by.item == By::Item::kAny) return std::vector<std::int32_t>(events.size(), 0);
  std::vector<std::int32_t> keys(events.items.begin(), events.items.end());
  if (by.item == By::Item::kSame) return keys;
  const std::vector<std::int32_t>& of_item = items_.codes[by.attribute].of_item;
  for (std::int32_t& key : keys) {
    if (key >= 0) key = of_item[static_cast<std::size_t>(key)];
  }
  return keys;
}

void State::replay(const EventBatch& events, int threads) {
  check(events);
  const PreparedEvents prepared = prepare(events, threads);
  const std::vector<std::uint32_t> order = order_of(events.times);
  for (std::size_t s = 0; s < series_.size(); ++s) {
    const std::vector<std::int32_t> keys = keys_of(plan_->series()[s].by, events);
    if (rows_ == 0) {
      const auto most = std::ranges::max_element(keys);
      const std::int32_t num_keys = most == keys.end() ? 0 : *most + 1;
      series_[s].build(prepared, keys, order, static_cast<std::size_t>(num_keys), threads);
      continue;
    }
    for (const std::uint32_t row : order) {
      if (keys[row] >= 0) series_[s].insert(prepared, row, static_cast<std::size_t>(keys[row]));
    }
  }
  rows_ += events.size();
}

void State::read(const Points& points, int threads, std::span<double* const> columns) const {
  const std::size_t size = points.size();
  check_argument(points.subjects.size() == size &&
                     (points.items.empty() || points.items.size() == size) &&
                     columns.size() == plan_->features().size(),
                 "columns of points that differ in length");
  const auto known = static_cast<std::int64_t>(items_.items);
  check_argument(
      std::ranges::all_of(points.items, [&](std::int32_t i) { return i >= kNoCode && i < known; }),
      "a point's item is not in the table of items");
  for (const std::int64_t time : points.times) check_time(time, "a point");
  // Columns that nobody wants are still computed: formulas may want them.
  std::vector<std::vector<double>> unwanted;
  std::vector<double*> all(columns.begin(), columns.end());
  for (double*& column : all) {
    if (column == nullptr) column = unwanted.emplace_back(size).data();
  }
  parallel_blocks(size, kReadBlock, threads, [&](const Block& block) {
    BlockReader reader(*this);
    for (std::size_t i = block.begin; i < block.end; i += BlockReader::kPoints) {
      reader.read(points, i, std::min(BlockReader::kPoints, block.end - i), all);
    }
  });
}

}  // namespace penchant::features
