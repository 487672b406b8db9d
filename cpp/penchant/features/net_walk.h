#pragma once

// The events of a subject as though what was returned had not been bought.

#include <cstdint>
#include <vector>

#include "penchant/features/state.h"

namespace penchant::features {

class NetWalk {
 public:
  // A row of the subject's series. Of what it was bought in pieces so many are left.
  struct Row {
    std::uint32_t row = 0;
    bool bought = false;
    std::int64_t left = 1;
    std::int64_t quantity = 1;
  };

  // Keeps a reference.
  explicit NetWalk(const State& state) : state_(state) {}

  // The subject's rows strictly before `time`, but those of which nothing is left, in their order.
  // O(rows + returns * purchases).
  void walk(std::size_t netting, std::int32_t subject, std::int64_t time, std::vector<Row>& out);

 private:
  void take_back(const Netting& rule, const Plan::NettingAccess& access, const Series::List& rows,
                 std::size_t row, std::vector<Row>& out) const;

  const State& state_;
};

}  // namespace penchant::features
