#pragma once

// Bundles whose checksums are right and whose contents are not: a bundle's sections, each edited,
// sealed again.
//
//   const auto reader = edited(*honest, setting("index/levels", 0, std::uint8_t{200}));

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "penchant/bundle/bundle.h"

namespace penchant::testing {

using Bytes = std::vector<std::byte>;
using Edit = std::function<void(const std::string& section, Bytes& bytes)>;

// A section whose size an edit changes becomes one row of values.
inline std::shared_ptr<const bundle::Reader> edited(const bundle::Reader& reader,
                                                    const Edit& edit) {
  bundle::Writer out;
  for (const bundle::Section& section : reader.sections()) {
    const auto from = reader.file_bytes().subspan(section.offset, section.bytes);
    Bytes bytes(from.begin(), from.end());
    edit(section.name, bytes);
    std::vector<std::uint64_t> shape = section.shape;
    if (bytes.size() != section.bytes && !shape.empty()) {
      shape = {bytes.size() / bundle::dtype_size(section.dtype)};
    }
    out.add_bytes(section.name, section.dtype, shape, bytes);
  }
  return bundle::Reader::from_bytes(out.to_bytes(reader.lineage_json()));
}

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at * sizeof(T), &value, sizeof(T));
}

template <class T>
Edit setting(std::string section, std::size_t at, T value) {
  return [=](const std::string& name, Bytes& bytes) {
    if (name == section) put(bytes, at, value);
  };
}

inline Edit cutting(std::string section, std::size_t bytes_less) {
  return [=](const std::string& name, Bytes& bytes) {
    if (name == section) bytes.resize(bytes.size() - bytes_less);
  };
}

inline Edit rewriting(std::string section, std::string from, std::string to) {
  return [=](const std::string& name, Bytes& bytes) {
    if (name != section) return;
    std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from << " in " << text;
    text.replace(at, from.size(), to);
    bytes.resize(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
  };
}

}  // namespace penchant::testing
