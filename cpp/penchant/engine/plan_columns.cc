// The columns of a feature plan: as of the moment of the request, strictly before it.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <variant>

#include "penchant/engine/context_values.h"
#include "penchant/engine/feature_columns.h"
#include "penchant/features/live_profiles.h"

namespace penchant::engine {
namespace {

using features::Feature;
using features::Profiles;

// What an item is has no order that a split could use; `one_hot` tells of it.
bool is_column(const features::Plan& plan, const Feature& feature) {
  if (feature.hidden || feature.kind == Feature::Kind::kItemCode) return false;
  return feature.kind != Feature::Kind::kLastCode || feature.code == plan.items_column();
}

class PlanReader {
 public:
  PlanReader(std::shared_ptr<const Profiles> profiles, const data::IdMap& items)
      : profiles_(std::move(profiles)) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const bool integer = items.kind() == data::IdKind::kInteger;
      item_of_.push_back(integer ? profiles_->items().find(items.integer(i))
                                 : profiles_->items().find(items.string(i)));
    }
  }

  void fill(std::size_t feature, const FeatureInput& in, ColumnOut out) const {
    PlanScratch& scratch = in.scratch.plan;
    if (!scratch.ready) read(in, scratch);
    const std::vector<double>& values = scratch.columns[feature];
    for (std::size_t i = 0; i < in.candidates.size(); ++i) {
      const double value = told(feature, values[i], scratch.items[i]);
      out[i] = static_cast<float>(std::clamp(value, -kMost, kMost));
    }
  }

 private:
  static constexpr double kMost = 3e38;

  // A code says nothing by its size: what a ranker learns of it is whether the candidate is meant
  // (last items), or is of it (top categories): 1 or 0.
  [[nodiscard]] double told(std::size_t f, double value, std::int32_t item) const {
    const Feature& feature = profiles_->plan().features()[f];
    const bool code = feature.kind == Feature::Kind::kTopCode;
    if (feature.kind != Feature::Kind::kLastCode && !code) return value;
    if (std::isnan(value) || item < 0) return std::numeric_limits<double>::quiet_NaN();
    std::int32_t own = item;
    if (code) {
      const auto& of_item = profiles_->state().items().codes[feature.attribute].of_item;
      own = of_item[static_cast<std::size_t>(item)];
    }
    return value == own ? 1 : 0;
  }
  [[nodiscard]] std::int32_t subject_of(const Workspace& work) const {
    const auto& subject = work.request->subject;
    if (!subject) return features::kNoCode;
    if (work.live == nullptr) {
      return std::visit([&](const auto& id) { return profiles_->subjects().find(id); }, *subject);
    }
    if (const auto* const text = std::get_if<std::string>(&*subject)) {
      return work.live->subject(*text);
    }
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                   std::get<std::int64_t>(*subject));
    return work.live->subject({digits.data(), end.ptr});
  }

  void read(const FeatureInput& in, PlanScratch& scratch) const {
    const std::size_t count = in.candidates.size();
    scratch.times.assign(count, in.work.query.as_of.micros);
    scratch.subjects.assign(count, subject_of(in.work));
    scratch.items.clear();
    for (const Candidate& candidate : in.candidates) {
      scratch.items.push_back(item_of_[static_cast<std::size_t>(candidate.item.value)]);
    }
    say_contexts(profiles_->plan(), in.work.request->context, count, scratch);
    scratch.columns.resize(profiles_->plan().features().size());
    scratch.out.clear();
    for (auto& column : scratch.columns) {
      column.resize(count);
      scratch.out.push_back(column.data());
    }
    const features::Points points{scratch.times, scratch.subjects, scratch.items,
                                  scratch.context_views};
    if (in.work.live == nullptr) {
      profiles_->state().read(points, scratch.out, scratch.reading);
    } else {
      in.work.live->read(points, scratch.out, scratch.reading);
    }
    scratch.ready = true;
  }

  std::shared_ptr<const Profiles> profiles_;
  std::vector<std::int32_t> item_of_;  // [catalogue's items], the profiles' code
};

}  // namespace

void add_plan_columns(const FeatureBasis& basis, std::vector<FeatureColumn>& out) {
  if (!basis.profiles) return;
  const auto reader = std::make_shared<const PlanReader>(basis.profiles, basis.items);
  const std::vector<Feature>& all = basis.profiles->plan().features();
  for (std::size_t f = 0; f < all.size(); ++f) {
    // What only rules of segments ask for is known by these.
    if (!is_column(basis.profiles->plan(), all[f]) || all[f].name.starts_with("segments."))
      continue;
    std::string words = all[f].name;
    std::ranges::replace(words, '_', ' ');
    out.push_back({"plan." + all[f].name, std::move(words),
                   [reader, f](const FeatureInput& in, ColumnOut to) { reader->fill(f, in, to); }});
  }
}

}  // namespace penchant::engine
