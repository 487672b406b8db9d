#pragma once

// A whole file seen as memory, privately and read-only; movable, unmapped when it goes.

#include <cstddef>
#include <filesystem>
#include <span>

namespace penchant::bundle {

class MappedFile {
 public:
  MappedFile() = default;
  // Throws kNotFound, kIo (also for what is no regular file). An empty file gives empty bytes.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

  // Hints to the system: read ahead, or don't.
  void will_read_through() const;
  void will_read_anywhere() const;

 private:
  void advise(int advice) const;

  std::span<const std::byte> bytes_;
};

}  // namespace penchant::bundle
