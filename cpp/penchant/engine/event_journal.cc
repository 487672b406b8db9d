#include "penchant/engine/event_journal.h"

#include <algorithm>

#include <xxhash.h>

namespace penchant::engine {
namespace {

std::uint64_t tag_of(std::string_view id) { return XXH3_64bits(id.data(), id.size()); }

}  // namespace

EventJournal::EventJournal(const std::filesystem::path& folder, bool read_only)
    : read_only_(read_only) {
  if (!folder.empty()) log_ = store::Log::open(folder, {.read_only = read_only});
}

std::uint64_t EventJournal::append(std::span<const std::string> records,
                                   std::span<const std::string> ids) {
  if (log_) {
    const std::vector<std::string_view> views(records.begin(), records.end());
    std::vector<store::Tag> tags;
    for (const std::string& id : ids) {
      tags.push_back(id.empty() ? store::Tag() : store::Tag(tag_of(id)));
    }
    return log_->append(views, store::Durability::kProcess, tags);
  }
  const std::uint64_t first = kept_.size() + 1;
  for (std::size_t i = 0; i < records.size(); ++i) {
    kept_.push_back(records[i]);
    if (!ids[i].empty()) numbers_.emplace(tag_of(ids[i]), first + i);
  }
  return first;
}

void EventJournal::sync() {
  if (log_) log_->sync();
}

store::LogPosition EventJournal::position() const {
  if (!log_) return {};
  return {.log = log_->id(), .through = log_->next() - 1};
}

std::uint64_t EventJournal::followed(const store::LogPosition& known) const {
  return log_ ? log_->followed(known) : 0;
}

std::string EventJournal::read(std::uint64_t number) const {
  if (!log_) return kept_[number - 1];
  std::string out;
  log_->read(number, [&](std::uint64_t at, std::string_view record) {
    if (at == number) out = record;
    return false;
  });
  return out;
}

void EventJournal::read_all(const Visit& visit) const {
  const auto use = [&](std::uint64_t number, std::string_view record) {
    if (!record.empty()) visit(number, record);
    return true;
  };
  if (log_) {
    log_->read(1, use);
    return;
  }
  for (std::size_t i = 0; i < kept_.size(); ++i) use(i + 1, kept_[i]);
}

void EventJournal::read_id(std::string_view id, const Visit& visit) const {
  const auto use = [&](std::uint64_t number, std::string_view record) {
    if (!record.empty()) visit(number, record);
    return true;
  };
  if (log_) {
    log_->read_tagged(tag_of(id), use);
    return;
  }
  const auto [begin, end] = numbers_.equal_range(tag_of(id));
  for (auto at = begin; at != end; ++at) use(at->second, kept_[at->second - 1]);
}

void EventJournal::replace(std::vector<std::pair<std::uint64_t, std::string>> records) {
  if (records.empty() || read_only_) return;
  if (log_) {
    log_->replace(records);
    return;
  }
  for (auto& [number, record] : records) kept_[number - 1] = std::move(record);
}

}  // namespace penchant::engine
