#pragma once

// Identifiers, the links that were seen between them, and the subjects these make.
//
//   Graph graph(default_options());
//   Record record{.time = 1'700'000'000'000'000, .event = "e17"};
//   const auto a = graph.see(login, "17", hash, record.time), b = graph.see(cookie, ...);
//   graph.link(a, b, record);
//   const std::vector<Change> changes = graph.settle();
//   graph.subject(b);                                                       // a: "login:17"
//
// The state is a pure function of four sets: what was seen (each identifier with its first moment,
// each linked pair with its first moment), which pairs are cut, which identifiers are blocked, and
// the options. In which order these came, at once or one by one, can't be told from it. That is why
// what is taken back restores both subjects exactly.
//
// What the function is: leave out links that are cut, and those of identifiers that are blocked or
// shared (of a namespace with shared_after = n > 0, and in seen, uncut links with more than n
// unblocked identifiers of one unique namespace). Offer the rest to a union-find in the order of
// (time, event id by bytes, a fixed hash of the pair); each is taken, or refused when the union
// would break a rule (partition.h). A subject is named by the identifier of the lowest priority,
// then the first seen, then the first by bytes.
//
// settle() extends the union-find when all that is new comes last, and else folds anew only what
// is connected with it; both end in the same. Readers may run beside each other, not beside a
// change.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "penchant/bundle/bundle.h"
#include "penchant/identity/identifier_table.h"
#include "penchant/identity/link_set.h"
#include "penchant/identity/options.h"
#include "penchant/identity/partition.h"

namespace penchant::identity {

// Where a history goes. A subject that was there before and is not what it was:
//   merged (split = false): all of it is now `to`, which others may have joined: add its history to
//     that of `to`, or rename it where `to` is new;
//   split: its identifiers are now in several subjects, one row each (`to` may be `from`): their
//     histories are to be computed anew from the events.
// `to` is -1 where identifiers are blocked now: they are nobody's. One that was blocked until now
// counts as a subject of its own: what was seen of it alone is to be counted again.
struct Change {
  std::int32_t from = 0;  // identifiers that name the subjects
  std::int32_t to = 0;
  bool split = false;
  friend bool operator==(const Change&, const Change&) = default;
};

struct Record {
  std::int64_t time = 0;        // microseconds; the smallest int64 where it has none
  std::string_view event = {};  // id, or ""
  std::int32_t number = -1;     // of the event's name, once a link has needed it
};

class Graph {
 public:
  // `keyed`: whether values are digests with a key, of which `key_check` tells (door.h).
  explicit Graph(Options options, std::string key_check = {});

  // -- changes; readers see them after settle() --------------------------------------------------
  std::int32_t see(std::size_t name_space, std::string_view value, std::uint64_t hash,
                   std::int64_t time);
  void link(std::int32_t a, std::int32_t b, Record& record);
  void cut(std::int32_t a, std::int32_t b, bool away);  // also of a pair that was never seen
  void block(std::int32_t id, bool nobody);
  // In the order of `from` by the table, then `to`.
  std::vector<Change> settle();

  // Cuts the links that hold a and b together, each time the one that united them last, until they
  // are apart; returns them. Settles.
  struct Parting {
    std::vector<std::int32_t> links;
    std::vector<Change> changes;
  };
  Parting part(std::int32_t a, std::int32_t b);

  // -- reading -----------------------------------------------------------------------------------
  // The identifier that names the subject; -1 of one that is blocked.
  [[nodiscard]] std::int32_t subject(std::int32_t id) const;
  // By what was seen until then (inclusive); cuts and blocks are those of now. -1 also of what had
  // not been seen yet. O(all that is connected with it).
  [[nodiscard]] std::int32_t subject_at(std::int32_t id, std::int64_t time) const;
  [[nodiscard]] bool shared(std::int32_t id) const;
  [[nodiscard]] bool blocked(std::int32_t id) const { return blocked_[index(id)] != 0; }
  // Links that made one subject of a and b, from a to b; none where they are not one.
  [[nodiscard]] std::vector<std::int32_t> chain(std::int32_t a, std::int32_t b) const;
  [[nodiscard]] std::vector<std::int32_t> members(std::int32_t id) const;  // in the table's order
  // Seen links that were not followed and whose ends are two subjects, in the order of the fold.
  [[nodiscard]] std::vector<std::int32_t> refused() const;
  [[nodiscard]] std::size_t subjects() const;  // O(identifiers)

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const IdentifierTable& table() const { return table_; }
  [[nodiscard]] const LinkSet& links() const { return links_; }
  [[nodiscard]] std::string_view event(std::int32_t link) const {
    return events_.name(links_.moment(link).event);
  }
  [[nodiscard]] bool keyed() const { return !key_check_.empty(); }
  [[nodiscard]] const std::string& key_check() const { return key_check_; }
  [[nodiscard]] std::size_t memory_bytes() const;
  void reserve(std::size_t identifiers, std::size_t links);

  // Sections "<prefix>/...". Equal states give equal bytes. No derived number is stored: loading
  // folds the links anew. Throws kCorruptBundle.
  void save(bundle::Writer& writer, const std::string& prefix) const;
  [[nodiscard]] static std::unique_ptr<Graph> load(const bundle::Reader& reader,
                                                   const std::string& prefix);

  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

 private:
  struct Ordered {  // a link by its place in the fold
    std::int64_t time = 0;
    std::uint64_t tie = 0;
    std::int32_t event = -1;
    std::int32_t link = 0;
  };
  // Identifiers before a change, each with the subject it had.
  using Before = std::vector<std::pair<std::int32_t, std::int32_t>>;
  class AsOf;

  static std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] bool counts_logins(std::int32_t id) const {
    return shared_after_[table_.name_space(id)] > 0;
  }
  [[nodiscard]] std::int32_t login_kind(std::int32_t id) const {  // -1: not unique
    return unique_[table_.name_space(id)];
  }
  void count(std::int32_t link, int change);
  void count_one(std::int32_t id, std::int32_t other, int change);
  [[nodiscard]] Standing hindrance(std::int32_t link) const;  // kPending: none
  [[nodiscard]] Ordered ordered(std::int32_t link) const;
  [[nodiscard]] bool earlier(const Ordered& a, const Ordered& b) const;
  void sort(std::vector<Ordered>& links) const;
  [[nodiscard]] std::vector<std::int32_t> connected(std::span<const std::int32_t> seeds);
  std::vector<std::int32_t> take_seeds();
  std::vector<Ordered> take_pending(std::vector<std::int32_t>& seeds);
  void fold(std::vector<Ordered>& links);
  void fold_anew(std::span<const std::int32_t> region);
  void save_links(bundle::Writer& writer, const std::string& prefix,
                  std::span<const std::int32_t> numbers) const;
  void remember(std::span<const std::int32_t> ids, Before& before) const;
  [[nodiscard]] std::vector<Change> compare(Before& before) const;

  Options options_;
  std::string key_check_;
  std::vector<int> shared_after_;     // by namespace
  std::vector<std::int32_t> unique_;  // by namespace: its place among the unique ones, or -1
  std::size_t uniques_ = 0;
  IdentifierTable table_;
  LinkSet links_;
  EventNames events_;
  std::vector<std::uint8_t> blocked_;      // by identifier
  std::vector<std::uint8_t> was_blocked_;  // when last settled
  std::vector<std::int32_t> logins_;       // unique identifiers it was seen with
  Partition partition_;

  std::size_t settled_ = 0;              // identifiers that settle() has seen
  std::vector<std::int32_t> pending_;    // links seen for the first time since
  std::vector<std::int32_t> touched_;    // identifiers whose surroundings are to be folded anew
  std::vector<std::int32_t> reblocked_;  // identifiers of block() since
  std::vector<std::int32_t> flipped_;    // identifiers that began or ceased to be shared
  std::optional<Ordered> last_;          // the last link in the fold so far
  std::vector<std::uint8_t> marks_;      // scratch of changes: all zero between them
};

}  // namespace penchant::identity
