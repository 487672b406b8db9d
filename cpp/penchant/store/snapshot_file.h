#pragma once

// A snapshot as a file: signature, sequence, size, bytes, and an XXH3 checksum over all of it.

#include <filesystem>
#include <string_view>

#include "penchant/store/log.h"

namespace penchant::store {

// Atomic and on the disk when it returns. Throws kIo.
void write_snapshot_file(const std::filesystem::path& path, std::string_view bytes,
                         std::uint64_t sequence);

// Nothing where there is no such file. Throws kIo, kBadData.
[[nodiscard]] std::optional<Snapshot> read_snapshot_file(const std::filesystem::path& path);

}  // namespace penchant::store
