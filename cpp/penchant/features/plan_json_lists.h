#pragma once

// Lists and what refers to them, as plan_json.cc reads them. Of plan_json*.cc alone.

#include "penchant/features/plan.h"
#include "penchant/features/plan_members.h"

namespace penchant::features {

// All throw kInvalidArgument, and read what comes before the features of a plan from `plan`.
[[nodiscard]] ItemList read_list(const nlohmann::json& object, const Plan& plan);
[[nodiscard]] Companions read_companions(const Members& members, const Plan& plan);
[[nodiscard]] Netting read_netting(const nlohmann::json& object, const Plan& plan);
// What a feature of a list has beside its kind.
void read_of_list(const Members& members, const Plan& plan, Feature& feature);

}  // namespace penchant::features
