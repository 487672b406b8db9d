#pragma once

// A durable log in a folder of its own: records in order, and snapshots beside them.
//
//   auto log = Log::open("state/decisions");
//   std::uint64_t first = log->append({{record}}, Durability::kPower);   // returns once it is safe
//   log->read(1, [](std::uint64_t sequence, std::string_view record) { return true; });
//   log->put_snapshot("loop", bytes, first);
//   log->append({{order}}, Durability::kProcess, {{17}});                // tagged with a number
//   log->read_tagged(17, ...);                                           // all that carry it
//
// Records are bytes and mean nothing here. They have sequence numbers from 1 on, without gaps but
// for what was trimmed. Whatever was acknowledged is there after the process was killed, or, with
// kPower, after the power failed; a record that was being written then is there whole or not at
// all. Readers see records in order, never one without those before it.
//
// After a write that failed (a full disk, an I/O error) the log refuses further writes, since what
// the system kept of them can't be known; it can still be read, and opening it again finds all that
// was acknowledged.
//
// Thread-safe. One process at a time: a folder that is open elsewhere throws kUnavailable, unless
// it is only to be read.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace penchant::store {

enum class Durability : std::uint8_t {
  kProcess,  // handed to the system: survives the end of the process, not of the machine
  kPower,    // on the disk: writers that wait at the same time share one fsync
};

inline constexpr std::size_t kMaxRecordBytes = std::size_t{1} << 24;

// How far someone has followed a log: all of its records up to `through`.
struct LogPosition {
  std::string log = {};  // its id; empty: no log
  std::uint64_t through = 0;

  friend bool operator==(const LogPosition&, const LogPosition&) = default;
};

using Tag = std::optional<std::uint64_t>;  // of a record; none: it is found by its number alone

struct LogOptions {
  bool create = true;  // a folder that is not there
  // A log that is damaged before its end (not merely torn by a crash) throws kBadData when it is
  // opened, since records that were acknowledged are lost. With this it opens with those before the
  // damage.
  bool cut_at_damage = false;
  // As it is now, beside whoever has it open, who goes on: nothing is written, `trim` only leaves
  // out. Throws kNotFound where there is none.
  bool read_only = false;
};

struct Snapshot {
  std::string bytes;
  std::uint64_t sequence = 0;  // of the last record that it covers
};

class Log {
 public:
  // Throws kIo (naming the folder and what the system said), kUnavailable, kBadData, kNotFound.
  [[nodiscard]] static std::unique_ptr<Log> open(const std::filesystem::path& folder,
                                                 const LogOptions& options = {});
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // All of the records, side by side, or none. Returns the sequence number of the first. `tags`:
  // one a record, or none at all; what read_tagged finds it by. Throws kIo; kInvalidArgument on a
  // record beyond kMaxRecordBytes.
  std::uint64_t append(std::span<const std::string_view> records, Durability durability,
                       std::span<const Tag> tags = {});

  // Everything appended before the call is on the disk when it returns.
  void sync();

  // Given when the folder was made, to no other log; a copy of the folder has it, too.
  [[nodiscard]] const std::string& id() const;

  [[nodiscard]] std::uint64_t first() const;  // of the oldest record that is kept
  [[nodiscard]] std::uint64_t next() const;   // that the next record gets; first() when empty

  // Records from `from` (or first()) up to those that are there when the call begins, until `visit`
  // returns false. The view lives for the call alone.
  using Visit = std::function<bool(std::uint64_t sequence, std::string_view record)>;
  void read(std::uint64_t from, const Visit& visit) const;

  // The same of the records that carry the tag. O(log of all, and those that were appended with
  // others whose tags differ in the last ten bits).
  void read_tagged(std::uint64_t tag, const Visit& visit) const;

  // Puts other records where these are, all or none, on the disk, and removes the old bytes from
  // the folder. Tags stay. For erasure; costs as much as rewriting the files that hold them. Throws
  // kInvalidArgument on a number that is not there.
  using Replacement = std::pair<std::uint64_t, std::string>;
  void replace(std::span<const Replacement> records);

  // Drops the records before `before`, and their bytes and tags in the background.
  void trim(std::uint64_t before);

  // Atomic and on the disk when it returns, as are the records that it covers; takes the place of
  // an earlier one of the name ([a-z0-9_-], up to 64). Throws kInvalidArgument, kIo.
  void put_snapshot(std::string_view name, std::string_view bytes, std::uint64_t sequence);
  // How many of its records someone at `known` has followed: 0 where that is of another log. Throws
  // kBadData where it is beyond this one's end, since what comes next would count as known.
  [[nodiscard]] std::uint64_t followed(const LogPosition& known) const;

  // Throws kBadData on one that is damaged.
  [[nodiscard]] std::optional<Snapshot> snapshot(std::string_view name) const;

 private:
  struct Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace penchant::store
