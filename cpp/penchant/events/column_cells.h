#pragma once

// A frame's columns as cells.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/events/cell.h"
#include "penchant/events/columns.h"

namespace penchant::events {

class ColumnCells {
 public:
  // Throws kInvalidArgument where the column does not fit `rows`.
  ColumnCells(const Column& column, std::size_t rows);

  [[nodiscard]] Cell at(std::size_t row) const;
  // Of the text at a row: its code where there are codes, else -1.
  [[nodiscard]] std::int32_t code(std::size_t row) const {
    return column_->codes.empty() ? -1 : column_->codes[row];
  }
  [[nodiscard]] std::size_t distinct() const { return column_->codes.empty() ? 0 : texts_; }
  // Whether a text of this column is UTF-8; most often known of all at once.
  [[nodiscard]] bool is_utf8(std::string_view text) const;
  [[nodiscard]] const std::string& name() const { return column_->name; }

  // Appends the name and the value: what a payload hash is of.
  void append_payload(std::size_t row, std::string& out) const;

 private:
  [[nodiscard]] std::string_view text(std::size_t index) const {
    const auto begin = static_cast<std::size_t>(column_->offsets[index]);
    const auto end = static_cast<std::size_t>(column_->offsets[index + 1]);
    return {column_->bytes.data() + begin, end - begin};
  }

  const Column* column_;
  std::size_t texts_ = 0;
  bool all_utf8_ = false;
};

}  // namespace penchant::events
