#pragma once

// Events of other trackers as ours, by a declared mapping: paths, constants and loops as data.
// docs/events.md describes the language.
//
//   auto segment = Mapping::from_json(json);
//   std::vector<std::string> ours;
//   Rejection rejection;
//   if (segment->apply(bytes, ours, rejection)) for (const std::string& one : ours)
//   taxonomy->read(...)

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/events/event.h"

namespace penchant::events {

class Mapping {
 public:
  // Throws kInvalidArgument with the place of the fault.
  [[nodiscard]] static std::shared_ptr<const Mapping> from_json(std::string_view json);
  ~Mapping();

  // Replaces `out` by envelopes for Taxonomy::read; a rule that loops gives several, whose ids then
  // end in "/1", "/2", ... from the second on. Any bytes at all: returns false with the rejection
  // (kUnmapped where no rule knows the event), throws on none. Thread-safe.
  [[nodiscard]] bool apply(std::string_view json, std::vector<std::string>& out,
                           Rejection& rejection) const;

  [[nodiscard]] const std::string& name() const;

  struct Impl;

 private:
  explicit Mapping(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace penchant::events
