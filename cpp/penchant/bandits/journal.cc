#include "penchant/bandits/journal.h"

#include <deque>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

constexpr std::string_view kSnapshotName = "loop";

class FolderJournal final : public Journal {
 public:
  FolderJournal(const std::filesystem::path& folder, bool create)
      : log_(store::Log::open(folder, {.create = create})) {}
  [[nodiscard]] bool durable() const override { return true; }
  std::uint64_t append(std::span<const std::string_view> records, store::Durability durability,
                       std::span<const store::Tag> tags) override {
    return log_->append(records, durability, tags);
  }
  void sync() override { log_->sync(); }
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
  void put_snapshot(std::string_view bytes, std::uint64_t sequence) override {
    log_->put_snapshot(kSnapshotName, bytes, sequence);
  }
  [[nodiscard]] std::optional<store::Snapshot> snapshot() const override {
    return log_->snapshot(kSnapshotName);
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
    const std::uint64_t first = records_.size() + 1;
    for (std::size_t r = 0; r < records.size(); ++r) {
      records_.emplace_back(records[r]);
      if (!tags.empty() && tags[r]) tagged_[*tags[r]].push_back(records_.size());
    }
    return first;
  }
  void sync() override {}
  [[nodiscard]] std::uint64_t first() const override { return 1; }
  [[nodiscard]] std::uint64_t next() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    return records_.size() + 1;
  }
  void read(std::uint64_t from, const store::Log::Visit& visit) const override {
    const std::uint64_t end = next();
    for (std::uint64_t number = std::max<std::uint64_t>(from, 1); number < end; ++number) {
      std::string record;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        record = records_[number - 1];
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
        found.emplace_back(number, records_[number - 1]);
      }
    }
    for (const auto& [number, record] : found) {
      if (!visit(number, record)) return;
    }
  }
  void replace(std::span<const store::Log::Replacement> records) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [number, record] : records) records_.at(number - 1) = record;
  }
  void put_snapshot(std::string_view /*bytes*/, std::uint64_t /*sequence*/) override {}
  [[nodiscard]] std::optional<store::Snapshot> snapshot() const override { return std::nullopt; }

 private:
  mutable std::mutex mutex_;
  std::deque<std::string> records_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> tagged_;
};

}  // namespace

std::unique_ptr<Journal> open_journal(const std::filesystem::path& folder, bool create) {
  if (folder.empty()) return std::make_unique<MemoryJournal>();
  return std::make_unique<FolderJournal>(folder, create);
}

}  // namespace penchant::bandits
