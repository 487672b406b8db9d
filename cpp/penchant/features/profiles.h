#pragma once

// A plan with the events that it has seen and what they are about: what a bundle holds of features.
// Totals are not stored: they are a fold over the events, and reading them in again makes the same.
//
//   const auto profiles = Profiles::of({plan, subjects, items, ...}, threads);
//   profiles->save(writer, "profiles");
//   profiles->state().read(points, 1, columns);

#include <memory>
#include <string>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"
#include "penchant/data/id_map.h"
#include "penchant/features/state.h"

namespace penchant::features {

// A batch of events with its memory.
struct EventColumns {
  SharedArray<std::int64_t> times;
  SharedArray<std::int32_t> types;
  SharedArray<std::int32_t> subjects;
  SharedArray<std::int32_t> items;
  std::vector<SharedArray<std::int64_t>> numbers;
  std::vector<SharedArray<std::int32_t>> codes;
};

struct ProfileParts {
  std::shared_ptr<const Plan> plan;
  data::IdMap subjects;
  data::IdMap items;
  ItemTable table;                      // a row an item
  SubjectTable people;                  // a row a subject
  std::vector<data::IdMap> item_texts;  // what codes of items stand for, one a column of codes
  std::vector<data::IdMap> code_texts;  // and of events; none where they stand for subjects
  EventColumns events;
  std::string rules = {};  // of segments that keys are by, as SegmentRules reads; empty: none
};

class Profiles {
 public:
  // Throws kInvalidArgument when the parts don't fit together, kBadData when a sum leaves 64 bits.
  [[nodiscard]] static std::shared_ptr<const Profiles> of(ProfileParts parts, int threads);

  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] const Plan& plan() const { return *parts_.plan; }
  [[nodiscard]] const data::IdMap& subjects() const { return parts_.subjects; }
  [[nodiscard]] const data::IdMap& items() const { return parts_.items; }
  [[nodiscard]] const data::IdMap& item_texts(std::size_t column) const {
    return parts_.item_texts[column];
  }
  [[nodiscard]] const data::IdMap& code_texts(std::size_t column) const {
    return parts_.code_texts[column];
  }

  // Writes "<prefix>/plan", "/subjects/...", "/items/...", "/item_codes/<i>",
  // "/item_texts/<i>/...",
  // "/item_numbers/<i>", "/subject_codes/<i>", "/rules", "/vectors/<i>", "/code_texts/<i>/...",
  // "/times",
  // "/types",
  // "/event_subjects",
  // "/event_items", "/numbers/<i>" and
  // "/codes/<i>".
  void save(bundle::Writer& writer, const std::string& prefix) const;
  // Null when there are none. Throws kCorruptBundle.
  [[nodiscard]] static std::shared_ptr<const Profiles> load(const bundle::Reader& reader,
                                                            const std::string& prefix);

 private:
  explicit Profiles(ProfileParts parts);

  ProfileParts parts_;
  State state_;
};

}  // namespace penchant::features
