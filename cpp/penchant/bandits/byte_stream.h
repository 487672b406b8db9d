#pragma once

// Little-endian members one after the other; reading checks the room before it believes a length.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "penchant/base/error.h"

namespace penchant::bandits {

static_assert(std::endian::native == std::endian::little, "members are copied as they lie");

class ByteWriter {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void put_text(std::string_view text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  void put_numbers(const std::vector<double>& numbers) {
    put(static_cast<std::uint32_t>(numbers.size()));
    bytes_.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double));
  }
  [[nodiscard]] std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

// Throws kBadData, naming what it reads, where the bytes end too soon.
class ByteReader {
 public:
  ByteReader(std::string_view bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  template <class T>
  [[nodiscard]] T get() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  [[nodiscard]] bool get_flag() {
    const auto flag = get<std::uint8_t>();
    if (flag > 1) bad("a flag is ", std::uint32_t{flag});
    return flag == 1;
  }
  [[nodiscard]] std::string_view get_text(std::size_t most) {
    const auto size = get<std::uint32_t>();
    if (size > most) bad("a text has ", size, " bytes, at most ", most, " are allowed");
    return take(size);
  }
  [[nodiscard]] std::vector<double> get_numbers(std::size_t most) {
    const auto count = get<std::uint32_t>();
    if (count > most) bad(count, " numbers, at most ", most, " are allowed");
    const std::string_view bytes = take(count * sizeof(double));
    std::vector<double> out(count);
    if (count > 0) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
  // A number of things of which each takes at least `each` bytes.
  [[nodiscard]] std::size_t get_count(std::size_t each) {
    const auto count = get<std::uint64_t>();
    if (count > bytes_.size() / each) bad(count, " entries in ", bytes_.size(), " bytes");
    return static_cast<std::size_t>(count);
  }
  [[nodiscard]] std::string_view rest() const { return bytes_; }
  void expect_end() const {
    if (!bytes_.empty()) bad(bytes_.size(), " bytes follow its end");
  }

  template <class... Parts>
  [[noreturn]] void bad(const Parts&... parts) const {
    fail(ErrorKind::kBadData, concat(what_, ": ", parts...));
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) bad("it ends too soon");
    const std::string_view out = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return out;
  }

  std::string_view bytes_;
  std::string_view what_;
};

}  // namespace penchant::bandits
