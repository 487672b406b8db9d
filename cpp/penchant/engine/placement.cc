#include "penchant/engine/placement.h"

#include <cmath>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "penchant/bandits/linear_sums.h"
#include "penchant/models/model_meta.h"

namespace penchant::engine {
namespace {

constexpr const char* kPrefix = "placements";
constexpr std::size_t kLongestName = 256;

nlohmann::json json_of(const std::vector<ExternalId>& ids) {
  auto out = nlohmann::json::array();
  for (const ExternalId& id : ids) std::visit([&](const auto& one) { out.push_back(one); }, id);
  return out;
}

// Distinct texts and 64-bit integers. Throws kInvalidArgument.
std::vector<ExternalId> ids_of(const nlohmann::json& json, const std::string& what,
                               std::size_t most) {
  check_argument(json.is_array() && json.size() <= most, what, " must be a list of at most ", most);
  std::vector<ExternalId> out;
  std::set<ExternalId> seen;
  for (const nlohmann::json& one : json) {
    const bool integer =
        one.is_number_integer() &&
        !(one.is_number_unsigned() && one.get<std::uint64_t>() > std::uint64_t{INT64_MAX});
    check_argument(one.is_string() || integer, what, ": ids are texts or integers");
    if (integer) {
      out.emplace_back(one.get<std::int64_t>());
    } else {
      out.emplace_back(one.get<std::string>());
    }
    check_argument(seen.insert(out.back()).second, what, ": an id comes twice");
  }
  return out;
}

nlohmann::json json_of(const bandits::JoinOptions& join) {
  nlohmann::json out = {{"deadline", join.deadline.micros},
                        {"aggregation", bandits::aggregation_name(join.aggregation)},
                        {"learn", bandits::learn_when_name(join.learn)},
                        {"default_reward", nullptr}};  // not learnt without a reward
  if (!std::isnan(join.default_reward)) out["default_reward"] = join.default_reward;
  return out;
}

bandits::JoinOptions join_of(const nlohmann::json& json) {
  bandits::JoinOptions out;
  out.deadline.micros = json.at("deadline").get<std::int64_t>();
  out.aggregation = bandits::find_aggregation(json.at("aggregation").get<std::string>());
  out.learn = bandits::find_learn_when(json.at("learn").get<std::string>());
  const nlohmann::json& reward = json.at("default_reward");
  out.default_reward =
      reward.is_null() ? std::numeric_limits<double>::quiet_NaN() : reward.get<double>();
  check_argument(out.deadline.micros > 0, "deadline must be positive");
  check_argument(!(std::abs(out.default_reward) > 1e6), "default_reward must be within +-1e6");
  return out;
}

std::string prefix_of(std::size_t place) { return concat(kPrefix, "/", place, "/policy"); }

// Finite, and what policies take.
void check_features(const Matrix<double>& features, const std::string& whose) {
  for (const double value : features.view().flat()) {
    check_argument(std::abs(value) <= bandits::kMostInput, whose, " is not within +-",
                   bandits::kMostInput);
  }
}

// Throws kInvalidArgument.
void check_placement(const Placement& placement) {
  const auto say = [&](const auto&... words) {
    return concat("placement '", placement.name, "': ", words...);
  };
  check_argument(!placement.name.empty() && placement.name.size() <= kLongestName,
                 "a placement's name has 1 to ", kLongestName, " bytes");
  check_argument(placement.policy != nullptr, say("it has no policy"));
  const std::set<ExternalId> distinct(placement.offers.begin(), placement.offers.end());
  check_argument(distinct.size() == placement.offers.size(), say("an offer comes twice"));
  const bandits::PolicyOptions& options = placement.policy->options();
  check_argument(options.dimension == 0 || options.dimension == placement.context.size(),
                 say("its context has ", placement.context.size(), " numbers, its policy reads ",
                     options.dimension));
  check_argument(placement.arms.size() == placement.policy->arms(),
                 say("its policy knows ", placement.policy->arms(), " arms, of which ",
                     placement.arms.size(), " are named"));
  if (placement.offers.empty()) {
    check_argument(placement.depth >= 1 && placement.depth <= kMaxK,
                   say("depth must be 1 to ", kMaxK, ", not ", placement.depth));
    const Matrix<double>& own = placement.item_features;
    const std::size_t width = kItemFeatures + own.columns();
    check_argument(
        options.arm_dimension == 0 || options.arm_dimension == width,
        say("items have ", width, " attributes, its policy reads ", options.arm_dimension));
    check_argument(own.columns() == 0 || options.arm_dimension > 0,
                   say("its policy reads no attributes of items"));
    check_features(own, say("an attribute of an item"));
    return;
  }
  check_argument(placement.item_features.columns() == 0, say("items' attributes beside offers"));
  const Matrix<double>& features = placement.offer_features;
  check_argument(features.columns() == options.arm_dimension &&
                     (options.arm_dimension == 0 || features.rows() == placement.offers.size()),
                 say("its offers have ", features.columns(), " attributes, its policy reads ",
                     options.arm_dimension));
  check_features(features, say("an attribute of an offer"));
}

Matrix<double> features_of(const bundle::Reader& reader, const std::string& name) {
  if (!reader.has(name)) return {};
  const auto view = reader.matrix<double>(name);
  Matrix<double> out(view.rows, view.columns);
  std::ranges::copy(view.flat(), out.view().flat().begin());
  return out;
}

Placement placement_of(const nlohmann::json& json,
                       const std::shared_ptr<const bundle::Reader>& reader, std::size_t place,
                       std::size_t items) {
  check_argument(json.is_object() && json.value("name", nlohmann::json()).is_string(), "list[",
                 place, "] has no name");
  Placement out;
  out.name = json["name"].get<std::string>();
  out.offers = ids_of(json.value("offers", nlohmann::json()), "offers", kMaxOffers);
  out.arms = ids_of(json.value("arms", nlohmann::json()), "arms", std::size_t{1} << 31);
  const auto depth = json.value("depth", nlohmann::json());
  check_argument(depth.is_number_unsigned(), "depth must be a number");
  out.depth = depth.get<std::size_t>();
  out.context_json = json.value("context", nlohmann::json()).dump();
  out.context = ContextTerms::parse(out.context_json);
  out.policy =
      std::make_shared<const bandits::Policy>(bandits::Policy::load(reader, prefix_of(place)));
  out.join = join_of(json.at("join"));
  out.offer_features = features_of(*reader, concat(kPrefix, "/", place, "/offer_features"));
  out.item_features = features_of(*reader, concat(kPrefix, "/", place, "/item_features"));
  check_placement(out);
  check_argument(out.item_features.columns() == 0 || out.item_features.rows() == items,
                 "placement '", out.name, "': it has attributes of ", out.item_features.rows(),
                 " items, the catalogue has ", items);
  return out;
}

}  // namespace

void save_placements(bundle::Writer& writer, const std::vector<Placement>& placements) {
  if (placements.empty()) return;
  check_argument(placements.size() <= kMaxPlacements, "there may be ", kMaxPlacements,
                 " placements, not ", placements.size());
  auto list = nlohmann::json::array();
  std::set<std::string> names;
  for (std::size_t i = 0; i < placements.size(); ++i) {
    const Placement& one = placements[i];
    check_placement(one);
    check_argument(names.insert(one.name).second, "two placements are called '", one.name, "'");
    list.push_back({{"name", one.name},
                    {"offers", json_of(one.offers)},
                    {"arms", json_of(one.arms)},
                    {"depth", one.depth},
                    {"join", json_of(one.join)},
                    {"context", nlohmann::json::parse(one.context_json)}});
    one.policy->save(writer, prefix_of(i));
    if (one.offer_features.columns() > 0) {
      writer.add(concat(kPrefix, "/", i, "/offer_features"), one.offer_features.view());
    }
    if (one.item_features.columns() > 0) {
      writer.add(concat(kPrefix, "/", i, "/item_features"), one.item_features.view());
    }
  }
  writer.add_text(concat(kPrefix, "/list"), list.dump());
}

std::vector<Placement> load_placements(const std::shared_ptr<const bundle::Reader>& reader,
                                       std::size_t items) {
  const std::string name = concat(kPrefix, "/list");
  if (!reader->has(name)) return {};
  const auto list = nlohmann::json::parse(reader->text(name), nullptr, false);
  std::vector<Placement> out;
  try {
    check_argument(list.is_array() && list.size() <= kMaxPlacements, "list must be a list");
    std::set<std::string> names;
    for (std::size_t i = 0; i < list.size(); ++i) {
      out.push_back(placement_of(list[i], reader, i, items));
      check_argument(names.insert(out.back().name).second, "two placements of one name");
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kCorruptBundle) throw;
    fail(ErrorKind::kCorruptBundle, concat("bundle, placements: ", error.what()));
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::kCorruptBundle, concat("bundle, placements: ", error.what()));
  }
  return out;
}

ExternalId id_of_json(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  fail(ErrorKind::kBadData, concat("'", text.substr(0, 64), "' is no id"));
}

}  // namespace penchant::engine
