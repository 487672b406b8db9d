#include "penchant/events/event_table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <xxhash.h>

#include "penchant/base/error.h"

namespace penchant::events {

EventTable::EventTable(std::shared_ptr<const Taxonomy> taxonomy) : taxonomy_(std::move(taxonomy)) {
  check_argument(taxonomy_ != nullptr, "event table: without a taxonomy");
  slots_.resize(taxonomy_->slots().size());
}

void EventTable::append(const Event& event) {
  check_argument(event.type < taxonomy_->types().size(), "event table: type ",
                 std::uint32_t{event.type}, " is not of its taxonomy");
  begin_event(event.id, event.extra, event.context);
  for (const Identifier& one : event.identifiers) add_identifier(one.space, one.value);
  RowValues row{.type = event.type,
                .time = event.time,
                .received = event.received,
                .quantity = event.quantity,
                .price = event.price};
  if (!event.subject.empty()) row.subject = subjects_.add(event.subject);
  if (!event.order.empty()) row.order = orders_.add(event.order);
  if (event.lines.empty()) {
    if (!event.item.empty()) row.item = items_.add(event.item);
    set_fields(append_row(row), event.fields);
    return;
  }
  for (const Line& line : event.lines) {
    row.item = items_.add(line.item);
    row.quantity = line.quantity;
    row.price = line.price;
    const std::size_t at = append_row(row);
    set_fields(at, event.fields);
    set_fields(at, line.fields);
  }
}

void EventTable::set_fields(std::size_t row, std::span<const FieldValue> fields) {
  for (const FieldValue& field : fields) {
    const auto slot = static_cast<std::size_t>(field.slot);
    check_argument(slot < slots_.size(), "event table: slot ", field.slot,
                   " is not of its taxonomy");
    if (taxonomy_->slots()[slot].kind == FieldKind::kText) {
      set_code(slot, row, slot_code(slot, field.text));
    } else {
      set_number(slot, row, field.number);
    }
  }
}

std::span<const IdentifierCode> EventTable::identifiers(std::size_t event) const {
  const auto end = static_cast<std::size_t>(identifier_ends_[event]);
  const auto begin = event == 0 ? 0 : static_cast<std::size_t>(identifier_ends_[event - 1]);
  return {identifiers_.data() + begin, end - begin};
}

std::size_t EventTable::begin_event(std::string_view id, std::string_view extra,
                                    std::string_view context) {
  add_text(ids_, id);
  add_text(extras_, extra);
  add_text(contexts_, context);
  first_row_.push_back(static_cast<std::int32_t>(rows()));
  id_hash_.push_back(id.empty() ? 0 : XXH3_64bits(id.data(), id.size()));
  identifier_ends_.push_back(static_cast<std::int64_t>(identifiers_.size()));
  return first_row_.size() - 1;
}

void EventTable::add_identifier(std::string_view space, std::string_view value) {
  identifiers_.push_back({spaces_.add(space), values_.add(value)});
  ++identifier_ends_.back();
}

std::size_t EventTable::append_row(const RowValues& values) {
  const std::size_t row = rows();
  check_argument(row < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()),
                 "event table: more than 2^31 - 1 rows");
  event_.push_back(static_cast<std::int32_t>(first_row_.size()) - 1);
  type_.push_back(values.type);
  time_.push_back(values.time);
  received_.push_back(values.received);
  subject_.push_back(values.subject);
  item_.push_back(values.item);
  order_.push_back(values.order);
  quantity_.push_back(values.quantity);
  price_.push_back(values.price);
  for (const std::size_t used : used_slots_) {
    SlotColumn& slot = slots_[used];
    if (!slot.numbers.empty()) slot.numbers.push_back(kAbsent);
    if (!slot.codes.empty()) slot.codes.push_back(-1);
  }
  return row;
}

void EventTable::set_number(std::size_t slot, std::size_t row, std::int64_t value) {
  auto& numbers = slots_[slot].numbers;
  if (numbers.empty()) {
    used_slots_.push_back(slot);
    numbers.reserve(type_.capacity());
    numbers.assign(rows(), kAbsent);
  }
  numbers[row] = value;
}

void EventTable::set_code(std::size_t slot, std::size_t row, std::int32_t code) {
  auto& codes = slots_[slot].codes;
  if (codes.empty()) {
    used_slots_.push_back(slot);
    codes.reserve(type_.capacity());
    codes.assign(rows(), -1);
  }
  codes[row] = code;
}

std::int32_t EventTable::slot_code(std::size_t slot, std::string_view text) {
  return slots_[slot].texts.add(text);
}

void EventTable::reserve(std::size_t rows) {
  event_.reserve(rows);
  type_.reserve(rows);
  time_.reserve(rows);
  received_.reserve(rows);
  subject_.reserve(rows);
  item_.reserve(rows);
  order_.reserve(rows);
  quantity_.reserve(rows);
  price_.reserve(rows);
}

void EventTable::set_subject(std::size_t event, std::string_view subject) {
  const std::int32_t code = subject.empty() ? -1 : subjects_.add(subject);
  const auto end = event + 1 < events() ? static_cast<std::size_t>(first_row_[event + 1]) : rows();
  std::fill(subject_.begin() + first_row_[event],
            subject_.begin() + static_cast<std::ptrdiff_t>(end), code);
}

std::string_view EventTable::text_of(const Texts& texts, std::size_t event) {
  // What came after the last text has none.
  if (event >= texts.ends.size()) return {};
  const auto end = static_cast<std::size_t>(texts.ends[event]);
  const auto begin = event == 0 ? 0 : static_cast<std::size_t>(texts.ends[event - 1]);
  return {texts.bytes.data() + begin, end - begin};
}

void EventTable::add_text(Texts& texts, std::string_view text) const {
  if (text.empty()) return;
  texts.ends.resize(events(), static_cast<std::int64_t>(texts.bytes.size()));
  texts.bytes.insert(texts.bytes.end(), text.begin(), text.end());
  texts.ends.push_back(static_cast<std::int64_t>(texts.bytes.size()));
}

}  // namespace penchant::events
