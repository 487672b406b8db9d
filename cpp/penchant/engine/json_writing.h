#pragma once

// Writing JSON by hand, in a fixed order and with numbers in their shortest exact form, so that
// equal answers are equal bytes.

#include <charconv>
#include <string>
#include <string_view>

#include "penchant/engine/request.h"

namespace penchant::engine {

void append_string(std::string& out, std::string_view text);
void append_id(std::string& out, const ExternalId& id);

template <class Number>
void append_number(std::string& out, Number value) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

}  // namespace penchant::engine
