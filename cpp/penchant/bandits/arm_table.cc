#include "penchant/bandits/arm_table.h"

#include "penchant/bandits/policy.h"

namespace penchant::bandits {

std::int32_t ArmTable::add(std::string_view arm) {
  const std::int32_t known = find(arm);
  if (known != kNewArm) return known;
  const auto row = static_cast<std::int32_t>(arms_.size());
  arms_.emplace_back(arm);
  row_of_.emplace(arm, row);
  return row;
}

std::int32_t ArmTable::find(std::string_view arm) const {
  const auto found = row_of_.find(arm);
  return found == row_of_.end() ? kNewArm : found->second;
}

}  // namespace penchant::bandits
