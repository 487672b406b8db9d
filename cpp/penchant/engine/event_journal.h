#pragma once

// What was taken of events, in the order in which it came, by number from 1 on: a durable log in a
// folder, or memory.
//
//   EventJournal journal("state/events");              // an empty path: in memory
//   const std::uint64_t number = journal.append(records, ids);
//   journal.sync();
//   journal.read(number);                              // the record; "" where it was forgotten
//
// Records of events can be found by their id at any age, without a table of ids in memory. One
// writer at a time; readers beside it only where it is a folder.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "penchant/store/log.h"

namespace penchant::engine {

class EventJournal {
 public:
  // Throws what store::Log::open throws.
  explicit EventJournal(const std::filesystem::path& folder, bool read_only = false);

  // All of them or none; on the disk after the next `sync`. ids: one a record, empty where it has
  // none. Returns the number of the first. Throws kIo.
  std::uint64_t append(std::span<const std::string> records, std::span<const std::string> ids);
  // Threads that wait at the same time share one flush. Throws kIo.
  void sync();

  // Where it is now; no log's where it is in memory. What `followed` says is of store::Log.
  [[nodiscard]] store::LogPosition position() const;
  [[nodiscard]] std::uint64_t followed(const store::LogPosition& known) const;

  [[nodiscard]] std::string read(std::uint64_t number) const;
  using Visit = std::function<void(std::uint64_t number, std::string_view record)>;
  // Without those that were forgotten.
  void read_all(const Visit& visit) const;
  // Those that may carry the id: all that do, and hardly ever another.
  void read_id(std::string_view id, const Visit& visit) const;

  // Puts other records where these are; an empty one is forgotten. Nothing where it is only to be
  // read. Throws kIo.
  void replace(std::vector<std::pair<std::uint64_t, std::string>> records);

 private:
  bool read_only_;
  std::unique_ptr<store::Log> log_;
  // Without a log.
  std::vector<std::string> kept_;
  std::unordered_multimap<std::uint64_t, std::uint64_t> numbers_;  // by the ids' tags
};

}  // namespace penchant::engine
