#pragma once

// What is known of people beside events: region, age, tags. One person's come with a request, or
// stand in a table with a row a person:
//
//   Attributes given = {{"age", 34.0}, {"region", std::vector<std::string>{"north"}}};
//   table.read(row, given);   // adds what the table knows and `given` does not say

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "penchant/base/ids.h"
#include "penchant/base/matrix.h"
#include "penchant/bundle/bundle.h"
#include "penchant/data/id_map.h"

namespace penchant::data {

// A number, or texts: one for a category, several for tags. A boolean is the text "true" or
// "false".
using AttributeValue = std::variant<double, std::vector<std::string>>;
using Attributes = std::map<std::string, AttributeValue, std::less<>>;

class AttributeTable {
 public:
  struct Column {
    std::string name;
    bool numeric = false;
    SharedArray<double> numbers = {};        // [rows], numeric only: not a number where not known
    IdMap texts = {};                        // the distinct texts
    SharedArray<std::int64_t> offsets = {};  // [rows + 1] into codes; empty row: not known
    SharedArray<std::int32_t> codes = {};    // indices of texts
  };

  AttributeTable() = default;
  // Columns in any order, kept by name. Throws kBadData when names are not distinct, or a column's
  // shape or bounds are not as above.
  AttributeTable(std::size_t rows, std::vector<Column> columns);

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  [[nodiscard]] bool empty() const { return columns_.empty(); }

  // Adds what is known of `row` (unknown: nothing) to `out`; what stands there stays.
  void read(UserIndex row, Attributes& out) const;

  // Writes "<prefix>/names/..." (ids), "/numeric" (a byte a column) and, for column number c,
  // "/<c>/numbers" or "/<c>/texts/...", "/<c>/offsets" and "/<c>/codes".
  void save(bundle::Writer& writer, const std::string& prefix) const;
  // Makes the checks of the constructor. Throws kCorruptBundle.
  [[nodiscard]] static AttributeTable load(const bundle::Reader& reader, const std::string& prefix,
                                           std::size_t rows);

 private:
  std::size_t rows_ = 0;
  std::vector<Column> columns_;
};

// Where many people's attributes come from: a row each of a table, or nowhere.
struct AttributeRows {
  const AttributeTable* table = nullptr;  // null: nothing is known
  std::span<const UserIndex> rows = {};   // one a person
  const Attributes* given = nullptr;      // said of everyone, before the table; may be null

  // What is known of person r, written into `buffer`; null where there is nothing to read.
  [[nodiscard]] const Attributes* of(std::size_t r, Attributes& buffer) const;
};

}  // namespace penchant::data
