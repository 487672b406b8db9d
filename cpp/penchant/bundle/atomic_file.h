#pragma once

// A file that appears whole or not at all:
//
//   AtomicFile file("shop.penchant");   // opens ".penchant-<process>-<number>.tmp" beside it
//   file.write(bytes);
//   file.commit();                      // fsync, rename over the target, fsync of the folder
//
// Without commit() the temporary is removed and what was at the path stays.

#include <cstddef>
#include <filesystem>
#include <span>

namespace penchant::bundle {

class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& target);  // throws kIo, kInvalidArgument
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::span<const std::byte> bytes);  // appends; throws kIo
  void commit();                                 // once, last; throws kIo

 private:
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
};

}  // namespace penchant::bundle
