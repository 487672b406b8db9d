#pragma once

// A request, a decision, and their JSON forms (docs/openapi.yaml describes both).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "penchant/base/time.h"
#include "penchant/data/attributes.h"
#include "penchant/models/model.h"

namespace penchant::engine {

inline constexpr std::size_t kMaxRequestBytes = 1 << 20;
inline constexpr std::size_t kMaxListedItems = 10'000;  // in a basket, a deny or an allow
                                                        // list, and as many events
inline constexpr std::size_t kMaxK = 100'000;
inline constexpr std::size_t kMaxAttributes = 256;
inline constexpr std::size_t kMaxTags = 1000;  // of one attribute
inline constexpr std::size_t kMaxIdentifiers = 64;

// An id as it came: a JSON string or an integer.
using ExternalId = std::variant<std::string, std::int64_t>;

// Either kind as text: 17 as "17".
[[nodiscard]] std::string text_of(const ExternalId& id);

// What the person just did, as the request tells it.
struct RecentEvent {
  ExternalId item;
  std::optional<Timestamp> time = {};  // the moment of the request when absent
  float value = 1.0F;                  // 1e-30 to 1e30
};

struct Context {
  std::vector<ExternalId> basket = {};    // items in the cart now
  std::vector<RecentEvent> events = {};   // beside what training knows
  data::Attributes attributes = {};       // what is known of the person beside events
  std::string page = {};                  // free text
  std::optional<ExternalId> viewed = {};  // the item of the page: `page` itself, or {"item": ...}
  std::string device = {};
  std::string location = {};
  std::optional<Timestamp> time = {};  // the moment of the request; the end of training when absent
};

struct Request {
  std::optional<ExternalId> subject = {};  // nullopt: anonymous
  // Namespaces and values by which the bundle's identity may know the person.
  std::vector<std::pair<std::string, std::string>> identifiers = {};
  std::size_t k = 10;
  bool k_given = false;
  std::string placement = {};
  Context context = {};
  std::vector<ExternalId> deny = {};                       // never shown
  std::optional<std::vector<ExternalId>> candidates = {};  // only these, when given
  std::optional<bool> exclude_seen = {};                   // the bundle's own default when absent
  bool explain = false;
};

struct Reason {
  std::string code = {};                // "bought_again", "bought_together", "popular", ...
  std::string text = {};                // one sentence for a person
  std::optional<ExternalId> item = {};  // what it speaks of
};

struct SourceShare {
  std::string source = {};
  float feature = 0;       // the source's normalized score of the item
  float contribution = 0;  // weight times feature
};

// How far one of a ranker's features moved an item's score.
struct FeatureShare {
  std::string_view feature = {};  // its stable name, of the ranker
  std::string text = {};          // "times had before: 3"
  float value = 0;                // NaN: not known
  double contribution = 0;        // its SHAP value
};

// The score of an item that a ranker put in order, taken apart: expected, the features and the
// others add up to it.
struct RankerShare {
  double expected = 0;                      // the mean score, knowing nothing of the candidate
  std::vector<FeatureShare> features = {};  // those that moved it furthest, the furthest first
  double others = 0;                        // all other features together
};

struct DecidedItem {
  ItemIndex index;
  float score = 0;
  std::string source = {};  // the source that contributed most
  Reason reason;
  std::vector<SourceShare> shares = {};    // with explain
  std::optional<RankerShare> ranker = {};  // with explain, where a ranker gave the score
  std::optional<ExternalId> offer = {};    // in the place of an item of the catalogue
  std::optional<double> propensity = {};   // where a policy chose: given the items before it
  std::optional<double> probability = {};  // of being taken, by a calibrated ranker
};

// Whose choice a decision was.
struct Exploration {
  std::uint64_t decision_id = 0;
  std::string policy = {};   // the placement's name
  std::string version = {};  // 16 hex digits, of what the policy knew
};

struct Decision {
  std::vector<DecidedItem> items = {};
  // Empty, or why nothing personal was used: "unknown_subject", "anonymous", "no_history".
  std::string fallback = {};
  // What the answer rests on, the best there was: "history", "context", "attributes", "segment" or
  // "popularity".
  std::string_view level = "popularity";
  Timestamp as_of;
  std::optional<Exploration> exploration = {};
};

// Throws kNotFound where a request names identifiers: for those whose bundle has no identity.
void check_no_identifiers(const Request& request);

// Throws kInvalidArgument with the place of the fault. Unknown members are refused, so that a
// misspelt option is not silently ignored.
[[nodiscard]] Request parse_request(std::string_view json);

}  // namespace penchant::engine
