#include "penchant/features/plan_json_lists.h"

namespace penchant::features {
namespace {

using Kind = Feature::Kind;

constexpr std::array<std::pair<std::string_view, ItemList::Kind>, 3> kLists = {{
    {"latest", ItemList::Kind::kLatest},
    {"cart", ItemList::Kind::kCart},
    {"favorites", ItemList::Kind::kFavorites},
}};

constexpr std::array<std::pair<std::string_view, Feature::Pool>, 3> kPools = {{
    {"mean", Feature::Pool::kMean},
    {"max", Feature::Pool::kMax},
    {"sum", Feature::Pool::kSum},
}};

std::size_t counted(const Members& members, const char* name, std::size_t most) {
  return static_cast<std::size_t>(
      members.integer(name, 1, static_cast<std::int64_t>(most), static_cast<std::int64_t>(most)));
}

// An index where there is one.
std::size_t optional_index(const Members& members, const char* name, std::size_t size) {
  return members.has(name) ? members.index(name, size) : Measure::kOne;
}

}  // namespace

ItemList read_list(const nlohmann::json& object, const Plan& plan) {
  const Members members(object, "list of a feature plan");
  const std::size_t filters = plan.filters().size();
  const std::size_t values = plan.values().size();
  ItemList list;
  list.kind = named(kLists, members.text("kind"), "list");
  list.filter = members.index("filter", filters);
  list.within = members.integer("within", 1, kMostMicros, 0);
  list.most = counted(members, "most", kMostListed);
  if (list.kind == ItemList::Kind::kCart) {
    list.adds = members.index("adds", filters);
    list.removes = members.index("removes", filters);
    list.ends = members.index("ends", filters);
    list.quantity = optional_index(members, "quantity", values);
    list.price = optional_index(members, "price", values);
  } else if (list.kind == ItemList::Kind::kFavorites) {
    list.attribute = members.index("attribute", plan.item_codes().size());
    list.value = optional_index(members, "value", values);
  }
  return list;
}

Companions read_companions(const Members& members, const Plan& plan) {
  Companions out;
  out.list = members.index("list", plan.lists().size());
  out.filter = members.index("filter", plan.filters().size());
  out.within = members.integer("within", 1, kMostMicros, 0);
  out.sample = counted(members, "sample", kMostSample);
  out.depth = counted(members, "depth", kMostSample);
  return out;
}

Netting read_netting(const nlohmann::json& object, const Plan& plan) {
  const Members members(object, "netting of a feature plan");
  Netting out;
  out.bought = members.index("bought", plan.filters().size());
  out.returned = members.index("returned", plan.filters().size());
  out.quantity = optional_index(members, "quantity", plan.values().size());
  if (out.quantity != Measure::kOne) {
    const std::vector<std::size_t>& factors = plan.values()[out.quantity].factors;
    check_argument(factors.size() == 1, members.whose(), ": 'quantity' is no single field");
    out.quantity_number = factors.front();
  }
  if (members.has("order")) out.order = members.index("order", plan.codes().size());
  return out;
}

void read_of_list(const Members& members, const Plan& plan, Feature& feature) {
  feature.list = members.index("list", plan.lists().size());
  const ItemList::Kind kind = plan.lists()[feature.list].kind;
  const auto wants = [&](bool holds, std::string_view what) {
    check_argument(holds, members.whose(), ": ", what);
  };
  const bool cart = feature.kind == Kind::kCartPieces || feature.kind == Kind::kCartValue ||
                    feature.kind == Kind::kCartMargin;
  wants(!cart || kind == ItemList::Kind::kCart, "it is of carts alone");
  wants(kind != ItemList::Kind::kFavorites || feature.kind == Kind::kListRank,
        "of favorites there is nothing but the rank");
  if (feature.kind == Kind::kListValues || feature.kind == Kind::kListSame) {
    feature.attribute = members.index("attribute", plan.item_codes().size());
  } else if (feature.kind == Kind::kCartMargin) {
    feature.attribute = members.index("attribute", plan.item_numbers().size());
  } else if (feature.kind == Kind::kSimilarity) {
    feature.embedding = members.index("embedding", plan.embeddings().size());
  }
  if (members.has("pool")) feature.pool = named(kPools, members.text("pool"), "pool");
  if (members.has("strength")) {
    wants(members.at("strength").is_number(), "'strength' is no number");
    feature.strength = members.at("strength").get<double>();
    wants(feature.strength >= 0 && feature.strength < 1e9, "'strength' is 0 to 1e9");
  }
}

}  // namespace penchant::features
