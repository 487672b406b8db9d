#pragma once

// Events as columns, a row each; an event with lines has a row a line, which share its order.
//
//   EventTable table(taxonomy);
//   table.append(event);
//   for (std::size_t row = 0; row < table.rows(); ++row) table.time()[row] ...
//
// Texts are codes into dictionaries, -1 where there is none. Rows are in the order of arrival.

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/events/dictionary.h"
#include "penchant/events/event.h"
#include "penchant/events/taxonomy.h"

namespace penchant::events {

// What a row is made of; `fields` may be in any order.
struct RowValues {
  std::uint16_t type = 0;
  Timestamp time{};
  Timestamp received{};
  std::int32_t subject = -1;  // codes of the table's dictionaries
  std::int32_t item = -1;
  std::int32_t order = -1;
  std::int64_t quantity = kAbsent;
  std::int64_t price = kAbsent;
};

// One of an event's identifiers.
struct IdentifierCode {
  std::int32_t space = -1;
  std::int32_t value = -1;
  friend bool operator==(IdentifierCode, IdentifierCode) = default;
};

// A slot's column: one of the two is as long as the table has rows, or both are empty where no row
// has a value.
struct SlotColumn {
  std::vector<std::int64_t> numbers = {};  // kAbsent: none
  std::vector<std::int32_t> codes = {};    // -1: none
  Dictionary texts = {};
};

class EventTable {
 public:
  explicit EventTable(std::shared_ptr<const Taxonomy> taxonomy);

  // O(lines and fields). Throws kInvalidArgument beyond 2^31 - 1 rows, or for an event of another
  // taxonomy (a type or slot that there is not).
  void append(const Event& event);

  [[nodiscard]] const Taxonomy& taxonomy() const { return *taxonomy_; }
  [[nodiscard]] const std::shared_ptr<const Taxonomy>& shared_taxonomy() const { return taxonomy_; }
  [[nodiscard]] std::size_t rows() const { return type_.size(); }
  [[nodiscard]] std::size_t events() const { return first_row_.size(); }

  // --- columns, [rows] --------------------------------------------------------------------------
  [[nodiscard]] std::span<const std::int32_t> event() const {
    return event_;
  }  // 0, 1, ... ascending
  [[nodiscard]] std::span<const std::uint16_t> type() const { return type_; }
  [[nodiscard]] std::span<const Timestamp> time() const { return time_; }
  [[nodiscard]] std::span<const Timestamp> received() const { return received_; }
  [[nodiscard]] std::span<const std::int32_t> subject() const { return subject_; }
  [[nodiscard]] std::span<const std::int32_t> item() const { return item_; }
  [[nodiscard]] std::span<const std::int32_t> order() const { return order_; }
  [[nodiscard]] std::span<const std::int64_t> quantity() const { return quantity_; }  // millionths
  [[nodiscard]] std::span<const std::int64_t> price() const { return price_; }        // millionths
  [[nodiscard]] const SlotColumn& slot(std::size_t slot) const { return slots_[slot]; }

  [[nodiscard]] const Dictionary& subjects() const { return subjects_; }
  [[nodiscard]] const Dictionary& items() const { return items_; }
  [[nodiscard]] const Dictionary& orders() const { return orders_; }

  // --- by event, [events] -----------------------------------------------------------------------
  [[nodiscard]] std::span<const std::int32_t> first_row() const { return first_row_; }
  // XXH3-64 of the event id; 0 where there is none. Two ids may share it: ask id() too.
  [[nodiscard]] std::span<const std::uint64_t> id_hash() const { return id_hash_; }
  [[nodiscard]] std::string_view id(std::size_t event) const { return text_of(ids_, event); }
  [[nodiscard]] std::string_view extra(std::size_t event) const { return text_of(extras_, event); }
  [[nodiscard]] std::string_view context(std::size_t event) const {
    return text_of(contexts_, event);
  }
  [[nodiscard]] std::span<const IdentifierCode> identifiers(std::size_t event) const;
  [[nodiscard]] const Dictionary& spaces() const { return spaces_; }
  [[nodiscard]] const Dictionary& identifier_values() const { return values_; }

  // --- writing by parts: for who knows codes already
  // ---------------------------------------------- Starts an event; rows that follow are its own.
  // Returns its number.
  std::size_t begin_event(std::string_view id, std::string_view extra, std::string_view context);
  void add_identifier(std::string_view space, std::string_view value);  // to the last event
  std::size_t append_row(const RowValues& values);
  void set_number(std::size_t slot, std::size_t row, std::int64_t value);
  void set_code(std::size_t slot, std::size_t row, std::int32_t code);
  std::int32_t subject_code(std::string_view text) { return subjects_.add(text); }
  std::int32_t item_code(std::string_view text) { return items_.add(text); }
  std::int32_t order_code(std::string_view text) { return orders_.add(text); }
  std::int32_t slot_code(std::size_t slot, std::string_view text);
  void reserve(std::size_t rows);

  // All rows of an event are that subject's: what identity found. Empty: nobody's.
  void set_subject(std::size_t event, std::string_view subject);

 private:
  // Texts of events one after the other; empty while all are.
  struct Texts {
    std::vector<std::int64_t> ends;
    std::vector<char> bytes;
  };
  static std::string_view text_of(const Texts& texts, std::size_t event);
  void add_text(Texts& texts, std::string_view text) const;
  void set_fields(std::size_t row, std::span<const FieldValue> fields);

  std::shared_ptr<const Taxonomy> taxonomy_;
  std::vector<std::int32_t> event_;
  std::vector<std::uint16_t> type_;
  std::vector<Timestamp> time_;
  std::vector<Timestamp> received_;
  std::vector<std::int32_t> subject_;
  std::vector<std::int32_t> item_;
  std::vector<std::int32_t> order_;
  std::vector<std::int64_t> quantity_;
  std::vector<std::int64_t> price_;
  std::vector<SlotColumn> slots_;
  std::vector<std::size_t> used_slots_;  // those with a column
  Dictionary subjects_;
  Dictionary items_;
  Dictionary orders_;
  Dictionary spaces_;
  Dictionary values_;
  std::vector<std::int32_t> first_row_;
  std::vector<std::uint64_t> id_hash_;
  Texts ids_;
  Texts extras_;
  Texts contexts_;
  std::vector<std::int64_t> identifier_ends_;  // [events]
  std::vector<IdentifierCode> identifiers_;
};

}  // namespace penchant::events
