#include "penchant/bandits/journal.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

class FolderJournal final : public Journal {
 public:
  FolderJournal(const std::filesystem::path& folder, bool read_only)
      : log_(store::Log::open(folder, {.read_only = read_only})) {}
  [[nodiscard]] bool durable() const override { return true; }
  std::uint64_t append(std::span<const std::string_view> records, store::Durability durability,
                       std::span<const store::Tag> tags) override {
    return log_->append(records, durability, tags);
  }
  void sync() override { log_->sync(); }
  [[nodiscard]] const std::string& id() const override { return log_->id(); }
  [[nodiscard]] std::uint64_t followed(const store::LogPosition& known) const override {
    return log_->followed(known);
  }
  [[nodiscard]] std::uint64_t first() const override { return log_->first(); }
  [[nodiscard]] std::uint64_t next() const override { return log_->next(); }
  void read(std::uint64_t from, const store::Log::Visit& visit) const override {
    log_->read(from, visit);
  }
  void read_tagged(std::uint64_t tag, const store::Log::Visit& visit) const override {
    log_->read_tagged(tag, visit);
  }
  void replace(std::span<const store::Log::Replacement> records) override {
    log_->replace(records);
  }
  void trim(std::uint64_t before) override { log_->trim(before); }
  void put_snapshot(std::string_view name, std::string_view bytes,
                    std::uint64_t sequence) override {
    log_->put_snapshot(name, bytes, sequence);
  }
  [[nodiscard]] std::optional<store::Snapshot> snapshot(std::string_view name) const override {
    return log_->snapshot(name);
  }

 private:
  std::unique_ptr<store::Log> log_;
};

class MemoryJournal final : public Journal {
 public:
  [[nodiscard]] bool durable() const override { return false; }
  std::uint64_t append(std::span<const std::string_view> records, store::Durability /*durability*/,
                       std::span<const store::Tag> tags) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const std::uint64_t first = end();
    for (std::size_t r = 0; r < records.size(); ++r) {
      const store::Tag tag = tags.empty() ? store::Tag() : tags[r];
      if (tag) tagged_[*tag].push_back(end());
      records_.push_back({std::string(records[r]), tag});
    }
    return first;
  }
  void sync() override {}
  [[nodiscard]] const std::string& id() const override { return id_; }
  [[nodiscard]] std::uint64_t followed(const store::LogPosition& /*known*/) const override {
    return 0;
  }
  [[nodiscard]] std::uint64_t first() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return first_;
  }
  [[nodiscard]] std::uint64_t next() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return end();
  }
  void read(std::uint64_t from, const store::Log::Visit& visit) const override {
    const std::uint64_t stop = next();
    for (std::uint64_t number = std::max(from, first()); number < stop; ++number) {
      std::string record;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (number < first_) continue;
        record = records_[number - first_].bytes;
      }
      if (!visit(number, record)) return;
    }
  }
  void read_tagged(std::uint64_t tag, const store::Log::Visit& visit) const override {
    std::vector<std::pair<std::uint64_t, std::string>> found;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const auto at = tagged_.find(tag);
      if (at == tagged_.end()) return;
      for (const std::uint64_t number : at->second) {
        found.emplace_back(number, records_[number - first_].bytes);
      }
    }
    for (const auto& [number, record] : found) {
      if (!visit(number, record)) return;
    }
  }
  void replace(std::span<const store::Log::Replacement> records) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [number, record] : records) records_.at(number - first_).bytes = record;
  }
  void trim(std::uint64_t before) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (; first_ < before && !records_.empty(); ++first_) {
      if (const store::Tag tag = records_.front().tag) {
        const auto at = tagged_.find(*tag);
        at->second.pop_front();
        if (at->second.empty()) tagged_.erase(at);
      }
      records_.pop_front();
    }
  }
  void put_snapshot(std::string_view name, std::string_view bytes,
                    std::uint64_t sequence) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    snapshots_[std::string(name)] = {.bytes = std::string(bytes), .sequence = sequence};
  }
  [[nodiscard]] std::optional<store::Snapshot> snapshot(std::string_view name) const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto at = snapshots_.find(name);
    return at == snapshots_.end() ? std::nullopt : std::optional(at->second);
  }

 private:
  struct Kept {
    std::string bytes;
    store::Tag tag;
  };
  [[nodiscard]] std::uint64_t end() const { return first_ + records_.size(); }

  const std::string id_;
  mutable std::mutex mutex_;
  std::uint64_t first_ = 1;
  std::deque<Kept> records_;
  std::unordered_map<std::uint64_t, std::deque<std::uint64_t>> tagged_;
  std::map<std::string, store::Snapshot, std::less<>> snapshots_;
};

}  // namespace

std::unique_ptr<Journal> open_journal(const std::filesystem::path& folder, bool read_only) {
  if (folder.empty()) return std::make_unique<MemoryJournal>();
  return std::make_unique<FolderJournal>(folder, read_only);
}

}  // namespace penchant::bandits
