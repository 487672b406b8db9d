#include "penchant/models/context.h"

#include <algorithm>

#include "penchant/models/model_meta.h"
#include "penchant/models/popular.h"

namespace penchant::models {
namespace {

constexpr Duration kPopularityHalfLife{28LL * 86'400 * 1'000'000};

// Names of the type taxonomy (docs/data.md) that mean that money changed hands.
bool is_purchase(const std::string& type) {
  return type == "purchase" || type == "order" || type == "transaction";
}

}  // namespace

std::string_view Context::item_name(ItemIndex item) const {
  if (name_offsets.empty()) return {};
  const auto i = static_cast<std::size_t>(item.value);
  const auto begin = static_cast<std::size_t>(name_offsets[i]);
  return {names.data() + begin, static_cast<std::size_t>(name_offsets[i + 1]) - begin};
}

std::shared_ptr<const Context> Context::of(const data::Dataset& data,
                                           data::AttributeTable attributes) {
  check_argument(attributes.empty() || attributes.rows() == data.subjects().size(),
                 "attributes of ", attributes.rows(), " people for ", data.subjects().size(),
                 " subjects");
  auto out = std::make_shared<Context>();
  out->attributes = std::move(attributes);
  out->subjects = data.subjects();
  out->items = data.items();
  out->history = *data.interactions();
  out->as_of = data.last_time();
  const auto& types = data.types();
  out->purchases_only =
      !types.empty() && std::all_of(types.begin(), types.end(), [](const auto& t) {
        return t.weight <= 0 || is_purchase(t.name);
      });
  std::vector<float> popularity(data.items().size());
  fit_popular(data, {std::nullopt, kPopularityHalfLife})->score_all({}, popularity);
  out->popularity = SharedArray<float>::own(std::move(popularity));
  const std::vector<std::string>& names = data.catalogue().names;
  if (!names.empty()) {
    std::vector<std::int64_t> offsets{0};
    std::vector<char> bytes;
    for (const std::string& name : names) {
      bytes.insert(bytes.end(), name.begin(), name.end());
      offsets.push_back(static_cast<std::int64_t>(bytes.size()));
    }
    out->name_offsets = SharedArray<std::int64_t>::own(std::move(offsets));
    out->names = SharedArray<char>::own(std::move(bytes));
  }
  return out;
}

void Context::save(bundle::Writer& writer, const std::string& prefix) const {
  save_meta(writer, prefix,
            {{"subjects", subjects.size()},
             {"items", items.size()},
             {"as_of_us", as_of.micros},
             {"names", !name_offsets.empty()},
             {"purchases_only", purchases_only}});
  subjects.save(writer, prefix + "/subjects");
  items.save(writer, prefix + "/items");
  history.save(writer, prefix + "/history");
  writer.add(prefix + "/popularity", popularity.span());
  if (!name_offsets.empty()) {
    writer.add(prefix + "/name_offsets", name_offsets.span());
    writer.add(prefix + "/names", names.span());
  }
  if (!attributes.empty()) attributes.save(writer, prefix + "/attributes");
}

std::shared_ptr<const Context> Context::load(const std::shared_ptr<const bundle::Reader>& reader,
                                             const std::string& prefix) {
  const Meta meta(*reader, prefix);
  auto out = std::make_shared<Context>();
  out->subjects = data::IdMap::load(*reader, prefix + "/subjects");
  out->items = data::IdMap::load(*reader, prefix + "/items");
  out->history = data::Interactions::load(*reader, prefix + "/history");
  meta.require(out->history.num_users() == out->subjects.size() &&
                   out->history.num_items() == out->items.size(),
               "history (its shape is not that of the ids)");
  out->popularity = meta.array<float>("popularity", out->items.size());
  out->as_of = Timestamp{meta.any_integer("as_of_us")};
  out->purchases_only = meta.flag("purchases_only");
  if (reader->has(prefix + "/name_offsets")) {
    out->name_offsets = meta.array<std::int64_t>("name_offsets", out->items.size() + 1);
    out->names = meta.any_array<char>("names");
    const auto offsets = out->name_offsets.span();
    meta.require(offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
                     offsets.back() == static_cast<std::int64_t>(out->names.size()),
                 "name_offsets");
  }
  if (reader->has(prefix + "/attributes/numeric")) {
    out->attributes =
        data::AttributeTable::load(*reader, prefix + "/attributes", out->subjects.size());
  }
  return out;
}

}  // namespace penchant::models
