#pragma once

// A declared mapping as it is kept. For sources only.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "penchant/events/mapping.h"

namespace penchant::events {

// "a.b.0.c" from where one stands; "$.a" from the whole event.
struct MappingPath {
  bool from_root = false;
  std::vector<std::string> steps = {};
};

// Any of these texts; one that ends in '*' is the beginning.
struct MappingPattern {
  std::vector<std::string> any = {};
  [[nodiscard]] bool matches(std::string_view text) const;
};

struct MappingCondition {
  MappingPath path = {};
  MappingPattern pattern = {};
};

// Elements of a list (or the one value that is no list) for which all conditions hold; of each,
// what `take` leads to.
struct MappingSource {
  MappingPath in = {};
  std::vector<MappingCondition> where = {};
  MappingPath take = {};
};

// The first of the sources, or the constant, that gives a value.
struct MappingExpression {
  std::vector<MappingSource> sources = {};         // the first element of each
  std::map<std::string, std::string> values = {};  // from text to JSON; empty: as it is
  std::string fallback = {};                       // JSON, where nothing else is there; empty: none
};

using MappingMembers = std::vector<std::pair<std::string, MappingExpression>>;

struct MappingLoop {
  std::vector<MappingSource> each = {};  // the first that has an element
  MappingMembers members = {};
};

struct MappingRule {
  std::vector<MappingCondition> when = {};
  std::string type = {};
  std::optional<std::uint32_t> version = {};
  std::vector<MappingSource> each = {};  // an event each; empty: one event
  MappingMembers envelope = {};          // event_id, time, subject, item
  MappingMembers identifiers = {};
  MappingMembers context = {};
  MappingMembers fields = {};
  std::optional<MappingLoop> lines = {};
};

struct Mapping::Impl {
  std::string name;
  std::vector<MappingRule> rules;
};

// Throws kInvalidArgument.
[[nodiscard]] Mapping::Impl read_mapping(std::string_view json);

}  // namespace penchant::events
