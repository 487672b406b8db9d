#pragma once

// Making bundles by hand, honest and otherwise: the format once more, written from the document
// and independent of cpp/penchant/bundle, so that a forged file passes the checksums and reaches
// the checks behind them.

#ifndef XXH_INLINE_ALL
#define XXH_INLINE_ALL
#endif
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "penchant/bundle/bundle.h"

namespace penchant::bundle::forge {

using Bytes = AlignedVector<std::byte>;

inline Bytes to_bytes(std::string_view text) {
  Bytes out(text.size());
  if (!text.empty()) std::memcpy(out.data(), text.data(), text.size());
  return out;
}

inline std::string to_string(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

template <class T>
void put(std::string& file, std::size_t at, T value) {
  file.replace(at, sizeof value, reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
T get(std::string_view file, std::size_t at) {
  T value{};
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

inline std::size_t aligned(std::size_t position) { return (position + 63) / 64 * 64; }

// Recomputes the checksums of the header and of the prefix.
inline void seal(std::string& file) {
  if (file.size() < 64) return;
  const auto length = std::min<std::uint64_t>(get<std::uint64_t>(file, 16), file.size() - 64);
  put(file, 24, XXH3_64bits(file.data() + 64, static_cast<std::size_t>(length)));
  put(file, 56, XXH3_64bits(file.data(), 56));
}

// A file around any header and any data area, with the prefix an honest writer would give it.
inline std::string file_of(std::string_view header, std::string_view data,
                           std::uint32_t version = 1, std::uint32_t oldest = 1) {
  std::string file(64, '\0');
  std::memcpy(file.data(), "\x89PNCH\r\n\x1a", 8);
  put(file, 8, version);
  put(file, 12, oldest);
  put(file, 16, std::uint64_t{header.size()});
  file += header;
  file.resize(aligned(file.size()));
  file += data;
  put(file, 32, std::uint64_t{file.size()});
  seal(file);
  return file;
}

inline std::string header_of(std::string_view file) {
  return std::string(file.substr(64, static_cast<std::size_t>(get<std::uint64_t>(file, 16))));
}

inline std::string data_of(std::string_view file) {
  return std::string(file.substr(std::min(aligned(64 + header_of(file).size()), file.size())));
}

// Makes a broken file as believable as can be: signature, version, sizes, and every checksum that
// can be found, down to those of the sections.
inline void repair(std::string& file) {
  if (file.size() < 64) return;
  std::memcpy(file.data(), "\x89PNCH\r\n\x1a", 8);
  put(file, 8, std::uint32_t{1});
  put(file, 12, std::uint32_t{1});
  put(file, 40, std::uint64_t{0});
  put(file, 48, std::uint64_t{0});
  put(file, 32, std::uint64_t{file.size()});
  const auto length = get<std::uint64_t>(file, 16);
  if (length <= file.size() - 64) {
    const std::size_t start = aligned(64 + static_cast<std::size_t>(length));
    const auto header =
        nlohmann::json::parse(file.begin() + 64, file.begin() + 64 + static_cast<long>(length),
                              nullptr, /*allow_exceptions=*/false);
    const auto number = [](const nlohmann::json& object, const char* key) {
      const auto at = object.find(key);
      return at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : ~0ULL;
    };
    std::size_t at = 64;
    if (header.is_object() && header.contains("sections") && header["sections"].is_array()) {
      for (const auto& section : header["sections"]) {
        at = std::min(file.find("\"xxh3\":\"", at), file.size());
        if (!section.is_object() || at + 24 > 64 + length) break;
        at += 8;
        const std::uint64_t offset = number(section, "offset");
        const std::uint64_t bytes = number(section, "bytes");
        if (start > file.size() || offset > file.size() - start ||
            bytes > file.size() - start - offset) {
          continue;
        }
        file.replace(
            at, 16,
            hex(XXH3_64bits(file.data() + start + offset, static_cast<std::size_t>(bytes))));
      }
    }
  }
  seal(file);
}

// Two matrices, an empty one, a text, odd sizes that need padding: under 1 KB.
inline Writer sample_writer() {
  Writer writer;
  const std::vector<float> factors = {1.5F, -2.0F, 0.25F, 3.0F, 0.0F, -0.0F};
  writer.add("models/0/item_factors", MatrixView<const float>{factors.data(), 3, 2});
  writer.add("ids/offsets", std::vector<std::int64_t>{0, 3, 5});
  writer.add("ids/rows", std::vector<std::int32_t>{7, -1, 2});
  writer.add("empty", MatrixView<const double>{nullptr, 0, 4});
  writer.add_text("models/0/meta", "{\"kind\":\"als\"}");
  return writer;
}

inline constexpr std::string_view kSampleLineage = R"({"seed":7,"time":["2011-11-12", {"a":1.0}]})";

inline std::string sample_file() { return to_string(sample_writer().to_bytes(kSampleLineage)); }

}  // namespace penchant::bundle::forge
