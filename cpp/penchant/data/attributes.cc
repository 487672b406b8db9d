#include "penchant/data/attributes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

void require(bool holds, const std::string& column, std::string_view what) {
  if (!holds) fail(ErrorKind::kBadData, concat("attribute '", column, "': ", what));
}

void check_numbers(const AttributeTable::Column& column, std::size_t rows) {
  require(column.numbers.size() == rows, column.name, "not one number a person");
  require(std::none_of(column.numbers.begin(), column.numbers.end(),
                       [](double v) { return std::isinf(v); }),
          column.name, "a number is infinite");
}

void check_texts(const AttributeTable::Column& column, std::size_t rows) {
  const auto offsets = column.offsets.span();
  require(offsets.size() == rows + 1 && offsets.front() == 0 &&
              std::is_sorted(offsets.begin(), offsets.end()) &&
              offsets.back() == static_cast<std::int64_t>(column.codes.size()),
          column.name, "offsets and codes don't belong together");
  require(column.texts.kind() == IdKind::kString, column.name, "its texts are numbers");
  require(std::all_of(column.codes.begin(), column.codes.end(),
                      [&](std::int32_t code) {
                        return code >= 0 && std::cmp_less(code, column.texts.size());
                      }),
          column.name, "a code is out of bounds");
}

}  // namespace

AttributeTable::AttributeTable(std::size_t rows, std::vector<Column> columns)
    : rows_(rows), columns_(std::move(columns)) {
  std::sort(columns_.begin(), columns_.end(),
            [](const Column& a, const Column& b) { return a.name < b.name; });
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    require(c == 0 || columns_[c - 1].name != column.name, column.name,
            "there are two of the name");
    if (column.numeric) {
      check_numbers(column, rows_);
    } else {
      check_texts(column, rows_);
    }
  }
}

void AttributeTable::read(UserIndex row, Attributes& out) const {
  if (!row.known() || std::cmp_greater_equal(row.value, rows_)) return;
  const auto r = static_cast<std::size_t>(row.value);
  for (const Column& column : columns_) {
    if (column.numeric) {
      if (!std::isnan(column.numbers[r])) out.try_emplace(column.name, column.numbers[r]);
      continue;
    }
    const auto begin = static_cast<std::size_t>(column.offsets[r]);
    const auto end = static_cast<std::size_t>(column.offsets[r + 1]);
    if (begin == end || out.contains(column.name)) continue;
    std::vector<std::string> texts;
    for (std::size_t k = begin; k < end; ++k) {
      texts.emplace_back(column.texts.string(static_cast<std::size_t>(column.codes[k])));
    }
    out.emplace(column.name, std::move(texts));
  }
}

void AttributeTable::save(bundle::Writer& writer, const std::string& prefix) const {
  std::vector<std::string> names;
  std::vector<std::uint8_t> numeric;
  for (const Column& column : columns_) {
    names.push_back(column.name);
    numeric.push_back(column.numeric ? 1 : 0);
  }
  IdMap::from_strings(std::move(names)).save(writer, prefix + "/names");
  writer.add(prefix + "/numeric", numeric);
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    const std::string at = concat(prefix, "/", c);
    if (column.numeric) {
      writer.add(at + "/numbers", column.numbers.span());
    } else {
      column.texts.save(writer, at + "/texts");
      writer.add(at + "/offsets", column.offsets.span());
      writer.add(at + "/codes", column.codes.span());
    }
  }
}

AttributeTable AttributeTable::load(const bundle::Reader& reader, const std::string& prefix,
                                    std::size_t rows) {
  const IdMap names = IdMap::load(reader, prefix + "/names");
  const auto numeric = reader.array<std::uint8_t>(prefix + "/numeric");
  if (names.kind() != IdKind::kString || numeric.size() != names.size()) {
    fail(ErrorKind::kCorruptBundle, concat("bundle: ", prefix, ": names and kinds differ"));
  }
  std::vector<Column> columns;
  for (std::size_t c = 0; c < names.size(); ++c) {
    Column column;
    column.name = std::string(names.string(c));
    column.numeric = numeric[c] != 0;
    const std::string at = concat(prefix, "/", c);
    if (column.numeric) {
      column.numbers = reader.array<double>(at + "/numbers");
    } else {
      column.texts = IdMap::load(reader, at + "/texts");
      column.offsets = reader.array<std::int64_t>(at + "/offsets");
      column.codes = reader.array<std::int32_t>(at + "/codes");
    }
    columns.push_back(std::move(column));
  }
  try {
    return {rows, std::move(columns)};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData) throw;
    fail(ErrorKind::kCorruptBundle, concat("bundle: ", prefix, ": ", error.what()));
  }
}

const Attributes* AttributeRows::of(std::size_t r, Attributes& buffer) const {
  const bool in_table = table != nullptr && !table->empty();
  if (!in_table && given == nullptr) return nullptr;
  if (!in_table) return given;
  if (given != nullptr) {
    buffer = *given;
  } else {
    buffer.clear();
  }
  table->read(rows[r], buffer);
  return &buffer;
}

}  // namespace penchant::data
