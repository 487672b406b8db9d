#include "penchant/models/context_update.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "penchant/models/pair_weight.h"

namespace penchant::models {
namespace {

constexpr Duration kPopularityHalfLife{28LL * 86'400 * 1'000'000};  // as Context::of has it

data::IdMap merged(const data::IdMap& a, const data::IdMap& b, const char* what) {
  if (a.size() == 0) return b;
  if (b.size() == 0) return a;
  check_argument(a.kind() == b.kind(), "partial fit: the ", what,
                 " of the model and of the new events are not of one kind (integers, strings)");
  if (a.kind() == data::IdKind::kInteger) {
    std::vector<std::int64_t> ids(a.integers().begin(), a.integers().end());
    ids.insert(ids.end(), b.integers().begin(), b.integers().end());
    return data::IdMap::from_integers(std::move(ids));
  }
  std::vector<std::string> ids;
  for (const data::IdMap* map : {&a, &b}) {
    for (std::size_t i = 0; i < map->size(); ++i) ids.emplace_back(map->string(i));
  }
  return data::IdMap::from_strings(std::move(ids));
}

// Row of each id of `all` in `part`, or -1.
std::vector<std::int32_t> rows_in(const data::IdMap& all, const data::IdMap& part) {
  std::vector<std::int32_t> out(all.size(), -1);
  if (part.size() == 0) return out;
  for (std::size_t i = 0; i < all.size(); ++i) {
    out[i] =
        all.kind() == data::IdKind::kInteger ? part.find(all.integer(i)) : part.find(all.string(i));
  }
  return out;
}

std::vector<std::int32_t> inverted(const std::vector<std::int32_t>& rows, std::size_t size) {
  std::vector<std::int32_t> out(size, -1);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] >= 0) out[static_cast<std::size_t>(rows[i])] = static_cast<std::int32_t>(i);
  }
  return out;
}

Timestamp later(Timestamp a, Timestamp b) {
  if (!a.known()) return b;
  return b.known() ? std::max(a, b) : a;
}

// One side's rows in the new ids, its values times `factor`.
struct Source {
  const data::Interactions* pairs = nullptr;
  const std::vector<std::int32_t>* user_rows = nullptr;
  std::vector<std::int32_t> to_item;
  double factor = 1;
};

// Appends one subject's merged history.
void append_row(const std::vector<Source>& sources, std::size_t subject, data::OwnedHistory& out) {
  struct Entry {
    std::int32_t item;
    const data::History* row;
    std::size_t at;
    double factor;
  };
  std::vector<data::History> rows;
  rows.reserve(sources.size());  // entries point into it
  std::vector<Entry> entries;
  for (const Source& source : sources) {
    const std::int32_t row = (*source.user_rows)[subject];
    if (row < 0) continue;
    rows.push_back(source.pairs->history(UserIndex(row)));
    for (std::size_t k = 0; k < rows.back().size(); ++k) {
      const auto item = static_cast<std::size_t>(rows.back().items[k].value);
      entries.push_back({source.to_item[item], &rows.back(), k, source.factor});
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.item < b.item; });
  for (std::size_t k = 0; k < entries.size(); ++k) {
    const Entry& e = entries[k];
    const double value = e.factor * static_cast<double>(e.row->values[e.at]);
    if (k > 0 && entries[k - 1].item == e.item) {
      out.values.back() = static_cast<float>(static_cast<double>(out.values.back()) + value);
      out.counts.back() += e.row->counts[e.at];
      out.first.back() = std::min(out.first.back(), e.row->first[e.at]);
      out.last.back() = std::max(out.last.back(), e.row->last[e.at]);
      continue;
    }
    out.items.emplace_back(e.item);
    out.values.push_back(
        static_cast<float>(std::max(value, double{std::numeric_limits<float>::min()})));
    out.counts.push_back(e.row->counts[e.at]);
    out.first.push_back(e.row->first[e.at]);
    out.last.push_back(e.row->last[e.at]);
  }
}

data::Interactions merged_history(const std::vector<Source>& sources, std::size_t subjects,
                                  std::size_t items) {
  data::OwnedHistory all;
  std::vector<std::int64_t> offsets{0};
  for (std::size_t u = 0; u < subjects; ++u) {
    append_row(sources, u, all);
    offsets.push_back(static_cast<std::int64_t>(all.items.size()));
  }
  return {items,
          SharedArray<std::int64_t>::own(std::move(offsets)),
          SharedArray<ItemIndex>::own(std::move(all.items)),
          SharedArray<float>::own(std::move(all.values)),
          SharedArray<std::int32_t>::own(std::move(all.counts)),
          SharedArray<Timestamp>::own(std::move(all.first)),
          SharedArray<Timestamp>::own(std::move(all.last))};
}

// Names of the new catalogue where it has them, else of the old one.
void merge_names(const Context& old, const data::Dataset& more, const ContextUpdate& update,
                 const std::vector<std::int32_t>& item_rows_new, Context& out) {
  const std::vector<std::string>& names = more.catalogue().names;
  if (old.name_offsets.empty() && names.empty()) return;
  std::vector<std::int64_t> offsets{0};
  std::vector<char> bytes;
  for (std::size_t i = 0; i < out.items.size(); ++i) {
    std::string_view name;
    if (update.item_rows[i] >= 0) name = old.item_name(ItemIndex(update.item_rows[i]));
    if (item_rows_new[i] >= 0 && !names.empty()) {
      const std::string& fresh = names[static_cast<std::size_t>(item_rows_new[i])];
      if (!fresh.empty()) name = fresh;
    }
    bytes.insert(bytes.end(), name.begin(), name.end());
    offsets.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  out.name_offsets = SharedArray<std::int64_t>::own(std::move(offsets));
  out.names = SharedArray<char>::own(std::move(bytes));
}

}  // namespace

ContextUpdate extended(const Context& old, const data::Dataset& more) {
  ContextUpdate update;
  auto out = std::make_shared<Context>();
  out->subjects = merged(old.subjects, more.subjects(), "subjects");
  out->items = merged(old.items, more.items(), "items");
  out->as_of = later(old.as_of, more.last_time());
  out->purchases_only = old.purchases_only && Context::of(more)->purchases_only;
  update.user_rows = rows_in(out->subjects, old.subjects);
  update.item_rows = rows_in(out->items, old.items);
  const std::vector<std::int32_t> user_rows_new = rows_in(out->subjects, more.subjects());
  const std::vector<std::int32_t> item_rows_new = rows_in(out->items, more.items());
  const auto& half_life = more.options().half_life;
  const auto aged = [&](Timestamp end) {
    return half_life && end.known() ? recency(end, out->as_of, *half_life) : 1.0;
  };
  const auto pairs = more.interactions();
  out->history =
      merged_history({{&old.history, &update.user_rows,
                       inverted(update.item_rows, old.items.size()), aged(old.as_of)},
                      {pairs.get(), &user_rows_new, inverted(item_rows_new, more.items().size()),
                       aged(more.last_time())}},
                     out->subjects.size(), out->items.size());
  std::vector<double> popularity(out->items.size(), 0.0);
  for (std::size_t k = 0; k < out->history.nnz(); ++k) {
    const Timestamp last = out->history.last()[k];
    popularity[static_cast<std::size_t>(out->history.items()[k].value)] +=
        last.known() ? recency(last, out->as_of, kPopularityHalfLife) : 1.0;
  }
  std::vector<float> rounded(popularity.begin(), popularity.end());
  out->popularity = SharedArray<float>::own(std::move(rounded));
  merge_names(old, more, update, item_rows_new, *out);
  update.context = std::move(out);
  return update;
}

}  // namespace penchant::models
