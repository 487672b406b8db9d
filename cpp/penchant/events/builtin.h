#pragma once

#include <string_view>

namespace penchant::events {

// The types that every shop has, as a declared taxonomy.
extern const std::string_view kBuiltinTaxonomy;

}  // namespace penchant::events
