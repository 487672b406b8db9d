#pragma once

// What a policy is told of a request, number by number: declared with the placement, so that the
// notebook and the server make the same rows.
//
//   const auto terms = ContextTerms::parse(R"([{"term": "hour"}, {"term": "level", "of": "region",
//       "level": "north"}])");
//   terms.write(work, at, row);     // row [terms.size()]

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/base/matrix.h"
#include "penchant/base/time.h"
#include "penchant/data/attributes.h"

namespace penchant::engine {

struct Workspace;

struct ContextTerm {
  enum class Kind : std::uint8_t {
    kHour,     // two numbers: sine and cosine of the time of day, UTC
    kWeekday,  // seven numbers, Monday first: 1 on that day, UTC
    kDevice,   // 1 where the request's device is `level`
    kPage,     // 1 where its page is `level`
    kHistory,  // log(1 + events known of the person)
    kNumber,   // attribute `of`, (value - centre) / scale within +-10; 0 where it is not known
    kSegment,  // 1 where the person is in the segment `level`
    kLevel,    // 1 where `level` is among the texts of attribute `of`
  };
  Kind kind = Kind::kHour;
  std::string of = {};
  std::string level = {};
  double centre = 0;
  double scale = 1;

  [[nodiscard]] std::size_t size() const;
};

class ContextTerms {
 public:
  ContextTerms() = default;
  // A JSON list of objects. Throws kInvalidArgument, saying which entry is wrong and why.
  [[nodiscard]] static ContextTerms parse(std::string_view json);

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::vector<std::string> names() const;  // of the numbers
  // After ResolveStage. `at`: the moment of the decision. Finite, the same bits everywhere.
  void write(const Workspace& work, Timestamp at, std::span<double> row) const;
  // Of what a table knows of each of its rows, [rows, size()]. Throws kInvalidArgument where there
  // is a term other than numbers and levels, or one of a column that the table lacks.
  [[nodiscard]] Matrix<double> of_rows(const data::AttributeTable& table) const;

 private:
  std::vector<ContextTerm> terms_;
  std::size_t size_ = 0;
};

}  // namespace penchant::engine
