#include "penchant/models/segment_popular.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "penchant/base/error.h"
#include "penchant/models/model_meta.h"

namespace penchant::models {
namespace {

constexpr std::int64_t kMostAttributes = 16;

void require(bool holds, std::string_view what) {
  if (!holds) fail(ErrorKind::kBadData, concat("Popular by attributes: ", what));
}

void check(const SegmentParameters& parameters) {
  check_argument(parameters.strength > 0 && std::isfinite(parameters.strength),
                 "Popular: strength must be positive, not ", parameters.strength);
}

// One key a level, for as many attributes as are known: each value with its length before it, so
// that no two lists of values run together alike.
std::vector<std::string> segment_keys(const std::vector<TokenColumn>& by,
                                      const data::Attributes& attributes) {
  std::vector<std::string> out;
  std::string key;
  for (const TokenColumn& column : by) {
    std::vector<std::string> tokens = column.tokens(attributes);
    if (tokens.empty()) break;
    std::sort(tokens.begin(), tokens.end());
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    key += concat(tokens.size(), ";");
    for (const std::string& token : tokens) key += concat(token.size(), ":", token);
    out.push_back(key);
  }
  return out;
}

// What is counted of one group of people.
struct Tally {
  double people = 0;
  std::map<ItemIndex, double> items;
};

}  // namespace

SegmentPopularModel::SegmentPopularModel(Parts parts) : parts_(std::move(parts)) {
  const std::size_t segments = parts_.segments.size();
  const auto offsets = parts_.offsets.span();
  const auto not_negative = [](auto v) { return v >= 0; };
  require(parts_.segments.kind() == data::IdKind::kString, "the segments are numbers");
  require(parts_.segment_people.size() == segments && offsets.size() == segments + 1 &&
              offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
              offsets.back() == static_cast<std::int64_t>(parts_.items.size()) &&
              parts_.items.size() == parts_.segment_counts.size(),
          "segments, offsets and items don't belong together");
  require(std::all_of(parts_.items.begin(), parts_.items.end(),
                      [&](ItemIndex item) {
                        return item.known() && std::cmp_less(item.value, num_items());
                      }),
          "an item is out of bounds");
  require(parts_.people >= 0 && std::ranges::all_of(parts_.segment_people.span(), not_negative) &&
              std::ranges::all_of(parts_.counts.span(), not_negative) &&
              std::ranges::all_of(parts_.segment_counts.span(), not_negative),
          "a count is negative");
}

std::vector<std::size_t> SegmentPopularModel::segments_of(
    const data::Attributes* attributes) const {
  std::vector<std::size_t> out;
  if (attributes == nullptr) return out;
  for (const std::string& key : segment_keys(parts_.by, *attributes)) {
    const std::int32_t at = parts_.segments.find(std::string_view(key));
    if (at < 0) break;
    out.push_back(static_cast<std::size_t>(at));
  }
  return out;
}

Evidence SegmentPopularModel::evidence(const Query& query) const {
  return segments_of(query.attributes).empty() ? Evidence::kNothing : Evidence::kSegment;
}

void SegmentPopularModel::score_all(const Query& query, std::span<float> scores) const {
  const double strength = parts_.parameters.strength;
  const auto everyone = static_cast<float>(1.0 / std::max(parts_.people, 1.0));
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = parts_.counts[i] * everyone;
  for (const std::size_t s : segments_of(query.attributes)) {
    const double whole = parts_.segment_people[s] + strength;
    const auto kept = static_cast<float>(strength / whole);
    const auto one = static_cast<float>(1.0 / whole);
    for (float& score : scores) score *= kept;
    const auto end = static_cast<std::size_t>(parts_.offsets[s + 1]);
    for (auto k = static_cast<std::size_t>(parts_.offsets[s]); k < end; ++k) {
      scores[static_cast<std::size_t>(parts_.items[k].value)] += parts_.segment_counts[k] * one;
    }
  }
}

void SegmentPopularModel::save(bundle::Writer& writer, const std::string& prefix) const {
  const SegmentParameters& p = parts_.parameters;
  save_meta(writer, prefix,
            {{"kind", kind()},
             {"window_us", p.counting.window},
             {"half_life_us", p.counting.half_life},
             {"strength", p.strength},
             {"people", parts_.people},
             {"by", parts_.by.size()}});
  for (std::size_t c = 0; c < parts_.by.size(); ++c) {
    parts_.by[c].save(writer, concat(prefix, "/by/", c));
  }
  writer.add(prefix + "/counts", parts_.counts.span());
  parts_.segments.save(writer, prefix + "/segments");
  writer.add(prefix + "/people", parts_.segment_people.span());
  writer.add(prefix + "/offsets", parts_.offsets.span());
  writer.add(prefix + "/items", parts_.items.span());
  writer.add(prefix + "/segment_counts", parts_.segment_counts.span());
}

std::shared_ptr<const Model> SegmentPopularModel::load(
    const std::shared_ptr<const bundle::Reader>& reader, const std::string& prefix,
    std::size_t /*num_users*/, std::size_t num_items) {
  const Meta meta(*reader, prefix);
  Parts parts;
  parts.parameters.counting = {meta.duration("window_us"), meta.duration("half_life_us")};
  parts.parameters.strength = meta.number("strength");
  meta.require_valid([&] { check(parts.parameters); });
  parts.people = meta.number("people");
  const auto by = meta.integer<std::size_t>("by", 1, kMostAttributes);
  for (std::size_t c = 0; c < by; ++c) {
    parts.by.push_back(TokenColumn::load(reader, concat(prefix, "/by/", c)));
  }
  parts.counts = meta.array<float>("counts", num_items);
  parts.segments = data::IdMap::load(*reader, prefix + "/segments");
  parts.segment_people = meta.array<double>("people", parts.segments.size());
  parts.offsets = meta.array<std::int64_t>("offsets", parts.segments.size() + 1);
  parts.items = meta.any_array<ItemIndex>("items");
  parts.segment_counts = meta.array<float>("segment_counts", parts.items.size());
  std::shared_ptr<const Model> out;
  meta.require_valid([&] { out = std::make_shared<const SegmentPopularModel>(std::move(parts)); });
  return out;
}

namespace {

// Everyone's tally, then each segment's by its key.
struct Tallies {
  Tally everyone;
  std::map<std::string, Tally> segments;
};

Tallies tally(const std::vector<CountedPair>& pairs, const std::vector<TokenColumn>& by,
              const data::AttributeTable& table) {
  std::vector<double> person(table.rows(), 0.0);  // each as their latest event
  Tallies out;
  for (const CountedPair& pair : pairs) {
    out.everyone.items[pair.item] += pair.weight;
    if (pair.subject.known()) {
      double& latest = person[static_cast<std::size_t>(pair.subject.value)];
      latest = std::max(latest, pair.weight);
    } else {
      out.everyone.people += pair.weight;
    }
  }
  std::vector<std::vector<std::string>> keys(table.rows());
  data::Attributes attributes;
  for (std::size_t u = 0; u < table.rows(); ++u) {
    out.everyone.people += person[u];
    if (person[u] == 0) continue;
    attributes.clear();
    table.read(UserIndex(static_cast<std::int32_t>(u)), attributes);
    keys[u] = segment_keys(by, attributes);
    for (const std::string& key : keys[u]) out.segments[key].people += person[u];
  }
  for (const CountedPair& pair : pairs) {
    if (!pair.subject.known()) continue;
    for (const std::string& key : keys[static_cast<std::size_t>(pair.subject.value)]) {
      out.segments[key].items[pair.item] += pair.weight;
    }
  }
  return out;
}

}  // namespace

std::shared_ptr<const Model> fit_segment_popular(const data::Dataset& data,
                                                 const data::AttributeTable& table,
                                                 const std::vector<FeatureRecipe::Column>& by,
                                                 const SegmentParameters& parameters) {
  check(parameters);
  check_argument(!by.empty() && std::cmp_less_equal(by.size(), kMostAttributes),
                 "Popular: by must name 1 to ", kMostAttributes, " attributes, not ", by.size());
  check_argument(table.rows() == data.subjects().size(), "Popular: attributes of ", table.rows(),
                 " people for ", data.subjects().size(), " subjects");
  SegmentPopularModel::Parts parts;
  parts.parameters = parameters;
  for (const FeatureRecipe::Column& column : by) {
    parts.by.push_back(TokenColumn::learn(table, column.name, column.kind, parameters.bins));
  }
  Tallies found = tally(counted_pairs(data, parameters.counting), parts.by, table);
  parts.people = found.everyone.people;
  std::vector<float> counts(data.items().size(), 0.0F);
  for (const auto& [item, count] : found.everyone.items) {
    counts[static_cast<std::size_t>(item.value)] = static_cast<float>(count);
  }
  std::vector<std::string> keys;
  std::vector<double> people;
  std::vector<std::int64_t> offsets{0};
  std::vector<ItemIndex> items;
  std::vector<float> segment_counts;
  for (const auto& [key, segment] : found.segments) {
    keys.push_back(key);
    people.push_back(segment.people);
    for (const auto& [item, count] : segment.items) {
      items.push_back(item);
      segment_counts.push_back(static_cast<float>(count));
    }
    offsets.push_back(static_cast<std::int64_t>(items.size()));
  }
  parts.counts = SharedArray<float>::own(std::move(counts));
  parts.segments = data::IdMap::from_strings(std::move(keys));
  parts.segment_people = SharedArray<double>::own(std::move(people));
  parts.offsets = SharedArray<std::int64_t>::own(std::move(offsets));
  parts.items = SharedArray<ItemIndex>::own(std::move(items));
  parts.segment_counts = SharedArray<float>::own(std::move(segment_counts));
  return std::make_shared<const SegmentPopularModel>(std::move(parts));
}

}  // namespace penchant::models
