#include "penchant/engine/json_writing.h"

namespace penchant::engine {

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr char kHex[] = "0123456789abcdef";
          out += "\\u00";
          out += kHex[static_cast<unsigned char>(c) >> 4];
          out += kHex[static_cast<unsigned char>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void append_id(std::string& out, const ExternalId& id) {
  if (const auto* text = std::get_if<std::string>(&id)) {
    append_string(out, *text);
  } else {
    append_number(out, std::get<std::int64_t>(id));
  }
}

}  // namespace penchant::engine
