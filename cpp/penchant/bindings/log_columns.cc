#include "penchant/bindings/log_columns.h"

namespace penchant::bindings {
namespace {

using bandits::JoinedSlot;

struct Columns {
  std::vector<std::uint64_t> decision, seed, candidates;
  std::vector<std::int64_t> time, context_width, feature_width;
  std::vector<std::int32_t> slot;
  std::vector<double> propensity, reward, context, features;
  std::vector<std::uint8_t> rewarded, closed;
  py::list placement, subject, policy, version, arm;
};

py::dict columns_of(const std::vector<JoinedSlot>& slots) {
  Columns out;
  for (const JoinedSlot& one : slots) {
    const bandits::Decided& d = *one.decision;
    const bandits::Slot& slot = d.slots[one.slot];
    out.decision.push_back(d.id);
    out.time.push_back(d.time.micros);
    out.placement.append(d.placement);
    out.subject.append(d.subject);
    out.policy.append(d.policy);
    out.version.append(d.policy_version);
    out.arm.append(slot.arm);
    out.slot.push_back(static_cast<std::int32_t>(one.slot));
    out.propensity.push_back(slot.propensity);
    out.reward.push_back(one.reward);
    out.rewarded.push_back(one.rewarded ? 1 : 0);
    out.closed.push_back(one.closed ? 1 : 0);
    out.seed.push_back(d.seed);
    out.candidates.push_back(d.candidates);
    out.context_width.push_back(static_cast<std::int64_t>(d.context.size()));
    out.context.insert(out.context.end(), d.context.begin(), d.context.end());
    out.feature_width.push_back(static_cast<std::int64_t>(slot.features.size()));
    out.features.insert(out.features.end(), slot.features.begin(), slot.features.end());
  }
  py::dict columns;
  columns["decision_id"] = move_to_array(std::move(out.decision));
  columns["time"] = move_to_array(std::move(out.time));
  columns["placement"] = out.placement;
  columns["subject"] = out.subject;
  columns["policy"] = out.policy;
  columns["policy_version"] = out.version;
  columns["arm"] = out.arm;
  columns["slot"] = move_to_array(std::move(out.slot));
  columns["propensity"] = move_to_array(std::move(out.propensity));
  columns["reward"] = move_to_array(std::move(out.reward));
  columns["rewarded"] = move_to_array(std::move(out.rewarded));
  columns["closed"] = move_to_array(std::move(out.closed));
  columns["seed"] = move_to_array(std::move(out.seed));
  columns["candidates_hash"] = move_to_array(std::move(out.candidates));
  columns["context"] = move_to_array(std::move(out.context));
  columns["context_width"] = move_to_array(std::move(out.context_width));
  columns["features"] = move_to_array(std::move(out.features));
  columns["feature_width"] = move_to_array(std::move(out.feature_width));
  return columns;
}

}  // namespace

py::dict log_columns(const bandits::Loop& loop) {
  std::vector<JoinedSlot> slots;
  {
    const py::gil_scoped_release release;
    loop.read_log([&](const JoinedSlot& one) { slots.push_back(one); });
  }
  return columns_of(slots);
}

py::tuple log_columns(const std::filesystem::path& folder, const bandits::JoinOptions& join) {
  std::vector<JoinedSlot> slots;
  bandits::Dropped dropped;
  {
    const py::gil_scoped_release release;
    dropped =
        bandits::read_folder(folder, join, [&](const JoinedSlot& one) { slots.push_back(one); });
  }
  return py::make_tuple(columns_of(slots), dropped_dict(dropped));
}

py::dict dropped_dict(const bandits::Dropped& dropped) {
  py::dict out;
  out["records"] = dropped.records;
  out["decisions"] = dropped.decisions;
  out["bytes"] = dropped.bytes;
  out["until"] = dropped.until.known() ? py::cast(dropped.until.micros) : py::none();
  return out;
}

}  // namespace penchant::bindings
