#include "penchant/data/utf8.h"

#include <cstddef>
#include <cstdint>

namespace penchant::data {
namespace {

struct Lead {
  std::size_t length = 0;   // of the sequence; 0: no sequence starts with this byte
  std::uint8_t low = 0x80;  // bounds of the second byte
  std::uint8_t high = 0xBF;
};

Lead lead_of(std::uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {.length = 2};
  if (byte == 0xE0) return {.length = 3, .low = 0xA0};
  if (byte == 0xED) return {.length = 3, .high = 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {.length = 3};
  if (byte == 0xF0) return {.length = 4, .low = 0x90};
  if (byte >= 0xF1 && byte <= 0xF3) return {.length = 4};
  if (byte == 0xF4) return {.length = 4, .high = 0x8F};
  return {};
}

}  // namespace

bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    if (byte(i) < 0x80) {
      ++i;
      continue;
    }
    const Lead lead = lead_of(byte(i));
    if (lead.length == 0 || text.size() - i < lead.length) return false;
    if (byte(i + 1) < lead.low || byte(i + 1) > lead.high) return false;
    for (std::size_t j = 2; j < lead.length; ++j) {
      if ((byte(i + j) & 0xC0) != 0x80) return false;
    }
    i += lead.length;
  }
  return true;
}

}  // namespace penchant::data
