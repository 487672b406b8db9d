#pragma once

// Pieces of JSON text.

#include <algorithm>
#include <string>
#include <string_view>

namespace penchant::events {

// Quoted, with what JSON can't hold as it is escaped. The text is UTF-8.
inline void append_quoted(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// A name that someone sent, for a message: short, and nothing but printable ASCII.
inline std::string shown_name(std::string_view name) {
  constexpr std::size_t kMost = 64;
  std::string out(name.substr(0, kMost));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  if (name.size() > kMost) out += "...";
  return out;
}

}  // namespace penchant::events
