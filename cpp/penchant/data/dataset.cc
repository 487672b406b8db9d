#include "penchant/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <numeric>
#include <tuple>
#include <utility>

#include <xxhash.h>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

// --- checks -------------------------------------------------------------------------------------

void check_columns(const EventColumns& events, std::size_t subjects, std::size_t items,
                   std::size_t types) {
  const std::size_t rows = events.size();
  check_argument(events.subjects.size() == rows && events.times.size() == rows &&
                     events.types.size() == rows && events.values.size() == rows,
                 "dataset: columns differ in length: subjects ", events.subjects.size(), ", items ",
                 rows, ", times ", events.times.size(), ", types ", events.types.size(),
                 ", values ", events.values.size());
  check_argument(rows <= std::numeric_limits<std::int32_t>::max(), "dataset: ", rows,
                 " events, at most 2^31 - 1 fit; fit on a window or split the log");
  for (std::size_t row = 0; row < rows; ++row) {
    const std::int32_t subject = events.subjects[row].value;
    const std::int32_t item = events.items[row].value;
    check_argument(subject >= -1 && std::cmp_less(subject, subjects), "dataset: row ", row,
                   ", subject index ", subject, " of ", subjects);
    check_argument(item >= 0 && std::cmp_less(item, items), "dataset: row ", row, ", item index ",
                   item, " of ", items);
    check_argument(events.types[row] < types, "dataset: row ", row, ", type index ",
                   events.types[row], " of ", types);
    check_argument(std::isfinite(events.values[row]) && events.values[row] >= 0, "dataset: row ",
                   row, ", value ", static_cast<double>(events.values[row]),
                   " is not finite and >= 0");
    check_argument(events.times[row].known() == events.times[0].known(), "dataset: row ", row,
                   ": either every event has a time or none has");
  }
}

void check_options(const std::vector<EventType>& types, const InteractionOptions& options) {
  check_argument(types.size() <= 256, "dataset: ", types.size(),
                 " event types, at most 256 fit; name fewer and put the rest in a column");
  for (const EventType& type : types) {
    check_argument(std::isfinite(type.weight) && type.weight >= 0, "dataset: type '", type.name,
                   "' has weight ", static_cast<double>(type.weight), ", not finite and >= 0");
  }
  check_argument(!options.half_life || options.half_life->micros > 0,
                 "dataset: half_life must be longer than nothing");
}

// --- one form for one set of events -------------------------------------------------------------

// Old index -> new one for the indices that `used` marks, in order; -1 for the rest.
struct Reduction {
  std::vector<std::int32_t> kept;
  std::vector<std::int32_t> renumbered;
};

Reduction reduce(const std::vector<std::uint8_t>& used) {
  Reduction out;
  out.renumbered.assign(used.size(), -1);
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (used[i] == 0) continue;
    out.renumbered[i] = static_cast<std::int32_t>(out.kept.size());
    out.kept.push_back(static_cast<std::int32_t>(i));
  }
  return out;
}

template <class Tag>
IdMap drop_unused(const IdMap& ids, std::vector<Index<Tag>>& column, Reduction& reduction,
                  const std::vector<std::uint8_t>& also = {}) {
  std::vector<std::uint8_t> used = also.empty() ? std::vector<std::uint8_t>(ids.size(), 0) : also;
  for (const auto index : column) {
    if (index.known()) used[static_cast<std::size_t>(index.value)] = 1;
  }
  reduction = reduce(used);
  if (reduction.kept.size() == ids.size()) return ids;
  for (auto& index : column) {
    if (index.known()) {
      index.value = reduction.renumbered[static_cast<std::size_t>(index.value)];
    }
  }
  return ids.subset(reduction.kept);
}

std::vector<EventType> canonical_types(const std::vector<EventType>& types,
                                       std::vector<std::uint8_t>& column) {
  std::vector<std::uint8_t> used(types.size(), 0);
  for (const std::uint8_t type : column) used[type] = 1;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (used[i] != 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return types[a].name < types[b].name; });
  std::vector<EventType> out;
  std::vector<std::uint8_t> renumbered(types.size(), 0);
  for (const std::size_t i : order) {
    check_argument(out.empty() || out.back().name != types[i].name, "dataset: type '",
                   types[i].name, "' is listed twice");
    renumbered[i] = static_cast<std::uint8_t>(out.size());
    out.push_back(types[i]);
  }
  for (std::uint8_t& type : column) type = renumbered[type];
  return out;
}

auto sort_key(const EventColumns& events, std::size_t row) {
  return std::make_tuple(events.times[row], events.subjects[row], events.items[row],
                         events.types[row], events.values[row]);
}

template <class T>
void permute(std::vector<T>& column, const std::vector<std::uint32_t>& order) {
  std::vector<T> out(column.size());
  for (std::size_t i = 0; i < order.size(); ++i) out[i] = column[order[i]];
  column = std::move(out);
}

void sort_rows(EventColumns& events) {
  const std::size_t rows = events.size();
  bool sorted = true;
  for (std::size_t row = 1; row < rows && sorted; ++row) {
    sorted = !(sort_key(events, row) < sort_key(events, row - 1));
  }
  if (sorted) return;
  // By time first, on a compact array; then each run of one moment by the whole key. Rows that
  // compare equal are equal, so the result does not depend on the order that came in.
  struct Stamp {
    std::int64_t micros;
    std::uint32_t row;
  };
  std::vector<Stamp> stamps(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    stamps[row] = {events.times[row].micros, static_cast<std::uint32_t>(row)};
  }
  std::sort(stamps.begin(), stamps.end(), [](const Stamp& a, const Stamp& b) {
    return std::tie(a.micros, a.row) < std::tie(b.micros, b.row);
  });
  std::vector<std::uint32_t> order(rows);
  std::transform(stamps.begin(), stamps.end(), order.begin(), [](const Stamp& s) { return s.row; });
  for (std::size_t begin = 0; begin < rows;) {
    std::size_t end = begin + 1;
    while (end < rows && stamps[end].micros == stamps[begin].micros) ++end;
    std::sort(order.begin() + static_cast<std::ptrdiff_t>(begin),
              order.begin() + static_cast<std::ptrdiff_t>(end),
              [&](std::uint32_t a, std::uint32_t b) {
                return sort_key(events, a) < sort_key(events, b);
              });
    begin = end;
  }
  permute(events.subjects, order);
  permute(events.items, order);
  permute(events.times, order);
  permute(events.types, order);
  permute(events.values, order);
}

// --- interactions -------------------------------------------------------------------------------

double weight_of(const Dataset& data, std::size_t row) {
  const EventColumns& events = data.events();
  if (!events.subjects[row].known()) return 0;
  return static_cast<double>(data.types()[events.types[row]].weight) *
         static_cast<double>(events.values[row]);
}

double recency(const Dataset& data, std::size_t row) {
  const auto& half_life = data.options().half_life;
  if (!half_life || !data.events().times[row].known()) return 1;
  const Duration age = data.last_time() - data.events().times[row];
  return std::exp2(-static_cast<double>(age.micros) / static_cast<double>(half_life->micros));
}

// Rows that weigh something, in the order (subject, item, row): two stable counting sorts.
struct GroupedRows {
  std::vector<std::uint32_t> rows;
  std::vector<std::int64_t> subject_begin;  // [subjects + 1]
};

GroupedRows group_rows(const Dataset& data) {
  const EventColumns& events = data.events();
  std::vector<std::int64_t> item_next(data.items().size() + 1, 0);
  GroupedRows out;
  out.subject_begin.assign(data.subjects().size() + 1, 0);
  std::vector<std::uint32_t> weighty;
  weighty.reserve(events.size());
  for (std::size_t row = 0; row < events.size(); ++row) {
    if (!(weight_of(data, row) > 0)) continue;
    weighty.push_back(static_cast<std::uint32_t>(row));
    ++item_next[static_cast<std::size_t>(events.items[row].value) + 1];
    ++out.subject_begin[static_cast<std::size_t>(events.subjects[row].value) + 1];
  }
  std::partial_sum(item_next.begin(), item_next.end(), item_next.begin());
  std::partial_sum(out.subject_begin.begin(), out.subject_begin.end(), out.subject_begin.begin());
  std::vector<std::uint32_t> by_item(weighty.size());
  for (const std::uint32_t row : weighty) {
    auto& next = item_next[static_cast<std::size_t>(events.items[row].value)];
    by_item[static_cast<std::size_t>(next++)] = row;
  }
  out.rows = std::move(weighty);
  std::vector<std::int64_t> subject_next(out.subject_begin.begin(), out.subject_begin.end() - 1);
  for (const std::uint32_t row : by_item) {
    auto& next = subject_next[static_cast<std::size_t>(events.subjects[row].value)];
    out.rows[static_cast<std::size_t>(next++)] = row;
  }
  return out;
}

Interactions make_interactions(const Dataset& data) {
  const EventColumns& events = data.events();
  const GroupedRows grouped = group_rows(data);
  const std::size_t num_subjects = data.subjects().size();
  std::vector<std::int64_t> offsets{0};
  offsets.reserve(num_subjects + 1);
  OwnedHistory pairs;
  for (std::size_t subject = 0; subject < num_subjects; ++subject) {
    auto at = static_cast<std::size_t>(grouped.subject_begin[subject]);
    const auto end = static_cast<std::size_t>(grouped.subject_begin[subject + 1]);
    while (at < end) {
      const std::uint32_t first_row = grouped.rows[at];
      const ItemIndex item = events.items[first_row];
      double value = 0;
      std::int32_t count = 0;
      std::uint32_t last_row = first_row;
      for (; at < end && events.items[grouped.rows[at]] == item; ++at) {
        // Lines of one basket share its time and are one visit; without times each line is one.
        const Timestamp time = events.times[grouped.rows[at]];
        if (count == 0 || !time.known() || time != events.times[last_row]) ++count;
        last_row = grouped.rows[at];
        value += weight_of(data, last_row) * recency(data, last_row);
      }
      // An old pair stays a pair, and a huge sum stays a number.
      value = std::clamp(value, static_cast<double>(std::numeric_limits<float>::min()),
                         static_cast<double>(std::numeric_limits<float>::max()));
      pairs.items.push_back(item);
      pairs.values.push_back(static_cast<float>(value));
      pairs.counts.push_back(count);
      pairs.first.push_back(events.times[first_row]);
      pairs.last.push_back(events.times[last_row]);
    }
    offsets.push_back(static_cast<std::int64_t>(pairs.items.size()));
  }
  return {data.items().size(),
          SharedArray<std::int64_t>::own(std::move(offsets)),
          SharedArray<ItemIndex>::own(std::move(pairs.items)),
          SharedArray<float>::own(std::move(pairs.values)),
          SharedArray<std::int32_t>::own(std::move(pairs.counts)),
          SharedArray<Timestamp>::own(std::move(pairs.first)),
          SharedArray<Timestamp>::own(std::move(pairs.last))};
}

// --- hash ---------------------------------------------------------------------------------------

class Hasher {
 public:
  Hasher() { XXH3_64bits_reset(&state_); }

  // Each part goes in with its length, so that no two lists of parts run together alike.
  void bytes(const void* data, std::size_t size) {
    const auto length = static_cast<std::uint64_t>(size);
    XXH3_64bits_update(&state_, &length, sizeof length);
    XXH3_64bits_update(&state_, data, size);
  }
  void text(std::string_view part) { bytes(part.data(), part.size()); }
  template <class T>
  void number(T value) {
    bytes(&value, sizeof value);
  }
  template <class Range>
  void array(const Range& values) {
    bytes(values.data(), values.size() * sizeof(*values.data()));
  }
  void ids(const IdMap& ids) {
    number(static_cast<std::uint8_t>(ids.kind()));
    number(static_cast<std::uint64_t>(ids.size()));
    array(ids.integers());
    if (ids.size() > 0) array(ids.offsets());
    array(ids.bytes());
  }
  [[nodiscard]] std::string hex() const {
    char out[17];
    std::snprintf(out, sizeof out, "%016llx",
                  static_cast<unsigned long long>(XXH3_64bits_digest(&state_)));
    return out;
  }

 private:
  XXH3_state_t state_;
};

}  // namespace

struct Dataset::Cache {
  std::mutex mutex;
  std::shared_ptr<const Interactions> interactions;
};

Dataset::Dataset(IdMap subjects, IdMap items, EventColumns columns, std::vector<EventType> types,
                 Catalogue catalogue, InteractionOptions options)
    : events_(std::move(columns)), options_(options), cache_(std::make_shared<Cache>()) {
  check_columns(events_, subjects.size(), items.size(), types.size());
  check_options(types, options_);
  check_argument(catalogue.names.empty() || catalogue.names.size() == items.size(),
                 "dataset: ", catalogue.names.size(), " item names for ", items.size(), " items");
  check_argument(catalogue.listed.empty() || catalogue.listed.size() == items.size(),
                 "dataset: ", catalogue.listed.size(), " marks of listed items for ", items.size(),
                 " items");
  for (float& value : events_.values) value += 0.0F;  // -0 and 0 are one value with one hash
  Reduction reduction;
  subjects_ = drop_unused(subjects, events_.subjects, reduction);
  items_ = drop_unused(items, events_.items, reduction, catalogue.listed);
  for (const std::int32_t kept : reduction.kept) {
    const auto item = static_cast<std::size_t>(kept);
    if (!catalogue.names.empty()) catalogue_.names.push_back(std::move(catalogue.names[item]));
    if (!catalogue.listed.empty()) catalogue_.listed.push_back(catalogue.listed[item]);
  }
  types_ = canonical_types(types, events_.types);
  sort_rows(events_);
}

Timestamp Dataset::first_time() const {
  return events_.times.empty() ? Timestamp{} : events_.times.front();
}

Timestamp Dataset::last_time() const {
  return events_.times.empty() ? Timestamp{} : events_.times.back();
}

std::shared_ptr<const Interactions> Dataset::interactions() const {
  const std::lock_guard lock(cache_->mutex);
  if (!cache_->interactions) {
    cache_->interactions = std::make_shared<const Interactions>(make_interactions(*this));
  }
  return cache_->interactions;
}

Dataset Dataset::filtered(std::span<const std::uint8_t> keep) const {
  check_argument(keep.size() == size(), "dataset: ", keep.size(), " marks for ", size(), " rows");
  EventColumns kept;
  const auto count = static_cast<std::size_t>(
      std::count_if(keep.begin(), keep.end(), [](std::uint8_t mark) { return mark != 0; }));
  const auto pick = [&](const auto& from, auto& to) {
    to.reserve(count);
    for (std::size_t row = 0; row < keep.size(); ++row) {
      if (keep[row] != 0) to.push_back(from[row]);
    }
  };
  pick(events_.subjects, kept.subjects);
  pick(events_.items, kept.items);
  pick(events_.times, kept.times);
  pick(events_.types, kept.types);
  pick(events_.values, kept.values);
  return {subjects_, items_, std::move(kept), types_, catalogue_, options_};
}

std::vector<std::uint8_t> Dataset::repeated_rows() const {
  std::vector<std::uint8_t> out(size(), 0);
  for (std::size_t row = 1; row < out.size(); ++row) {
    out[row] = sort_key(events_, row) == sort_key(events_, row - 1) ? 1 : 0;
  }
  return out;
}

std::string Dataset::hash() const {
  Hasher hasher;
  hasher.text("penchant dataset 1");
  hasher.ids(subjects_);
  hasher.ids(items_);
  hasher.array(events_.subjects);
  hasher.array(events_.items);
  hasher.array(events_.times);
  hasher.array(events_.types);
  hasher.array(events_.values);
  for (const EventType& type : types_) {
    hasher.text(type.name);
    hasher.number(type.weight);
  }
  hasher.number(options_.half_life ? options_.half_life->micros : std::int64_t{0});
  return hasher.hex();
}

}  // namespace penchant::data
