#include "penchant/retrieval/filter.h"

#include <algorithm>
#include <utility>

namespace penchant::retrieval {

Filter::Filter(const VectorStore& store, std::vector<std::int32_t> rows, bool gather, int threads)
    : rows_(std::move(rows)), mask_(store.rows(), 0), count_(rows_.size()) {
  for (const std::int32_t row : rows_) mask_[static_cast<std::size_t>(row)] = 1;
  if (gather) bytes_.emplace(store, rows_, threads);
}

void Filter::erase(std::span<const std::int32_t> rows) {
  for (const std::int32_t row : rows) mask_[static_cast<std::size_t>(row)] = 0;
  std::erase_if(rows_, [&](std::int32_t row) { return mask_[static_cast<std::size_t>(row)] == 0; });
  if (bytes_) bytes_->erase(rows);
  count_ = rows_.size();
}

void FilterList::add(const std::shared_ptr<Filter>& filter) {
  const std::lock_guard hold(lock_);
  std::erase_if(filters_, [](const auto& one) { return one.expired(); });
  filters_.push_back(filter);
}

bool FilterList::holds(const Filter& filter) const {
  const std::lock_guard hold(lock_);
  return std::any_of(filters_.begin(), filters_.end(),
                     [&](const auto& one) { return one.lock().get() == &filter; });
}

void FilterList::erase(std::span<const std::int32_t> rows) {
  for (const auto& one : filters_) {
    if (const auto filter = one.lock()) filter->erase(rows);
  }
}

void FilterList::extend(std::size_t rows) {
  for (const auto& one : filters_) {
    if (const auto filter = one.lock()) filter->extend(rows);
  }
}

}  // namespace penchant::retrieval
