#pragma once

// The steps from one version of a type to the next, over members of either door.

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "penchant/events/cell.h"
#include "penchant/events/schema.h"

namespace penchant::events {

// What a scale step makes of a cell: nothing where it is no number, kHuge beyond 64 bits.
[[nodiscard]] inline std::optional<Cell> scaled_cell(const Cell& cell, std::int64_t by) {
  Value value;
  const FieldSpec decimal{.kind = FieldKind::kDecimal};
  const bool number = cell.kind == CellKind::kInteger || cell.kind == CellKind::kNumber ||
                      cell.kind == CellKind::kAmount || cell.kind == CellKind::kText;
  if (!number || convert(decimal, cell, value)) return std::nullopt;
  const std::optional<std::int64_t> amount = scaled(value.number, by);
  if (!amount) return Cell{.kind = CellKind::kHuge};
  return Cell{.kind = CellKind::kAmount, .integer = *amount};
}

[[nodiscard]] inline Cell default_cell(const MigrationStep& step) {
  switch (step.value_kind) {
    case FieldKind::kInteger:
      return {.kind = CellKind::kInteger, .integer = step.number};
    case FieldKind::kDecimal:
      return {.kind = CellKind::kAmount, .integer = step.number};
    case FieldKind::kBoolean:
      return {.kind = CellKind::kBoolean, .integer = step.number};
    default:
      return {.kind = CellKind::kText, .text = step.text};
  }
}

// Member: name, cell, changed. Applies one step to members of the level that `name` and `to` are
// of.
template <class Member>
void apply_step(const MigrationStep& step, std::string_view name, std::string_view to,
                std::vector<Member>& members) {
  const auto find = [&](std::string_view wanted) {
    return std::find_if(members.begin(), members.end(), [&](const Member& member) {
      return member.name == wanted && !is_absent(member.cell);
    });
  };
  const auto at = find(name);
  switch (step.kind) {
    case StepKind::kRename:
      if (at == members.end()) return;
      if (find(to) != members.end()) {
        members.erase(at);
      } else {
        at->name = to;
      }
      return;
    case StepKind::kDefault:
      if (at == members.end()) {
        members.push_back({.name = name, .cell = default_cell(step), .changed = true});
      }
      return;
    case StepKind::kScale:
      if (at == members.end()) return;
      if (const std::optional<Cell> cell = scaled_cell(at->cell, step.by)) {
        at->cell = *cell;
        at->changed = true;
      }
      return;
    case StepKind::kDrop:
      std::erase_if(members, [&](const Member& member) { return member.name == name; });
  }
}

template <class Member>
void migrate_members(const TypeSpec& type, std::uint32_t version, bool lines,
                     std::vector<Member>& members) {
  constexpr std::string_view kLines = "lines.";
  for (auto from = type.steps.lower_bound(version); from != type.steps.end(); ++from) {
    for (const MigrationStep& step : from->second) {
      std::string_view name = step.field;
      std::string_view to = step.to;
      if (name.starts_with(kLines) != lines) continue;
      if (lines) {
        name.remove_prefix(kLines.size());
        if (!to.empty()) to.remove_prefix(kLines.size());
      }
      apply_step(step, name, to, members);
    }
  }
}

}  // namespace penchant::events
