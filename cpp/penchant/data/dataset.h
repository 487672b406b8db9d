#pragma once

// A cleaned event log with its id maps and catalogue: what models and pipelines are fitted on.
//
//   Dataset data(subjects, items, std::move(columns), catalogue);
//   auto [train, test] = split_temporal(data, cut);
//   Interactions pairs = train.interactions({.half_life = parse_duration("60d")});
//
// Rows are kept sorted by (time, subject, item, type, value), so a dataset depends on the set of
// events alone and not on the order they came in.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/ids.h"
#include "penchant/base/time.h"
#include "penchant/data/id_map.h"
#include "penchant/data/interactions.h"

namespace penchant::data {

// Parallel columns, one row an event.
struct EventColumns {
  std::vector<UserIndex> subjects;  // -1: nobody known (counts for items, not for people)
  std::vector<ItemIndex> items;
  std::vector<Timestamp> times;     // all known, or none (a log without times)
  std::vector<std::uint8_t> types;  // index into Dataset::type_names
  std::vector<float> values;        // finite, >= 0

  [[nodiscard]] std::size_t size() const { return items.size(); }
};

// What is known of items beside events. Empty columns mean "not known".
struct Catalogue {
  std::vector<std::string> names = {};  // one an item, may be empty
  // One an item: 1 keeps an item that no event has (just launched, or with its events in the other
  // part of a split).
  std::vector<std::uint8_t> listed = {};
};

struct EventType {
  std::string name;     // "purchase"
  float weight = 1.0F;  // of one event of this type in the interactions; 0 leaves it out
};

struct InteractionOptions {
  // An event of age a (before the dataset's last event) counts 2^(-a / half_life).
  std::optional<Duration> half_life;
};

class Dataset {
 public:
  // Takes rows in any order. Ids and types that no event uses are dropped, but for the items that
  // the catalogue lists; types are put in the order of their names. Throws kInvalidArgument when
  // columns differ in length, an index is out of bounds, a value is not finite and >= 0, some times
  // are known and others not, or there are more than 2^31 - 1 rows.
  Dataset(IdMap subjects, IdMap items, EventColumns columns, std::vector<EventType> types,
          Catalogue catalogue, InteractionOptions options);

  [[nodiscard]] const IdMap& subjects() const { return subjects_; }
  [[nodiscard]] const IdMap& items() const { return items_; }
  [[nodiscard]] const EventColumns& events() const { return events_; }
  [[nodiscard]] const std::vector<EventType>& types() const { return types_; }
  [[nodiscard]] const Catalogue& catalogue() const { return catalogue_; }
  [[nodiscard]] const InteractionOptions& options() const { return options_; }
  [[nodiscard]] std::size_t size() const { return events_.size(); }
  [[nodiscard]] Timestamp first_time() const;  // unknown when empty
  [[nodiscard]] Timestamp last_time() const;

  // One entry a (subject, item) pair:
  //   value = sum over the pair's events of type weight * event value * 2^(-age / half_life),
  //   count = number of distinct times of its events of positive weight (events where times are
  //           unknown): lines of one basket are one visit;
  // pairs without such an event, and events of nobody known, have no entry. Summed in double in the
  // order of the rows, then kept within [smallest normal float, largest float]. Computed once.
  [[nodiscard]] std::shared_ptr<const Interactions> interactions() const;

  // The rows where keep[row] is not 0, with ids reduced to those that remain.
  [[nodiscard]] Dataset filtered(std::span<const std::uint8_t> keep) const;

  // A byte a row: 1 where the row equals the one before it in every column.
  [[nodiscard]] std::vector<std::uint8_t> repeated_rows() const;

  // 16 hex digits over ids, events, types and options: equal data, equal hash. The catalogue's
  // names are not part of it: no model is fitted on them.
  [[nodiscard]] std::string hash() const;

 private:
  IdMap subjects_;
  IdMap items_;
  EventColumns events_;
  std::vector<EventType> types_;
  Catalogue catalogue_;
  InteractionOptions options_;
  struct Cache;
  std::shared_ptr<Cache> cache_;  // the interactions, made at first use under a lock
};

}  // namespace penchant::data
