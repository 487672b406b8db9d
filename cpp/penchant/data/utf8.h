#pragma once

// Whether text is what JSON and Python take for text.

#include <string_view>

namespace penchant::data {

// Well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above
// U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace penchant::data
