#include "penchant/engine/people.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "penchant/base/error.h"
#include "penchant/engine/assets.h"

namespace penchant::engine {
namespace {

using events::Event;
using events::Rejection;
using identity::Change;
using identity::Token;
using nlohmann::json;

constexpr std::string_view kOrder = R"({"order":)";

std::string key_of(const Token& token) {
  std::string out(1, static_cast<char>(token.name_space));
  return out += token.value;
}

// The namespace of the lowest priority.
std::size_t leading_of(const identity::Options& options) {
  const auto& all = options.namespaces;
  const auto at = std::ranges::min_element(all, {}, &identity::Namespace::priority);
  return static_cast<std::size_t>(at - all.begin());
}

std::string id_text(const data::IdMap& ids, std::int32_t at) {
  return ids.text(static_cast<std::size_t>(at));
}

}  // namespace

// --- orders -------------------------------------------------------------------------------------

bool IdentityOrder::is_one(std::string_view record) { return record.starts_with(kOrder); }

std::string IdentityOrder::json() const {
  nlohmann::json out = {{"away", away}};
  if (kind == Kind::kBlock) {
    out["block"] = identifier;
  } else {
    out["cut"] = nlohmann::json::array();
    for (const auto& [a, b] : links) out["cut"].push_back({a, b});
  }
  return nlohmann::json{{"order", out}}.dump();
}

IdentityOrder IdentityOrder::of_json(std::string_view text) {
  try {
    const auto order = nlohmann::json::parse(text).at("order");
    IdentityOrder out;
    out.away = order.at("away").get<bool>();
    if (order.contains("block")) {
      out.kind = Kind::kBlock;
      out.identifier = order.at("block").get<std::string>();
      return out;
    }
    for (const auto& link : order.at("cut")) {
      out.links.emplace_back(link.at(0).get<std::string>(), link.at(1).get<std::string>());
    }
    return out;
  } catch (const nlohmann::json::exception&) {
    fail(ErrorKind::kBadData, "log of events: an order about identifiers that makes no sense");
  }
}

// --- texts and identifiers ----------------------------------------------------------------------

People::People(const Assets& assets, std::string_view key) : assets_(&assets) {
  if (!assets.has_identity()) {
    check_argument(key.empty(), "this bundle has no identity that a key would be for");
    return;
  }
  identity_ = std::make_unique<identity::Identity>(assets.load_identity(), key);
  check_argument(!identity_->graph().keyed() || identity_->has_key(),
                 "the bundle's identity was made with a key; give it");
  leading_ = leading_of(identity_->graph().options());
  const data::IdMap& ids = assets.context->subjects;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string text = ids.text(i);
    const std::optional<Token> token = token_of(text);
    if (!token || text_of_token(*token) == text) continue;
    trained_.emplace(key_of(*token), static_cast<std::int32_t>(i));
  }
}

// Where the value begins in a subject that is called as identifiers are; 0: it is not.
std::size_t People::named_at(std::string_view subject) const {
  const std::size_t at = subject.find_first_of(":#");
  const bool named = at != std::string_view::npos &&
                     find_namespace(identity_->graph().options(), subject.substr(0, at)) >= 0;
  return named ? at + 1 : 0;
}

std::optional<Token> People::token_of(std::string_view subject) const {
  const std::size_t value = named_at(subject);
  if (value == 0) {
    return identity_->admit(identity_->graph().options().namespaces[leading_].name, subject);
  }
  const std::size_t space = subject[value - 1] == '#' ? value : value - 1;
  return identity_->admit(subject.substr(0, space), subject.substr(value));
}

std::string People::text_of_token(const Token& token) const {
  const auto at = trained_.find(key_of(token));
  if (at != trained_.end()) return id_text(assets_->context->subjects, at->second);
  const identity::Graph& graph = identity_->graph();
  const bool plain =
      token.name_space == leading_ && !kept_as_digest(graph.options(), leading_, graph.keyed());
  return plain ? token.value : identity_->name(token);
}

std::string People::text_of_leader(std::int32_t id) const {
  const identity::IdentifierTable& table = identity_->graph().table();
  return text_of_token({table.name_space(id), std::string(table.value(id))});
}

std::int32_t People::known(std::string_view text) const {
  const std::optional<Token> token = token_of(text);
  const std::int32_t id = token ? identity_->find(*token) : -1;
  if (id < 0) fail(ErrorKind::kNotFound, "an identifier that has not been seen");
  return id;
}

std::string People::named(std::string_view text) const { return identity_->name(known(text)); }

// --- the door -----------------------------------------------------------------------------------

bool People::admit(Event& event, Rejection& rejection) const {
  if (!active()) return true;
  std::vector<events::Identifier> kept;
  for (const events::Identifier& one : event.identifiers) {
    const std::optional<Token> token = identity_->admit(one.space, one.value);
    if (!token) continue;
    std::string space = one.space.substr(0, one.space.find('#'));
    const std::string name = identity_->name(*token);
    const std::size_t at = name.find_first_of(":#");
    if (name[at] == '#') space += '#';
    kept.push_back({std::move(space), name.substr(at + 1)});
  }
  std::ranges::sort(kept, {}, [](const auto& one) { return std::tie(one.space, one.value); });
  const auto same = std::unique(kept.begin(), kept.end());
  kept.erase(same, kept.end());
  const auto twice = std::ranges::adjacent_find(
      kept, [](const auto& a, const auto& b) { return a.space == b.space; });
  rejection = {};
  if (twice != kept.end()) {
    rejection.reason = events::Reason::kTwice;
    rejection.message = concat("identifiers.", twice->space, ": given twice");
    return false;
  }
  const bool someone = !event.identifiers.empty() || !event.subject.empty();
  if (named_at(event.subject) > 0) {
    const std::optional<Token> token = token_of(event.subject);
    event.subject = token ? identity_->name(*token) : std::string();
  }
  const bool nobody = someone && kept.empty() && event.subject.empty();
  event.identifiers = std::move(kept);
  if (!nobody) return true;
  rejection.reason = events::Reason::kNobody;
  rejection.message =
      "identifiers: none of them identifies anybody (an unknown namespace, a blocked value, or one "
      "that is not of its form), and there is no subject";
  return false;
}

// --- what is taken in ---------------------------------------------------------------------------

// By priority, an event's subject before others of its namespace.
std::vector<Token> People::tokens_of(const Event& event) const {
  std::vector<Token> out;
  if (!event.subject.empty()) {
    if (auto subject = token_of(event.subject)) out.push_back(*std::move(subject));
  }
  const std::ptrdiff_t first = std::ssize(out);
  for (const events::Identifier& one : event.identifiers) {
    if (auto token = identity_->admit(one.space, one.value)) out.push_back(*std::move(token));
  }
  std::sort(out.begin() + first, out.end());
  const auto& spaces = identity_->graph().options().namespaces;
  std::ranges::stable_sort(out, {}, [&](const Token& token) {
    return std::pair(spaces[token.name_space].priority, token.name_space);
  });
  return out;
}

People::Entry People::see(const Event& event) {
  Entry entry;
  if (!event.subject.empty() && !token_of(event.subject)) entry.fixed = event.subject;
  identity::Record record{.time = event.time.micros, .event = event.id};
  for (const Token& token : tokens_of(event)) {
    const std::int32_t id = identity_->see(token, record.time);
    if (std::ranges::find(entry.ids, id) != entry.ids.end()) continue;
    entry.ids.push_back(id);
    if (entry.ids.size() > 1) identity_->graph().link(entry.ids.front(), id, record);
  }
  return entry;
}

std::string People::profile(const Entry& entry) const {
  if (!entry.fixed.empty()) return entry.fixed;
  const identity::Graph& graph = identity_->graph();
  std::int32_t shared = -1;
  for (const std::int32_t id : entry.ids) {
    if (graph.blocked(id)) continue;
    if (!graph.shared(id)) return text_of_leader(graph.subject(id));
    if (shared < 0) shared = id;
  }
  return shared < 0 ? std::string() : text_of_leader(graph.subject(shared));
}

void People::link(const Event& event, std::uint64_t number) {
  if (!active()) return;
  const auto [at, is_new] = entries_.emplace(number, see(event));
  events_of_.resize(identity_->graph().table().size());
  for (const std::int32_t id : at->second.ids) {
    events_of_[static_cast<std::size_t>(id)].push_back(number);
  }
}

void People::settle() {
  if (!active()) return;
  identity_->graph().settle();
  for (auto& [number, entry] : entries_) entry.profile = profile(entry);
}

std::vector<People::Move> People::take(const Event& event, std::uint64_t number) {
  if (!active()) return {};
  identity::Graph& graph = identity_->graph();
  const auto shared_of = [&](std::int32_t id) { return graph.shared(id); };
  std::vector<std::int32_t> ids;
  std::vector<bool> before;
  for (const Token& token : tokens_of(event)) {
    const std::int32_t id = identity_->find(token);
    if (id < 0) continue;
    ids.push_back(id);
    before.push_back(shared_of(id));
  }
  link(event, number);
  const std::vector<Change> changes = graph.settle();
  std::vector<std::int32_t> touched;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (before[i] != shared_of(ids[i])) touched.push_back(ids[i]);
  }
  std::vector<Move> out = moved(changes, std::move(touched));
  Entry& own = entries_.at(number);
  own.profile = profile(own);
  std::erase_if(out, [&](const Move& move) { return move.number == number; });
  return out;
}

// Of the identifiers whose subject is another, or that are shared or blocked now or no more.
std::vector<People::Move> People::moved(const std::vector<Change>& changes,
                                        std::vector<std::int32_t> touched) {
  const identity::Graph& graph = identity_->graph();
  for (const Change& change : changes) {
    touched.push_back(change.from);
    if (change.to < 0) continue;
    const std::vector<std::int32_t> all = graph.members(change.to);
    touched.insert(touched.end(), all.begin(), all.end());
  }
  std::set<std::uint64_t> numbers;
  for (const std::int32_t id : touched) {
    const auto& events = events_of_[static_cast<std::size_t>(id)];
    numbers.insert(events.begin(), events.end());
  }
  std::vector<Move> out;
  for (const std::uint64_t number : numbers) {
    Entry& entry = entries_.at(number);
    std::string now = profile(entry);
    if (now == entry.profile) continue;
    out.push_back({number, std::move(entry.profile), now});
    entry.profile = std::move(now);
  }
  return out;
}

std::vector<People::Move> People::follow(const IdentityOrder& order) {
  identity::Graph& graph = identity_->graph();
  std::vector<std::int32_t> touched;
  if (order.kind == IdentityOrder::Kind::kBlock) {
    const std::int32_t id = known(order.identifier);
    touched.push_back(id);
    const identity::LinkSet& links = graph.links();
    for (std::int32_t link = links.first_of(id); link >= 0; link = links.next_of(id, link)) {
      touched.push_back(links.other(id, link));
    }
    graph.block(id, order.away);
  }
  for (const auto& [a, b] : order.links) {
    const std::int32_t ends[] = {known(a), known(b)};
    graph.cut(ends[0], ends[1], order.away);
    touched.insert(touched.end(), ends, ends + 2);
  }
  const std::vector<Change> changes = graph.settle();
  return moved(changes, std::move(touched));
}

IdentityOrder People::parting(std::string_view a, std::string_view b) {
  identity::Graph& graph = identity_->graph();
  const identity::Graph::Parting parting = graph.part(known(a), known(b));
  IdentityOrder out;
  for (const std::int32_t link : parting.links) {
    out.links.emplace_back(identity_->name(graph.links().a(link)),
                           identity_->name(graph.links().b(link)));
    graph.cut(graph.links().a(link), graph.links().b(link), false);
  }
  graph.settle();
  return out;
}

// --- who ----------------------------------------------------------------------------------------

std::string People::profile_of(std::uint64_t number) const {
  const auto at = entries_.find(number);
  return at == entries_.end() ? std::string() : at->second.profile;
}

std::string People::profile_of(std::string_view subject) const {
  if (!active()) return std::string(subject);
  const std::optional<Token> token = token_of(subject);
  if (!token) return std::string(subject);
  const std::int32_t id = identity_->find(*token);
  const std::int32_t leader = id < 0 ? -1 : identity_->graph().subject(id);
  return leader < 0 ? text_of_token(*token) : text_of_leader(leader);
}

void People::resolve(Request& request) const {
  if (!active()) {
    check_no_identifiers(request);
    return;
  }
  std::string text;
  if (request.subject) {
    text = profile_of(std::string_view(text_of(*request.subject)));
    if (text == text_of(*request.subject)) return;
  } else {
    Event asked;
    for (const auto& [space, value] : request.identifiers) {
      asked.identifiers.push_back({space, value});
    }
    const std::vector<Token> tokens = tokens_of(asked);
    if (tokens.empty()) return;
    Entry entry;
    for (const Token& token : tokens) {
      if (const std::int32_t id = identity_->find(token); id >= 0) entry.ids.push_back(id);
    }
    text = profile(entry);
    if (text.empty() && !entry.ids.empty()) return;  // blocked
    if (text.empty()) text = text_of_token(tokens.front());
  }
  const data::IdMap& trained = assets_->context->subjects;
  const std::int32_t at = trained.find(std::string_view(text));
  if (at >= 0 && trained.kind() == data::IdKind::kInteger) {
    request.subject = trained.integer(static_cast<std::size_t>(at));
  } else {
    request.subject = std::move(text);
  }
}

std::vector<std::string> People::names_of(std::string_view profile) const {
  std::vector<std::string> out{std::string(profile)};
  if (!active()) return out;
  const std::optional<Token> token = token_of(profile);
  const std::int32_t id = token ? identity_->find(*token) : -1;
  if (id < 0) return out;
  for (const std::int32_t member : identity_->graph().members(id)) {
    out.push_back(identity_->name(member));
    out.push_back(text_of_leader(member));
  }
  std::ranges::sort(out);
  const auto same = std::unique(out.begin(), out.end());
  out.erase(same, out.end());
  return out;
}

std::size_t People::identifiers() const { return active() ? identity_->graph().table().size() : 0; }

}  // namespace penchant::engine
