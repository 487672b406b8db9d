#pragma once

// What fitted models share beside themselves: whose ids are known, what everyone did, and what to
// show when nothing is known. A fitted model answers for external ids with one of these; an engine
// holds one for all its models.

#include <memory>
#include <string>
#include <vector>

#include "penchant/data/attributes.h"
#include "penchant/data/dataset.h"
#include "penchant/models/model.h"

namespace penchant::models {

struct Context {
  data::IdMap subjects;
  data::IdMap items;
  data::Interactions history;              // [subjects, items]
  SharedArray<float> popularity;           // one an item: distinct subjects, halved every 28 days
  SharedArray<std::int64_t> name_offsets;  // [items + 1] into names; empty: no names
  SharedArray<char> names;                 // UTF-8
  Timestamp as_of;                         // the last event of training
  bool purchases_only = false;             // every event that counts is a purchase by its type
  data::AttributeTable attributes;         // of the subjects, a row each; empty: none are known

  [[nodiscard]] std::string_view item_name(ItemIndex item) const;  // empty when not known

  [[nodiscard]] static std::shared_ptr<const Context> of(const data::Dataset& data,
                                                         data::AttributeTable attributes = {});
  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static std::shared_ptr<const Context> load(
      const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix);
};

}  // namespace penchant::models
