#pragma once

// A declared taxonomy, from JSON. For sources only: nlohmann's is a heavy header.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "penchant/events/taxonomy.h"

namespace penchant::events {

class TaxonomyReader {
 public:
  using Json = nlohmann::json;

  // Adds what the JSON declares to `out`. Throws kInvalidArgument.
  static void read(std::string_view json, Taxonomy& out);
};

}  // namespace penchant::events
