#pragma once

// The links that were seen: pairs of identifiers that a record had together, each once, with the
// first moment at which it was seen. The set knows no order of arrival: a pair seen again keeps the
// lower of two (time, event), so any order of the records ends in the same set.
//
//   const auto link = links.add(a, b);  links.see(link, time, events.add("e17"));
//   for (auto at = links.first_of(a); at >= 0; at = links.next_of(a, at)) links.other(a, at);

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace penchant::identity {

// What became of a link.
enum class Standing : std::uint8_t {
  kPending,  // not yet decided
  kUnited,   // it made one subject of two
  kSpare,    // its ends were one subject already
  kUnique,   // would give a subject two of a unique identifier
  kLimit,    // ... more of a namespace than its limit
  kMost,     // ... more identifiers than any subject may have
  kBridge,   // a weak identifier would join two subjects that are each known otherwise
  kShared,   // an end was seen with too many unique identifiers
  kBlocked,  // an end identifies nobody
  kCut,      // taken back by unlink
};

// Texts that are kept once each, by number; -1 is "no event", which sorts first.
class EventNames {
 public:
  std::int32_t add(std::string_view name);
  [[nodiscard]] std::string_view name(std::int32_t event) const;
  [[nodiscard]] std::size_t size() const { return offsets_.size() - 1; }
  // Negative, 0 or positive: by bytes.
  [[nodiscard]] int compare(std::int32_t a, std::int32_t b) const;
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  std::vector<std::int64_t> offsets_{0};
  std::vector<char> bytes_;
};

class LinkSet {
 public:
  // Makes room for `identifiers` numbers; a new one has no links.
  void grow(std::size_t identifiers) { heads_.resize(identifiers, -1); }
  void reserve(std::size_t links);

  [[nodiscard]] std::size_t size() const { return links_.size(); }
  [[nodiscard]] std::int32_t find(std::int32_t a, std::int32_t b) const;  // -1: no such pair
  std::int32_t add(std::int32_t a, std::int32_t b);  // a != b; found or added, unseen and uncut

  struct Moment {
    std::int64_t time = 0;
    std::int32_t event = -1;
  };
  void see(std::int32_t link, Moment moment) {
    Link& at = links_[index(link)];
    at.time = moment.time;
    at.event = moment.event;
    at.flags |= kSeen;
  }
  void cut(std::int32_t link, bool away) {
    std::uint8_t& flags = links_[index(link)].flags;
    flags = static_cast<std::uint8_t>(away ? flags | kCutFlag : flags & ~kCutFlag);
  }
  [[nodiscard]] bool seen(std::int32_t link) const { return (at(link).flags & kSeen) != 0; }
  [[nodiscard]] bool is_cut(std::int32_t link) const { return (at(link).flags & kCutFlag) != 0; }
  [[nodiscard]] Moment moment(std::int32_t link) const { return {at(link).time, at(link).event}; }
  [[nodiscard]] std::int32_t a(std::int32_t link) const { return at(link).a; }
  [[nodiscard]] std::int32_t b(std::int32_t link) const { return at(link).b; }
  [[nodiscard]] std::int32_t other(std::int32_t id, std::int32_t link) const {
    return at(link).a == id ? at(link).b : at(link).a;
  }
  [[nodiscard]] std::int32_t first_of(std::int32_t id) const { return heads_[index(id)]; }
  [[nodiscard]] std::int32_t next_of(std::int32_t id, std::int32_t link) const {
    return at(link).a == id ? at(link).next_a : at(link).next_b;
  }

  [[nodiscard]] Standing standing(std::int32_t link) const { return at(link).standing; }
  // The namespace whose limit it was, for kUnique and kLimit.
  [[nodiscard]] std::size_t culprit(std::int32_t link) const { return at(link).culprit; }
  void set_standing(std::int32_t link, Standing standing, std::size_t culprit = 0) {
    links_[index(link)].standing = standing;
    links_[index(link)].culprit = static_cast<std::uint8_t>(culprit);
  }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr std::uint8_t kSeen = 1;
  static constexpr std::uint8_t kCutFlag = 2;
  // Half a cache line: a lookup touches one.
  struct Link {
    std::int32_t a = 0;  // a < b
    std::int32_t b = 0;
    std::int32_t next_a = -1;  // the next link of a, of b
    std::int32_t next_b = -1;
    std::int64_t time = std::numeric_limits<std::int64_t>::max();
    std::int32_t event = -1;
    Standing standing = Standing::kPending;
    std::uint8_t culprit = 0;
    std::uint8_t flags = 0;
  };
  static_assert(sizeof(Link) == 32);

  static std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] const Link& at(std::int32_t link) const { return links_[index(link)]; }
  void grow_slots(std::size_t slots);

  std::vector<Link> links_;
  std::vector<std::int32_t> heads_;  // by identifier
  std::vector<std::int32_t> slots_;  // open addressing by pair, -1: free; at most half full
};

}  // namespace penchant::identity
