#pragma once

// The artifact container: one file of named, typed, checksummed sections behind a JSON header.
// The format is docs/bundle_format/v1.md. Everything read is treated as hostile.
//
//   Writer writer;
//   writer.add("models/0/item_factors", factors.view());
//   writer.add_text("models/0/meta", json_text);
//   writer.write_file("shop.penchant", lineage_json);        // atomic: temporary, fsync, rename
//
//   auto reader = Reader::open("shop.penchant");              // maps, checks every byte's checksum
//   SharedArray<float> factors = reader->array<float>("models/0/item_factors");

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/base/matrix.h"

namespace penchant::bundle {

inline constexpr std::uint32_t kFormatVersion = 1;       // written
inline constexpr std::uint32_t kOldestReadable = 1;      // of files
inline constexpr std::size_t kAlignment = 64;            // of every section
inline constexpr std::size_t kMaxHeaderBytes = 1 << 24;  // of the JSON header

enum class DType : std::uint8_t { kUint8, kInt32, kInt64, kFloat32, kFloat64 };
[[nodiscard]] std::string_view dtype_name(DType dtype);  // "u8" "i32" "i64" "f32" "f64"
[[nodiscard]] std::size_t dtype_size(DType dtype);

template <class T>
[[nodiscard]] constexpr DType dtype_of() {
  static_assert(sizeof(T) == 1 || sizeof(T) == 4 || sizeof(T) == 8, "no section holds this type");
  static_assert(std::is_trivially_copyable_v<T>, "sections are plain bytes");
  if constexpr (sizeof(T) == 1)
    return DType::kUint8;
  else if constexpr (std::is_same_v<T, float>)
    return DType::kFloat32;
  else if constexpr (std::is_same_v<T, double>)
    return DType::kFloat64;
  else if constexpr (sizeof(T) == 4)
    return DType::kInt32;  // also ItemIndex, UserIndex
  else
    return DType::kInt64;  // also Timestamp
}

struct Section {
  std::string name;
  DType dtype = DType::kUint8;
  std::vector<std::uint64_t> shape;  // product * dtype_size == bytes
  std::uint64_t offset = 0;          // from the start of the file, a multiple of kAlignment
  std::uint64_t bytes = 0;
  std::uint64_t xxh3 = 0;  // XXH3-64 of the bytes, seed 0
};

class Writer {
 public:
  Writer();
  ~Writer();
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;

  template <class T>
  void add(std::string_view name, std::span<const T> values) {
    add_bytes(name, dtype_of<T>(), {values.size()}, std::as_bytes(values));
  }
  template <class T>
  void add(std::string_view name, MatrixView<const T> values) {
    add_bytes(name, dtype_of<T>(), {values.rows, values.columns},
              std::as_bytes(std::span<const T>(values.data, values.rows * values.columns)));
  }
  template <class T>
  requires(!std::is_const_v<T>) void add(std::string_view name, MatrixView<T> values) {
    add(name, MatrixView<const T>(values));
  }
  template <std::ranges::contiguous_range Values>  // vectors and strings
  requires(!std::is_array_v<Values>) void add(std::string_view name, const Values& values) {
    add(name, std::span<const std::ranges::range_value_t<Values>>(std::ranges::data(values),
                                                                  std::ranges::size(values)));
  }
  // Not copied: the writer keeps the owner. An empty owner means "nobody": then it is copied.
  template <class T>
  void add(std::string_view name, const SharedArray<T>& values) {
    add_shared(name, dtype_of<T>(), {values.size()}, std::as_bytes(values.span()), values.owner());
  }
  void add_text(std::string_view name, std::string_view text);  // UTF-8, a u8 section

  // Copies. Throws kInvalidArgument on a name that is empty, too long, not [a-z0-9_/.-], or taken.
  void add_bytes(std::string_view name, DType dtype, std::vector<std::uint64_t> shape,
                 std::span<const std::byte> bytes);
  // The same without the copy: `owner` keeps the bytes alive, and nobody may change them.
  void add_shared(std::string_view name, DType dtype, std::vector<std::uint64_t> shape,
                  std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  // The whole file as bytes. `lineage_json` is a JSON object kept verbatim under "lineage".
  // The same sections and lineage give the same bytes: nothing of the clock or the machine enters.
  [[nodiscard]] AlignedVector<std::byte> to_bytes(std::string_view lineage_json) const;

  // Atomic: a temporary beside `path`, fsync, rename, fsync of the folder. Throws kIo. Sections
  // are written from where they lie: no second copy of the file is made in memory.
  void write_file(const std::filesystem::path& path, std::string_view lineage_json) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Writes finished bytes atomically, as Writer::write_file does.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

// An opened bundle; immutable, safe to share between threads. Arrays keep it alive.
class Reader : public std::enable_shared_from_this<Reader> {
 public:
  // Maps the file. Checks the header, the layout and every checksum before it returns, so that
  // nothing later needs to. Throws kIo, kNotFound, kCorruptBundle. The file must not be changed
  // in place while it is mapped (a truncation would end the process with SIGBUS): replace it by
  // renaming another over it, as write_file does; readers then keep the old file.
  [[nodiscard]] static std::shared_ptr<const Reader> open(const std::filesystem::path& path);
  [[nodiscard]] static std::shared_ptr<const Reader> from_bytes(AlignedVector<std::byte> bytes);

  [[nodiscard]] bool has(std::string_view name) const;
  [[nodiscard]] const Section& section(std::string_view name) const;  // throws kCorruptBundle
  [[nodiscard]] const std::vector<Section>& sections() const;
  [[nodiscard]] const std::string& lineage_json() const;
  [[nodiscard]] const std::string& header_json() const;  // the header as it stands in the file
  [[nodiscard]] const std::string& fingerprint() const;  // 16 hex digits: XXH3 of the header bytes,
                                                         // which hold every section's checksum
  [[nodiscard]] std::span<const std::byte> file_bytes() const;

  // Typed views; a dtype or rank that differs from the section's throws kCorruptBundle. An array
  // keeps the reader alive; matrix and text do not: hold the reader beside them.
  template <class T>
  [[nodiscard]] SharedArray<T> array(std::string_view name) const {
    const auto bytes = checked(name, dtype_of<T>(), 1);
    return {shared_from_this(),
            {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)}};
  }
  template <class T>
  [[nodiscard]] MatrixView<const T> matrix(std::string_view name) const {
    const auto bytes = checked(name, dtype_of<T>(), 2);
    const Section& at = section(name);
    return {reinterpret_cast<const T*>(bytes.data()), at.shape[0], at.shape[1]};
  }
  [[nodiscard]] std::string_view text(std::string_view name) const;

 private:
  struct Impl;
  explicit Reader(std::unique_ptr<Impl> impl);
  [[nodiscard]] std::span<const std::byte> checked(std::string_view name, DType dtype,
                                                   std::size_t rank) const;

  std::unique_ptr<Impl> impl_;

 public:
  ~Reader();
};

}  // namespace penchant::bundle
