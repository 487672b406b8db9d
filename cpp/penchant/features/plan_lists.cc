// Which rows and totals lists, companions and what is net of returns need.

#include "penchant/base/error.h"
#include "penchant/features/place_of.h"
#include "penchant/features/plan.h"

namespace penchant::features {
namespace {

constexpr By kBySubject{.subject = true};
constexpr By kByItem{.item = By::Item::kSame};
constexpr By kByAll{};

}  // namespace

// The measure of the last row that the filter accepts.
std::size_t Plan::last_row(std::size_t series, std::size_t filter) {
  return place_of(series_[series].layout.measures,
                  Measure{.kind = Measure::Kind::kLast, .filter = filter});
}

void Plan::keep_lists() {
  for (const ItemList& list : lists_) {
    ListAccess access;
    access.series = series_of(kBySubject, list.filter);
    if (list.kind == ItemList::Kind::kCart) {
      // Rows tell apart what their series was told of.
      for (const std::size_t one : {list.adds, list.removes, list.ends}) {
        (void)series_of(kBySubject, one);
      }
    }
    access.last = last_row(access.series, list.filter);
    SeriesLayout& layout = series_[access.series].layout;
    access.items = place_of(layout.codes, items_column());
    const auto kept = [&](std::size_t value) {
      return value == Measure::kOne ? value : place_of(layout.values, value);
    };
    access.quantity = kept(list.quantity);
    access.price = kept(list.price);
    access.value = kept(list.value);
    list_access_.push_back(access);
  }
}

// Rows that a walk finds side by side: where others would lie between them they are kept once more.
std::size_t Plan::series_apart(const By& by, std::size_t filter) {
  const auto only = [&](const Kept& kept) {
    return kept.by == by && kept.layout.filters == std::uint32_t{1} << filter;
  };
  auto at = std::ranges::find_if(series_, only);
  if (at == series_.end()) {
    at = series_.insert(at, {.by = by, .layout = {}, .windows = {}, .apart = true});
    at->layout.filters = std::uint32_t{1} << filter;
  }
  return static_cast<std::size_t>(at - series_.begin());
}

void Plan::keep_companions() {
  for (std::size_t c = 0; c < companions_.size(); ++c) {
    const Companions& one = companions_[c];
    CompanionAccess access;
    access.lift = std::ranges::any_of(features_, [&](const Feature& feature) {
      return feature.kind == Feature::Kind::kTogetherLift && feature.companions == c;
    });
    access.subjects = series_apart(kBySubject, one.filter);
    access.item_code = place_of(series_[access.subjects].layout.codes, items_column());
    const auto column = std::ranges::find(codes_, kSubjectCode);
    check_argument(column != codes_.end(), "a feature plan with companions lists no subjects");
    access.items = series_apart(kByItem, one.filter);
    access.subject_code = place_of(series_[access.items].layout.codes,
                                   static_cast<std::size_t>(column - codes_.begin()));
    if (access.lift) {
      const Measure count{.kind = Measure::Kind::kCount, .filter = one.filter};
      access.all = series_of(kByAll, one.filter);
      access.all_count = place_of(series_[access.all].layout.measures, count);
    }
    companion_access_.push_back(access);
  }
}

// All of it is read row by row.
Plan::Access Plan::keep_netted(const Feature& feature) {
  Access access;
  access.series = series_of(kBySubject, feature.filter);
  SeriesLayout& layout = series_[access.series].layout;
  if (feature.value != Measure::kOne) access.value = place_of(layout.values, feature.value);
  const bool coded =
      feature.kind == Feature::Kind::kLastCode || feature.kind == Feature::Kind::kDistinct;
  access.code = place_of(layout.codes, coded ? feature.code : items_column());
  return access;
}

void Plan::keep_nettings() {
  for (const Netting& netting : nettings_) {
    NettingAccess access;
    access.series = series_of(kBySubject, netting.bought);
    access.series = series_of(kBySubject, netting.returned);
    SeriesLayout& layout = series_[access.series].layout;
    access.items = place_of(layout.codes, items_column());
    if (netting.order != Netting::kNoOrder) access.order = place_of(layout.codes, netting.order);
    if (netting.quantity != Measure::kOne) {
      access.quantity = place_of(layout.values, netting.quantity);
    }
    netting_access_.push_back(access);
  }
}

std::size_t Plan::pieces_in(const Feature& feature) const {
  const std::size_t number = nettings_[feature.netting].quantity_number;
  if (feature.value == Measure::kOne) return 0;
  return static_cast<std::size_t>(std::ranges::count(values_[feature.value].factors, number));
}

}  // namespace penchant::features
