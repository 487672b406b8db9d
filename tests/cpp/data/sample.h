#pragma once

// Small logs for the tests of the module.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "penchant/base/error.h"
#include "penchant/base/random.h"
#include "penchant/data/dataset.h"

namespace penchant::data {

struct SampleOptions {
  std::uint64_t seed = 1;
  std::uint32_t events = 500;
  std::uint32_t subjects = 20;
  std::uint32_t items = 15;
  std::uint32_t moments = 60;  // distinct times: few, so that rows share them
  InteractionOptions interactions = {};
};

struct Parts {
  IdMap subjects;
  IdMap items;
  EventColumns columns;
  std::vector<EventType> types;
  Catalogue catalogue;
};

inline Parts sample_parts(const SampleOptions& options) {
  Parts out;
  std::vector<std::string> subjects;
  for (std::uint32_t s = 0; s < options.subjects; ++s) subjects.push_back(concat("s", s));
  std::vector<std::int64_t> items;
  for (std::uint32_t i = 0; i < options.items; ++i) items.push_back(100 - 7 * std::int64_t{i});
  out.subjects = IdMap::from_strings(subjects);
  out.items = IdMap::from_integers(items);
  for (std::uint32_t i = 0; i < options.items; ++i) {
    out.catalogue.names.push_back(concat("item ", out.items.integer(i)));
  }
  out.types = {{"view", 0.1F}, {"purchase", 1.0F}, {"return", 0.0F}};
  const Philox random(options.seed, 77);
  for (std::uint32_t row = 0; row < options.events; ++row) {
    const std::uint32_t subject = random.below(options.subjects + 1, row, 0);
    out.columns.subjects.push_back(UserIndex{static_cast<std::int32_t>(subject) - 1});
    out.columns.items.push_back(
        ItemIndex{static_cast<std::int32_t>(random.below(options.items, row, 1))});
    out.columns.times.push_back(
        Timestamp{1'700'000'000'000'000 + 3'600'000'000LL * random.below(options.moments, row, 2)});
    out.columns.types.push_back(static_cast<std::uint8_t>(random.below(3, row, 3)));
    out.columns.values.push_back(0.5F * static_cast<float>(random.below(5, row, 4)));
  }
  return out;
}

inline Dataset sample(const SampleOptions& options = {}) {
  Parts parts = sample_parts(options);
  return {parts.subjects, parts.items,     parts.columns,
          parts.types,    parts.catalogue, options.interactions};
}

// The same rows, in the order of `order`.
inline EventColumns in_order(const EventColumns& from, const std::vector<std::size_t>& order) {
  EventColumns out;
  for (const std::size_t row : order) {
    out.subjects.push_back(from.subjects[row]);
    out.items.push_back(from.items[row]);
    out.times.push_back(from.times[row]);
    out.types.push_back(from.types[row]);
    out.values.push_back(from.values[row]);
  }
  return out;
}

}  // namespace penchant::data
