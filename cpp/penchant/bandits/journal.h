#pragma once

// Where a loop keeps its records: in a folder (store::Log) or, for notebooks, in memory.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "penchant/store/log.h"

namespace penchant::bandits {

inline constexpr std::string_view kSnapshotName = "loop";
inline constexpr std::string_view kBaseName = "base";  // log_base.h

// As store::Log says, member by member.
class Journal {
 public:
  virtual ~Journal() = default;
  [[nodiscard]] virtual bool durable() const = 0;
  virtual std::uint64_t append(std::span<const std::string_view> records,
                               store::Durability durability, std::span<const store::Tag> tags) = 0;
  virtual void sync() = 0;
  [[nodiscard]] virtual const std::string& id() const = 0;  // empty where it is in memory
  [[nodiscard]] virtual std::uint64_t followed(const store::LogPosition& known) const = 0;
  [[nodiscard]] virtual std::uint64_t first() const = 0;
  [[nodiscard]] virtual std::uint64_t next() const = 0;
  virtual void read(std::uint64_t from, const store::Log::Visit& visit) const = 0;
  virtual void read_tagged(std::uint64_t tag, const store::Log::Visit& visit) const = 0;
  virtual void replace(std::span<const store::Log::Replacement> records) = 0;
  virtual void trim(std::uint64_t before) = 0;
  virtual void put_snapshot(std::string_view name, std::string_view bytes,
                            std::uint64_t sequence) = 0;
  [[nodiscard]] virtual std::optional<store::Snapshot> snapshot(std::string_view name) const = 0;
};

// An empty name: in memory. Throws as store::Log::open; with `read_only`, kNotFound where there is
// none.
[[nodiscard]] std::unique_ptr<Journal> open_journal(const std::filesystem::path& folder,
                                                    bool read_only = false);

}  // namespace penchant::bandits
