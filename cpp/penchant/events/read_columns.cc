#include <algorithm>
#include <bitset>

#include <xxhash.h>

#include "penchant/base/error.h"
#include "penchant/events/cell.h"
#include "penchant/events/column_cells.h"
#include "penchant/events/columns.h"
#include "penchant/events/json_text.h"
#include "penchant/events/migrate.h"

namespace penchant::events {
namespace {

constexpr std::size_t kMaxColumns = 4096;
constexpr std::string_view kIdentifierPrefix = "identifiers.";
constexpr std::string_view kContextPrefix = "context.";

enum class Level : std::uint8_t { kUnknown, kEnvelope, kContext, kEvent, kLine };

// What a column is to a type.
struct Binding {
  Level level = Level::kUnknown;
  const FieldSpec* spec = nullptr;
  std::uint32_t number = 0;  // of the spec among those of its level
  bool dropped = false;      // unknown, and not kept by who has the frame either
};

// The specs of one level and which of them a row has.
struct Required {
  std::span<const FieldSpec> specs = {};
  std::bitset<256> seen = {};
};

struct ColumnMember {
  std::string_view name;
  Cell cell = {};
  bool changed = false;
  std::int32_t column = -1;
};

// A text that waits for the row to be good.
struct StagedText {
  std::int32_t slot = -1;
  std::string_view text = {};
  std::int32_t column = -1;  // where it came from unchanged
  std::int32_t code = -1;    // in that column
};

struct StagedNumber {
  std::int32_t slot = -1;
  std::int64_t value = 0;
};

const FieldSpec* find_spec(std::span<const FieldSpec> specs, std::string_view name) {
  const auto at = std::lower_bound(
      specs.begin(), specs.end(), name,
      [](const FieldSpec& one, std::string_view wanted) { return one.name < wanted; });
  return at != specs.end() && at->name == name ? &*at : nullptr;
}

std::span<const FieldSpec> line_specs(const TypeSpec& type) {
  const FieldSpec* const lines = find_spec(type.fields, "lines");
  return lines == nullptr ? std::span<const FieldSpec>() : lines->lines;
}

Binding bound(Level level, std::span<const FieldSpec> specs, const FieldSpec* spec) {
  return {.level = level, .spec = spec, .number = static_cast<std::uint32_t>(spec - specs.data())};
}

// What a type is to a frame; made when a row of it first comes.
struct TypeView {
  std::vector<Binding> columns = {};
  std::span<const FieldSpec> lines = {};
  bool wants_line = false;
  bool has_quantity = false;  // of its own
  bool asks = false;          // the event itself or its context requires a field
};

bool any_required(std::span<const FieldSpec> specs) {
  return std::any_of(specs.begin(), specs.end(), [](const FieldSpec& spec) {
    return spec.required && spec.role != Role::kLines;
  });
}

class FrameReader {
 public:
  FrameReader(const Frame& frame, EventTable& table)
      : frame_(frame), table_(table), taxonomy_(table.taxonomy()) {
    check_argument(frame.columns.size() <= kMaxColumns, "frame: more than ", kMaxColumns,
                   " columns");
    for (std::size_t c = 0; c < frame.columns.size(); ++c) {
      const Column& column = frame.columns[c];
      cells_.emplace_back(column, frame.rows);
      for (std::size_t other = 0; other < c; ++other) {
        check_argument(frame.columns[other].name != column.name, "frame: column '", column.name,
                       "' is there twice");
      }
    }
    bind_envelope();
    if (frame.type.empty()) {
      check_argument(type_ >= 0, "frame: neither a column 'type' nor a type for all rows");
    } else {
      check_argument(type_ < 0, "frame: both a column 'type' and a type for all rows");
      only_type_ = taxonomy_.find_type(frame.type);
      check_argument(only_type_ >= 0, "frame: type '", shown_name(frame.type),
                     "' is not in the taxonomy");
    }
    views_.resize(taxonomy_.types().size());
    values_.resize(frame.columns.size());
    codes_.resize(frame.columns.size());
  }

  Quarantined read() {
    table_.reserve(table_.rows() + frame_.rows);
    Quarantined out;
    for (std::size_t row = 0; row < frame_.rows; ++row) {
      if (read_row(row)) {
        commit();
        out.dropped += dropped_;
        continue;
      }
      payload_.clear();
      for (const ColumnCells& column : cells_) column.append_payload(row, payload_);
      rejection_.payload_hash = XXH3_64bits(payload_.data(), payload_.size());
      out.rows.push_back(static_cast<std::int64_t>(row));
      ++out.counts[static_cast<std::size_t>(rejection_.reason)];
      out.rejections.push_back(rejection_);
    }
    return out;
  }

 private:
  bool refuse(std::string_view where, Reason reason, std::string_view what) {
    rejection_.reason = reason;
    rejection_.message = concat(where, ": ", what);
    return false;
  }

  // --- binding ----------------------------------------------------------------------------------

  void bind_envelope() {
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      const std::string& name = cells_[c].name();
      const auto at = static_cast<std::int32_t>(c);
      envelope_.push_back(true);
      if (name == "event_id") {
        id_ = at;
      } else if (name == "type") {
        type_ = at;
      } else if (name == "version") {
        version_ = at;
      } else if (name == "time") {
        time_ = at;
      } else if (name == "received") {
        received_ = at;
      } else if (name == "subject") {
        subject_ = at;
      } else if (name == "item") {
        item_ = at;
      } else if (name.starts_with(kIdentifierPrefix)) {
        identifiers_.push_back(at);
      } else {
        envelope_.back() = false;
      }
    }
  }

  Binding find_binding(const TypeSpec& type, std::string_view name) const {
    if (name.starts_with(kContextPrefix)) {
      const auto specs = taxonomy_.context();
      const FieldSpec* const spec = find_spec(specs, name.substr(kContextPrefix.size()));
      if (spec == nullptr) return {};
      return bound(Level::kContext, specs, spec);
    }
    if (const FieldSpec* const spec = find_spec(type.fields, name)) {
      if (spec->role == Role::kLines) return {};
      return bound(Level::kEvent, type.fields, spec);
    }
    const auto specs = line_specs(type);
    if (const FieldSpec* const spec = find_spec(specs, name)) {
      return bound(Level::kLine, specs, spec);
    }
    return {};
  }

  const TypeView& view_of(std::size_t code) {
    TypeView& view = views_[code];
    std::vector<Binding>& out = view.columns;
    if (!out.empty()) return view;
    const TypeSpec& type = taxonomy_.types()[code];
    const FieldSpec* const lines = find_spec(type.fields, "lines");
    view.lines = line_specs(type);
    view.wants_line = lines != nullptr && lines->required;
    view.has_quantity = find_spec(type.fields, "quantity") != nullptr;
    view.asks = any_required(taxonomy_.context()) || any_required(type.fields);
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      const bool own = envelope_[c] && static_cast<std::int32_t>(c) != item_;
      out.push_back(own ? Binding{.level = Level::kEnvelope}
                        : find_binding(type, cells_[c].name()));
      // The item of a type without lines.
      if (static_cast<std::int32_t>(c) == item_ && out.back().level != Level::kLine) {
        out.back() = Binding{.level = Level::kEnvelope};
      }
      if (out.back().level == Level::kUnknown) {
        out.back().dropped = type.minimal || is_declared(cells_[c].name());
      }
    }
    return view;
  }

  // By any type: such a column is not one of the frame's own.
  bool is_declared(std::string_view name) const {
    const auto types = taxonomy_.types();
    return std::any_of(types.begin(), types.end(), [&](const TypeSpec& type) {
      return find_binding(type, name).level != Level::kUnknown;
    });
  }

  // --- one row ----------------------------------------------------------------------------------

  bool read_row(std::size_t row) {
    row_ = row;
    staged_ = {};
    texts_.clear();
    numbers_.clear();
    dropped_ = 0;
    item_text_ = {};
    order_text_ = {};
    return read_type() && read_times() && read_ids() && read_fields() && check_required();
  }

  bool read_type() {
    std::int32_t code = only_type_;
    if (code < 0) {
      const Cell cell = cell_at(type_);
      if (is_absent(cell)) return refuse("type", Reason::kMissing, "it is required");
      if (cell.kind != CellKind::kText) return refuse("type", Reason::kWrongKind, "want a text");
      if (last_type_ < 0 ||
          cell.text != taxonomy_.types()[static_cast<std::size_t>(last_type_)].name) {
        last_type_ = taxonomy_.find_type(cell.text);
      }
      code = last_type_;
      if (code < 0) {
        return refuse("type", Reason::kUnknownType,
                      concat("'", shown_name(cell.text), "' is not in the taxonomy"));
      }
    }
    staged_.type = static_cast<std::uint16_t>(code);
    spec_ = &taxonomy_.types()[staged_.type];
    view_ = &view_of(staged_.type);
    row_version_ = 1;
    const Cell cell = version_ < 0 ? Cell{} : cell_at(version_);
    if (is_absent(cell)) return true;
    std::int64_t version = 0;
    if (!whole_number(cell, version) || version < 1) {
      return refuse("version", Reason::kWrongKind, "want an integer from 1");
    }
    if (version > spec_->version) {
      return refuse("version", Reason::kNewerVersion,
                    concat(version, " of ", spec_->name, " is newer than ", spec_->version,
                           ", the newest that is known"));
    }
    row_version_ = static_cast<std::uint32_t>(version);
    return true;
  }

  bool read_time(std::int32_t column, std::string_view where, Timestamp& out) {
    if (column < 0) return true;
    const Cell cell = cell_at(column);
    if (is_absent(cell)) return true;
    const FieldSpec spec{.kind = FieldKind::kTime};
    if (is_bad(cell, column)) return refuse(where, Reason::kBadText, "not UTF-8");
    Value value;
    if (const auto reason = convert(spec, cell, value)) {
      return refuse(where, *reason, describe(spec, cell, *reason));
    }
    out.micros = value.number;
    return true;
  }

  bool read_times() {
    staged_.received = frame_.received;
    if (!read_time(received_, "received", staged_.received)) return false;
    if (!read_time(time_, "time", staged_.time)) return false;
    if (!staged_.time.known()) staged_.time = staged_.received;
    if (!staged_.time.known()) {
      return refuse("time", Reason::kMissing, "neither it nor the time of receipt is known");
    }
    if (staged_.received.known() && staged_.time - staged_.received > taxonomy_.options().future) {
      return refuse("time", Reason::kFuture,
                    concat(format_timestamp(staged_.time), " is too long after the receipt, ",
                           format_timestamp(staged_.received)));
    }
    return true;
  }

  bool is_bad(const Cell& cell, std::int32_t column) const {
    return cell.kind == CellKind::kText && column >= 0 && !cell.text.empty() &&
           !cells_[static_cast<std::size_t>(column)].is_utf8(cell.text);
  }

  Cell cell_at(std::int32_t column) const {
    return cells_[static_cast<std::size_t>(column)].at(row_);
  }

  // Empty where there is none; the text lives until the next row.
  bool read_id(std::int32_t column, StagedText& out) {
    out = {.column = column};
    if (column < 0) return true;
    const auto c = static_cast<std::size_t>(column);
    const Cell cell = cell_at(column);
    if (is_absent(cell)) return true;
    if (is_bad(cell, column)) return refuse(cells_[c].name(), Reason::kBadText, "not UTF-8");
    if (const auto reason = convert_id(cell, values_[c])) {
      return refuse(cells_[c].name(), *reason, describe_id(cell, *reason));
    }
    out.text = values_[c].text;
    if (cell.kind == CellKind::kText) out.code = cells_[c].code(row_);
    return true;
  }

  bool read_ids() {
    if (!read_id(id_, id_text_) || !read_id(subject_, subject_text_)) return false;
    identifier_texts_.clear();
    for (const std::int32_t column : identifiers_) {
      StagedText one;
      if (!read_id(column, one)) return false;
      if (!one.text.empty()) identifier_texts_.push_back(one);
    }
    if (id_text_.text.empty() && taxonomy_.options().require_event_id) {
      return refuse("event_id", Reason::kMissing, "it is required");
    }
    if (spec_->subject == Need::kRequired && subject_text_.text.empty() &&
        identifier_texts_.empty()) {
      return refuse("subject", Reason::kNobody, "neither a subject nor an identifier");
    }
    if (item_ < 0 || view_->columns[static_cast<std::size_t>(item_)].level == Level::kEnvelope) {
      if (!read_id(item_, item_text_)) return false;
      if (spec_->item == Need::kRequired && item_text_.text.empty()) {
        return refuse("item", Reason::kMissing, concat(spec_->name, " needs one"));
      }
      if (spec_->item == Need::kNone && !item_text_.text.empty()) {
        return refuse("item", Reason::kUnknownMember, concat(spec_->name, " has none"));
      }
    }
    return true;
  }

  bool read_fields() {
    for (Required* one : {&context_, &own_, &line_}) one->seen.reset();
    context_.specs = taxonomy_.context();
    own_.specs = spec_->fields;
    line_.specs = view_->lines;
    has_line_ = false;
    const std::vector<Binding>& columns = view_->columns;
    const bool old = row_version_ < spec_->version;
    if (old) return read_old_fields(columns);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const Binding& binding = columns[c];
      if (binding.level == Level::kEnvelope) continue;
      if (binding.level == Level::kUnknown) {
        if (binding.dropped && !is_absent(cells_[c].at(row_))) ++dropped_;
        continue;
      }
      const auto column = static_cast<std::int32_t>(c);
      const Cell cell = cell_at(column);
      if (!is_absent(cell) && !store(binding, cell, column, values_[c])) return false;
    }
    return true;
  }

  // The same by name, after the steps to the newest version.
  bool read_old_fields(const std::vector<Binding>& columns) {
    members_.clear();
    for (std::size_t c = 0; c < columns.size(); ++c) {
      if (columns[c].level == Level::kEnvelope) continue;
      const auto column = static_cast<std::int32_t>(c);
      const Cell cell = cell_at(column);
      if (is_absent(cell)) continue;
      members_.push_back({.name = cells_[c].name(), .cell = cell, .column = column});
    }
    migrate_members(*spec_, row_version_, false, members_);
    migrate_members(*spec_, row_version_, true, members_);
    member_values_.resize(members_.size());
    for (std::size_t m = 0; m < members_.size(); ++m) {
      const ColumnMember& member = members_[m];
      const Binding binding = find_binding(*spec_, member.name);
      if (binding.level == Level::kUnknown) {
        if (spec_->minimal || is_declared(member.name)) ++dropped_;
        continue;
      }
      const std::int32_t column = member.changed ? -1 : member.column;
      if (!store(binding, member.cell, column, member_values_[m])) return false;
    }
    return true;
  }

  bool store(const Binding& binding, const Cell& cell, std::int32_t column, Value& value) {
    const FieldSpec& spec = *binding.spec;
    const auto refused = [&](Reason reason, std::string_view what) {
      const char* const place = binding.level == Level::kContext ? "context."
                                : binding.level == Level::kEvent ? "fields."
                                                                 : "fields.lines[0].";
      return refuse(concat(place, spec.name), reason, what);
    };
    if (is_bad(cell, column)) return refused(Reason::kBadText, "not UTF-8");
    if (spec.role == Role::kOrder || spec.role == Role::kItem) {
      if (const auto reason = convert_id(cell, value)) {
        return refused(*reason, describe_id(cell, *reason));
      }
    }
    if (const auto reason = convert(spec, cell, value)) {
      return refused(*reason, describe(spec, cell, *reason));
    }
    Required& level = binding.level == Level::kContext ? context_
                      : binding.level == Level::kEvent ? own_
                                                       : line_;
    level.seen[binding.number] = true;
    has_line_ = has_line_ || binding.level == Level::kLine;
    const bool coded = column >= 0 && cell.kind == CellKind::kText;
    const StagedText text{.slot = spec.slot,
                          .text = value.text,
                          .column = column,
                          .code = coded ? cells_[static_cast<std::size_t>(column)].code(row_) : -1};
    switch (spec.role) {
      case Role::kOrder:
        order_text_ = text;
        break;
      case Role::kItem:
        item_text_ = text;
        break;
      case Role::kQuantity:
        staged_.quantity = value.number;
        break;
      case Role::kPrice:
        staged_.price = value.number;
        break;
      default:
        if (spec.kind == FieldKind::kText) {
          texts_.push_back(text);
        } else {
          numbers_.push_back({spec.slot, value.number});
        }
    }
    return true;
  }

  bool check_level(const Required& level, std::string_view place) {
    for (std::size_t i = 0; i < level.specs.size(); ++i) {
      const FieldSpec& spec = level.specs[i];
      if (!spec.required || level.seen[i] || spec.role == Role::kLines) continue;
      return refuse(concat(place, spec.name), Reason::kMissing,
                    describe(spec, {}, Reason::kMissing));
    }
    return true;
  }

  bool check_required() {
    if (view_->asks && (!check_level(context_, "context.") || !check_level(own_, "fields."))) {
      return false;
    }
    if ((has_line_ || view_->wants_line) && !check_level(line_, "fields.lines[0].")) return false;
    if ((has_line_ || view_->has_quantity) && staged_.quantity == kAbsent)
      staged_.quantity = kMillion;
    return true;
  }

  // --- a good row -------------------------------------------------------------------------------

  // Dictionary codes of the table, remembered by code of the column. A column fills one dictionary
  // but where types differ in what it is to them.
  struct Codes {
    std::int32_t target = -1;
    std::vector<std::int32_t> of;
  };

  template <class Add>
  std::int32_t code_for(const StagedText& text, std::int32_t target, Add&& add) {
    if (text.text.empty()) return -1;
    if (text.code < 0) return add(text.text);
    Codes& codes = codes_[static_cast<std::size_t>(text.column)];
    if (codes.of.empty()) {
      codes.target = target;
      codes.of.assign(cells_[static_cast<std::size_t>(text.column)].distinct(), -1);
    }
    if (codes.target != target) return add(text.text);
    std::int32_t& code = codes.of[static_cast<std::size_t>(text.code)];
    if (code < 0) code = add(text.text);
    return code;
  }

  void commit() {
    constexpr std::int32_t kSubjects = -2;
    constexpr std::int32_t kItems = -3;
    constexpr std::int32_t kOrders = -4;
    staged_.subject = code_for(subject_text_, kSubjects,
                               [&](std::string_view text) { return table_.subject_code(text); });
    staged_.item =
        code_for(item_text_, kItems, [&](std::string_view text) { return table_.item_code(text); });
    staged_.order = code_for(order_text_, kOrders,
                             [&](std::string_view text) { return table_.order_code(text); });
    if (!continues_event()) {
      table_.begin_event(id_text_.text, "", "");
      for (const StagedText& one : identifier_texts_) {
        const std::string& name = cells_[static_cast<std::size_t>(one.column)].name();
        table_.add_identifier(std::string_view(name).substr(kIdentifierPrefix.size()), one.text);
      }
    }
    const std::size_t row = table_.append_row(staged_);
    for (const StagedNumber& one : numbers_) {
      table_.set_number(static_cast<std::size_t>(one.slot), row, one.value);
    }
    for (const StagedText& one : texts_) {
      const auto slot = static_cast<std::size_t>(one.slot);
      table_.set_code(slot, row, code_for(one, one.slot, [&](std::string_view text) {
                        return table_.slot_code(slot, text);
                      }));
    }
    began_ = true;
  }

  // Whether the row is one more line of the last event of this frame.
  bool continues_event() const {
    if (!began_ || id_text_.text.empty() || !has_line_) return false;
    const std::size_t last = table_.rows() - 1;
    return table_.id(table_.events() - 1) == id_text_.text && table_.type()[last] == staged_.type &&
           table_.time()[last] == staged_.time && table_.subject()[last] == staged_.subject &&
           table_.order()[last] == staged_.order;
  }

  const Frame& frame_;
  EventTable& table_;
  const Taxonomy& taxonomy_;
  std::vector<ColumnCells> cells_;
  std::vector<bool> envelope_;
  std::int32_t id_ = -1;
  std::int32_t type_ = -1;
  std::int32_t version_ = -1;
  std::int32_t time_ = -1;
  std::int32_t received_ = -1;
  std::int32_t subject_ = -1;
  std::int32_t item_ = -1;
  std::vector<std::int32_t> identifiers_;
  std::int32_t only_type_ = -1;
  std::int32_t last_type_ = -1;
  std::vector<TypeView> views_;  // [types]
  std::vector<Codes> codes_;     // [columns]
  bool began_ = false;

  // Of the row.
  std::size_t row_ = 0;
  const TypeSpec* spec_ = nullptr;
  const TypeView* view_ = nullptr;
  std::uint32_t row_version_ = 1;
  RowValues staged_;
  StagedText id_text_;
  StagedText subject_text_;
  StagedText item_text_;
  StagedText order_text_;
  std::vector<StagedText> identifier_texts_;
  std::vector<StagedText> texts_;
  std::vector<StagedNumber> numbers_;
  std::vector<Value> values_;  // [columns]: digits that texts point to
  std::vector<ColumnMember> members_;
  std::vector<Value> member_values_;
  Required context_;
  Required own_;
  Required line_;
  bool has_line_ = false;
  std::uint64_t dropped_ = 0;
  Rejection rejection_;
  std::string payload_;
};

}  // namespace

Quarantined read_columns(const Frame& frame, EventTable& table) {
  return FrameReader(frame, table).read();
}

}  // namespace penchant::events
