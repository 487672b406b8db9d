#include "penchant/events/json_member.h"

#include <algorithm>

#include "penchant/base/error.h"
#include "penchant/events/json_text.h"
#include "penchant/events/migrate.h"

namespace penchant::events {

namespace dom = simdjson::dom;

Cell cell_of(dom::element element) {
  switch (element.type()) {
    case dom::element_type::INT64:
      return {.kind = CellKind::kInteger, .integer = std::int64_t{element}};
    case dom::element_type::UINT64:  // only what is beyond int64
      return {.kind = CellKind::kHuge};
    case dom::element_type::DOUBLE:
      return {.kind = CellKind::kNumber, .number = double{element}};
    case dom::element_type::BOOL:
      return {.kind = CellKind::kBoolean, .integer = bool{element} ? 1 : 0};
    case dom::element_type::STRING:
      return {.kind = CellKind::kText, .text = std::string_view{element}};
    case dom::element_type::NULL_VALUE:
      return {};
    default:
      return {.kind = CellKind::kOther};
  }
}

void append_json(std::string& out, const JsonMember& member) {
  if (!member.changed) {
    out += simdjson::minify(member.element);
    return;
  }
  const Cell& cell = member.cell;
  switch (cell.kind) {
    case CellKind::kText:
      append_quoted(out, cell.text);
      break;
    case CellKind::kBoolean:
      out += cell.integer != 0 ? "true" : "false";
      break;
    case CellKind::kInteger:
      out += std::to_string(cell.integer);
      break;
    case CellKind::kAmount:
      out += concat('"', format_amount(cell.integer), '"');
      break;
    default:
      out += "null";
  }
}

void migrate(const TypeSpec& type, std::uint32_t version, bool lines,
             std::vector<JsonMember>& members) {
  migrate_members(type, version, lines, members);
}

}  // namespace penchant::events
