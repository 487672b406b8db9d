#pragma once

// Join options as python/penchant/bandits/_join.py gives them.

#include "penchant/bandits/joiner.h"
#include "penchant/bindings/register.h"

namespace penchant::bindings {

inline bandits::JoinOptions join_of(const py::dict& given) {
  return {.deadline = Duration{given["deadline"].cast<std::int64_t>()},
          .aggregation = bandits::find_aggregation(given["aggregation"].cast<std::string>()),
          .learn = bandits::find_learn_when(given["learn"].cast<std::string>()),
          .default_reward = given["default_reward"].cast<double>(),
          .least = given["least"].cast<double>(),
          .most = given["most"].cast<double>()};
}

}  // namespace penchant::bindings
