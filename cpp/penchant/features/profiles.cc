#include "penchant/features/profiles.h"

#include <algorithm>

#include "penchant/base/error.h"

namespace penchant::features {
namespace {

std::string numbered(const std::string& prefix, const char* name, std::size_t i) {
  return concat(prefix, '/', name, '/', i);
}

void check(const ProfileParts& parts) {
  const Plan& plan = *parts.plan;
  check_argument(parts.table.items == parts.items.size(), "features: attributes of ",
                 parts.table.items, " items for ", parts.items.size());
  check_argument(parts.item_texts.size() == plan.item_codes().size() &&
                     parts.table.codes.size() == plan.item_codes().size(),
                 "features: texts for other attributes than the plan's");
  for (std::size_t i = 0; i < parts.item_texts.size(); ++i) {
    check_argument(parts.table.codes[i].values == parts.item_texts[i].size(),
                   "features: an attribute has more values than texts");
  }
  for (const SubjectTable::Codes& codes : parts.people.codes) {
    check_argument(codes.of_subject.size() == parts.subjects.size(), "features: attributes of ",
                   codes.of_subject.size(), " subjects for ", parts.subjects.size());
    check_argument(codes.values <= parts.subjects.size(),
                   "features: an attribute of subjects has a code beyond their number");
  }
  check_argument(parts.code_texts.size() == plan.codes().size(),
                 "features: texts for other fields than the plan's");
  for (std::size_t c = 0; c < parts.code_texts.size() && c < parts.events.codes.size(); ++c) {
    const data::IdMap& texts =
        plan.codes()[c] == kSubjectCode ? parts.subjects : parts.code_texts[c];
    check_argument(std::ranges::all_of(parts.events.codes[c],
                                       [&](std::int32_t code) {
                                         return code < static_cast<std::int64_t>(texts.size());
                                       }),
                   "features: a field's code has no text");
  }
  for (const std::int32_t subject : parts.events.subjects) {
    check_argument(subject < static_cast<std::int64_t>(parts.subjects.size()),
                   "features: an event's subject has no id");
  }
  for (const std::int32_t type : parts.events.types) {
    check_argument(type >= 0 && type < static_cast<std::int64_t>(plan.types().size()),
                   "features: an event's type is not of the plan");
  }
}

std::shared_ptr<const SegmentRules> rules_of(const ProfileParts& parts) {
  if (parts.rules.empty()) return nullptr;
  return std::make_shared<const SegmentRules>(SegmentRules::from_json(parts.rules, *parts.plan));
}

template <class T>
std::vector<T> copied(const SharedArray<T>& array) {
  return {array.begin(), array.end()};
}

}  // namespace

Profiles::Profiles(ProfileParts parts)
    : parts_(std::move(parts)),
      state_(parts_.plan, parts_.table, parts_.people, rules_of(parts_)) {}

std::shared_ptr<const Profiles> Profiles::of(ProfileParts parts, int threads) {
  check(parts);
  std::shared_ptr<Profiles> out(new Profiles(std::move(parts)));
  const EventColumns& events = out->parts_.events;
  const std::vector<std::uint16_t> types(events.types.begin(), events.types.end());
  EventBatch batch{.times = events.times.span(),
                   .types = types,
                   .subjects = events.subjects.span(),
                   .items = events.items.span(),
                   .numbers = {},
                   .codes = {}};
  for (const auto& column : events.numbers) batch.numbers.push_back(column.span());
  for (const auto& column : events.codes) batch.codes.push_back(column.span());
  out->state_.replay(batch, threads);
  return out;
}

void Profiles::save(bundle::Writer& writer, const std::string& prefix) const {
  writer.add_text(prefix + "/plan", plan().json());
  parts_.subjects.save(writer, prefix + "/subjects");
  parts_.items.save(writer, prefix + "/items");
  for (std::size_t i = 0; i < parts_.table.codes.size(); ++i) {
    writer.add(numbered(prefix, "item_codes", i), parts_.table.codes[i].of_item);
    parts_.item_texts[i].save(writer, numbered(prefix, "item_texts", i));
  }
  for (std::size_t i = 0; i < parts_.table.numbers.size(); ++i) {
    writer.add(numbered(prefix, "item_numbers", i), parts_.table.numbers[i]);
  }
  for (std::size_t i = 0; i < parts_.people.codes.size(); ++i) {
    writer.add(numbered(prefix, "subject_codes", i), parts_.people.codes[i].of_subject);
  }
  for (std::size_t i = 0; i < parts_.table.vectors.size(); ++i) {
    writer.add(numbered(prefix, "vectors", i), parts_.table.vectors[i].rows);
  }
  if (!parts_.rules.empty()) writer.add_text(prefix + "/rules", parts_.rules);
  writer.add(prefix + "/times", parts_.events.times);
  writer.add(prefix + "/types", parts_.events.types);
  writer.add(prefix + "/event_subjects", parts_.events.subjects);
  writer.add(prefix + "/event_items", parts_.events.items);
  for (std::size_t i = 0; i < parts_.events.numbers.size(); ++i) {
    writer.add(numbered(prefix, "numbers", i), parts_.events.numbers[i]);
  }
  for (std::size_t i = 0; i < parts_.events.codes.size(); ++i) {
    writer.add(numbered(prefix, "codes", i), parts_.events.codes[i]);
    parts_.code_texts[i].save(writer, numbered(prefix, "code_texts", i));
  }
}

std::shared_ptr<const Profiles> Profiles::load(const bundle::Reader& reader,
                                               const std::string& prefix) {
  if (!reader.has(prefix + "/plan")) return nullptr;
  try {
    ProfileParts parts;
    parts.plan = std::make_shared<const Plan>(Plan::from_json(reader.text(prefix + "/plan")));
    parts.subjects = data::IdMap::load(reader, prefix + "/subjects");
    parts.items = data::IdMap::load(reader, prefix + "/items");
    parts.table.items = parts.items.size();
    for (std::size_t i = 0; i < parts.plan->item_codes().size(); ++i) {
      auto texts = data::IdMap::load(reader, numbered(prefix, "item_texts", i));
      const auto codes = reader.array<std::int32_t>(numbered(prefix, "item_codes", i));
      parts.table.codes.push_back({copied(codes), texts.size()});
      parts.item_texts.push_back(std::move(texts));
    }
    for (std::size_t i = 0; i < parts.plan->item_numbers().size(); ++i) {
      parts.table.numbers.push_back(
          copied(reader.array<double>(numbered(prefix, "item_numbers", i))));
    }
    for (std::size_t i = 0; i < parts.plan->subject_codes().size(); ++i) {
      parts.people.codes.push_back(SubjectTable::Codes::of(
          copied(reader.array<std::int32_t>(numbered(prefix, "subject_codes", i)))));
    }
    for (std::size_t i = 0; i < parts.plan->embeddings().size(); ++i) {
      parts.table.vectors.push_back(ItemVectors::of_rows(
          reader.array<float>(numbered(prefix, "vectors", i)), parts.table.items));
    }
    if (reader.has(prefix + "/rules")) parts.rules = reader.text(prefix + "/rules");
    parts.events.times = reader.array<std::int64_t>(prefix + "/times");
    parts.events.types = reader.array<std::int32_t>(prefix + "/types");
    parts.events.subjects = reader.array<std::int32_t>(prefix + "/event_subjects");
    parts.events.items = reader.array<std::int32_t>(prefix + "/event_items");
    for (std::size_t i = 0; i < parts.plan->numbers().size(); ++i) {
      parts.events.numbers.push_back(reader.array<std::int64_t>(numbered(prefix, "numbers", i)));
    }
    for (std::size_t i = 0; i < parts.plan->codes().size(); ++i) {
      parts.events.codes.push_back(reader.array<std::int32_t>(numbered(prefix, "codes", i)));
      parts.code_texts.push_back(data::IdMap::load(reader, numbered(prefix, "code_texts", i)));
    }
    return of(std::move(parts), 1);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kCorruptBundle) throw;
    fail(ErrorKind::kCorruptBundle, concat("bundle, ", prefix, ": ", error.what()));
  }
}

}  // namespace penchant::features
