#pragma once

// Records in, subjects out: the door and the graph together.
//
//   Identity identity(default_options(), "secret");
//   LinkReport report = identity.link({.identifiers = columns, .times = times}, threads);
//   std::vector<std::int32_t> subjects = identity.resolve(columns, threads);   // one a record
//   identity.name(subjects[0]);                                               // "login#5f0c..."
//
// A record's identifiers are linked to the one of the lowest priority among them: a star of up to
// as many links less one. Identifiers that identify nobody (Reading) are left out before.
//
// Texts for identifiers: "login:17" is a raw value of the namespace login; "login#<32 hexadecimal
// digits>" names one that is kept as a digest. `name` gives either, and what it gives is found.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "penchant/identity/door.h"
#include "penchant/identity/graph.h"

namespace penchant::identity {

struct Records {
  std::vector<TextColumn> identifiers;  // of one length; several may be of one namespace
  std::span<const std::int64_t> times;  // microseconds, the smallest int64 where unknown; or none
  std::span<const std::uint8_t> skip;   // 1: leave the row out; or none
  const TextColumn* events = nullptr;   // ids of the records; or none
};

struct LinkReport {
  std::vector<Change> changes;
  std::int64_t rows = 0;
  // By column of the records: values that were left out.
  std::vector<std::int64_t> blocked;
  std::vector<std::int64_t> invalid;
};

// One identifier behind the door: its namespace (home, see door.h) and what is kept of its value.
struct Token {
  std::size_t name_space = 0;
  std::string value = {};
  friend auto operator<=>(const Token&, const Token&) = default;
};

class Identity {
 public:
  // Throws kInvalidArgument on options that make no sense.
  Identity(Options options, std::string_view key);
  // A graph that was loaded. Throws kInvalidArgument when the key is not the one it was made with;
  // an empty key opens a keyed graph for what needs no raw values.
  Identity(std::unique_ptr<Graph> graph, std::string_view key);

  // Throws kInvalidArgument on columns that differ in length or lie.
  LinkReport link(const Records& records, int threads);
  // Subject of each record, -1 where none of its identifiers has been seen: that of the identifier
  // of the lowest priority among those that were; one that is shared speaks only where no other
  // does, and a blocked one never.
  [[nodiscard]] std::vector<std::int32_t> resolve(const std::vector<TextColumn>& identifiers,
                                                  int threads) const;

  // The identifier a text stands for, -1 when it has not been seen. Throws kInvalidArgument when
  // the text can't stand for any, or needs the key that is not there.
  [[nodiscard]] std::int32_t find(std::string_view text) const;
  [[nodiscard]] std::int32_t find(std::string_view name_space, std::string_view raw) const;
  [[nodiscard]] std::string name(std::int32_t id) const;

  // One identifier at a time, as events bring them. None where the value identifies nobody or is
  // not of its form, and where there is no such namespace. "email#" as a namespace: the value is
  // the 32 digits of a name that was given out. Throws kInvalidArgument where a key is wanted.
  [[nodiscard]] std::optional<Token> admit(std::string_view name_space, std::string_view raw) const;
  [[nodiscard]] std::int32_t find(const Token& token) const;
  std::int32_t see(const Token& token, std::int64_t time);  // as Graph::see
  [[nodiscard]] std::string name(const Token& token) const;

  [[nodiscard]] Graph& graph() { return *graph_; }
  [[nodiscard]] const Graph& graph() const { return *graph_; }
  [[nodiscard]] bool has_key() const { return has_key_; }

 private:
  void check_open() const;

  std::unique_ptr<Graph> graph_;
  Door door_;
  bool has_key_;
};

// "login is unique", "more than 5 of email", ...: why a link was not followed.
[[nodiscard]] std::string reason(const Graph& graph, std::int32_t link);

}  // namespace penchant::identity
