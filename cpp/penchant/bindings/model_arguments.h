#pragma once

// How the bindings of models read what their trainers share.

#include <optional>

#include "penchant/bindings/register.h"
#include "penchant/models/model.h"
#include "penchant/models/pair_weight.h"

namespace penchant::bindings {

inline std::shared_ptr<models::Model> unconst(std::shared_ptr<const models::Model> model) {
  return std::const_pointer_cast<models::Model>(std::move(model));
}

inline std::optional<Duration> duration(std::optional<std::int64_t> micros) {
  return micros ? std::optional(Duration{*micros}) : std::nullopt;
}

inline models::PairWeighting weighting(std::string_view value,
                                       std::optional<std::int64_t> half_life) {
  check_argument(!half_life || *half_life > 0, "half_life must be longer than nothing");
  return {models::parse_value_weighting(value), duration(half_life)};
}

// Wraps a Python callable of (done, total); it runs with the GIL held, so Ctrl-C and errors of a
// progress bar come through.
inline models::Progress progress_of(const py::object& callable) {
  if (callable.is_none()) return {};
  return [callable](int done, int total) {
    const py::gil_scoped_acquire acquire;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    callable(done, total);
  };
}

// Ragged rows of a catalogue's items, one a person.
inline std::vector<std::vector<ItemIndex>> item_lists(std::span<const std::int64_t> offsets,
                                                      std::span<const ItemIndex> items,
                                                      std::size_t rows, std::size_t num_items) {
  check_argument(offsets.size() == rows + 1, "offsets must have one entry more than subjects");
  std::vector<std::vector<ItemIndex>> out(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    check_argument(offsets[r] >= 0 && offsets[r] <= offsets[r + 1] &&
                       static_cast<std::size_t>(offsets[r + 1]) <= items.size(),
                   "offsets are out of bounds");
    out[r].assign(items.begin() + offsets[r], items.begin() + offsets[r + 1]);
    for (const ItemIndex item : out[r]) {
      check_argument(item.known() && static_cast<std::size_t>(item.value) < num_items,
                     "truth: item index ", item.value, " is out of bounds");
    }
  }
  return out;
}

}  // namespace penchant::bindings
