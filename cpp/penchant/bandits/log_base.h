#pragma once

// Where a log begins of which records were dropped: what the dropped ones taught and left waiting,
// so that a fold over the kept ones goes on as if all were there. It lies beside the log as
// "base.snapshot" and covers the records before the first that is kept.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "penchant/bandits/journal.h"
#include "penchant/base/time.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bandits {

// What is no longer in a log.
struct Dropped {
  std::uint64_t records = 0;
  std::uint64_t decisions = 0;  // but for those about people who were forgotten
  std::uint64_t bytes = 0;      // of the records
  Timestamp until{};            // the log's time after the last of them; unknown: none was dropped

  friend bool operator==(const Dropped&, const Dropped&) = default;
};

struct BaseHead {
  std::uint64_t fingerprint = 0;  // of the loop that wrote it
  std::uint64_t epoch = 0;
  Dropped dropped{};
  std::vector<std::string> policies{};  // their names, in the order of their sections
};

struct BaseFile {
  std::uint64_t sequence = 0;  // of the last record that was dropped
  BaseHead head{};
  std::string joiner{};                           // Joiner::restore
  std::shared_ptr<const bundle::Reader> state{};  // of the policies
};

// Adds what is no policy's to a base that is being written.
void write_base(bundle::Writer& writer, const BaseHead& head, const std::string& joiner);

// Nothing where none was written. Throws kBadData, kCorruptBundle.
[[nodiscard]] std::optional<BaseFile> read_base(const Journal& journal);

}  // namespace penchant::bandits
