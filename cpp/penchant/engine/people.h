#pragma once

// Whose an event is. Where a bundle has an identity, events bring identifiers together, and what an
// anonymous visitor did becomes a customer's at the login: it says which events are another
// profile's now, and back again when a link is taken back.
//
//   People people(assets, key);
//   people.admit(event, rejection);                    // raw identifiers go no further
//   for (const Move& move : people.take(event, number)) ...
//   people.profile_of(number);                         // "17850", "cookie:c1", "" for nobody
//
// A profile is named as its subject is where that is an id of training or a value of the namespace
// that leads, and else by identity::Identity::name. An event's subject counts as an identifier of
// that namespace, unless it is such a name itself. Whose an event is, is a function of the set of
// events and orders: no order of arrival shows.
//
// Without an identity everybody is who an event says, and nothing is kept.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "penchant/engine/request.h"
#include "penchant/events/event.h"
#include "penchant/identity/identity.h"

namespace penchant::engine {

struct Assets;

// What people decide about links, by the names of identifiers.
struct IdentityOrder {
  enum class Kind : std::uint8_t { kCut, kBlock };
  Kind kind = Kind::kCut;
  std::vector<std::pair<std::string, std::string>> links;  // of kCut
  std::string identifier = {};                             // of kBlock
  bool away = true;  // cut or blocked; false: as it was before

  [[nodiscard]] std::string json() const;
  // Throws kBadData.
  [[nodiscard]] static IdentityOrder of_json(std::string_view json);
  [[nodiscard]] static bool is_one(std::string_view record);
};

class People {
 public:
  struct Move {
    std::uint64_t number = 0;  // of the event
    std::string from;
    std::string to;
  };

  // Throws kInvalidArgument on a key that is not the one the identity was made with, and without
  // one where it was made with a key.
  People(const Assets& assets, std::string_view key);

  [[nodiscard]] bool active() const { return identity_ != nullptr; }

  // Puts what is kept in the place of identifiers, and leaves out those that identify nobody. False
  // with a rejection where nobody is left.
  [[nodiscard]] bool admit(events::Event& event, events::Rejection& rejection) const;

  // Takes in an admitted event; gives those of before that are another profile's now.
  std::vector<Move> take(const events::Event& event, std::uint64_t number);
  // The same in two steps, for many: after `settle` all profiles are known.
  void link(const events::Event& event, std::uint64_t number);
  void settle();

  // Throws kNotFound where an identifier has not been seen.
  std::vector<Move> follow(const IdentityOrder& order);
  // The links that hold two identifiers together, as an order that cuts them. Throws kNotFound.
  [[nodiscard]] IdentityOrder parting(std::string_view a, std::string_view b);
  // The name of an identifier, as orders and logs have it. Throws kNotFound.
  [[nodiscard]] std::string named(std::string_view text) const;

  [[nodiscard]] std::string profile_of(std::uint64_t number) const;
  // Of a subject's text. Never empty.
  [[nodiscard]] std::string profile_of(std::string_view subject) const;
  // Of whom a request asks: gives its subject the profile's id.
  void resolve(Request& request) const;

  // All names that identifiers of a profile have, and texts that may have stood for them.
  [[nodiscard]] std::vector<std::string> names_of(std::string_view profile) const;
  [[nodiscard]] std::size_t identifiers() const;

 private:
  struct Entry {
    std::vector<std::int32_t> ids;  // by priority
    std::string fixed = {};         // a subject that is no identifier
    std::string profile = {};
  };

  [[nodiscard]] std::size_t named_at(std::string_view subject) const;
  [[nodiscard]] std::optional<identity::Token> token_of(std::string_view subject) const;
  [[nodiscard]] std::string text_of_token(const identity::Token& token) const;
  [[nodiscard]] std::string text_of_leader(std::int32_t id) const;
  [[nodiscard]] std::string profile(const Entry& entry) const;
  [[nodiscard]] std::int32_t known(std::string_view text) const;
  [[nodiscard]] std::vector<identity::Token> tokens_of(const events::Event& event) const;
  Entry see(const events::Event& event);
  std::vector<Move> moved(const std::vector<identity::Change>& changes,
                          std::vector<std::int32_t> touched);

  const Assets* assets_;
  std::unique_ptr<identity::Identity> identity_;
  std::size_t leading_ = 0;  // namespace
  // Trained subjects that are called otherwise than their identifier.
  std::unordered_map<std::string, std::int32_t> trained_;  // by namespace and value
  std::unordered_map<std::uint64_t, Entry> entries_;       // by number of the event
  std::vector<std::vector<std::uint64_t>> events_of_;      // by identifier
};

}  // namespace penchant::engine
