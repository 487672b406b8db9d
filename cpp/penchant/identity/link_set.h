#pragma once

// The links that were seen: pairs of identifiers that a record had together, each once, with the
// first moment at which it was seen. The set knows no order of arrival: a pair seen again keeps the
// lower of two (time, event), so any order of the records ends in the same set.
//
//   const auto link = links.add(a, b);  links.see(link, time, events.add("e17"));
//   for (auto at = links.first_of(a); at >= 0; at = links.next_of(a, at)) links.other(a, at);

#include <cstddef>
#include <cstdint>
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

  [[nodiscard]] std::size_t size() const { return a_.size(); }
  [[nodiscard]] std::int32_t find(std::int32_t a, std::int32_t b) const;  // -1: no such pair
  std::int32_t add(std::int32_t a, std::int32_t b);  // a != b; found or added, unseen and uncut

  struct Moment {
    std::int64_t time = 0;
    std::int32_t event = -1;
  };
  void see(std::int32_t link, Moment moment) {
    moments_[index(link)] = moment, flags(link) |= kSeen;
  }
  void cut(std::int32_t link, bool away) {
    flags(link) =
        static_cast<std::uint8_t>(away ? flags(link) | kCutFlag : flags(link) & ~kCutFlag);
  }
  [[nodiscard]] bool seen(std::int32_t link) const { return (flags_[index(link)] & kSeen) != 0; }
  [[nodiscard]] bool is_cut(std::int32_t link) const {
    return (flags_[index(link)] & kCutFlag) != 0;
  }
  [[nodiscard]] Moment moment(std::int32_t link) const { return moments_[index(link)]; }
  [[nodiscard]] std::int32_t a(std::int32_t link) const { return a_[index(link)]; }
  [[nodiscard]] std::int32_t b(std::int32_t link) const { return b_[index(link)]; }
  [[nodiscard]] std::int32_t other(std::int32_t id, std::int32_t link) const {
    return a(link) == id ? b(link) : a(link);
  }
  [[nodiscard]] std::int32_t first_of(std::int32_t id) const { return heads_[index(id)]; }
  [[nodiscard]] std::int32_t next_of(std::int32_t id, std::int32_t link) const {
    return a(link) == id ? next_a_[index(link)] : next_b_[index(link)];
  }

  [[nodiscard]] Standing standing(std::int32_t link) const { return standings_[index(link)]; }
  // The namespace whose limit it was, for kUnique and kLimit.
  [[nodiscard]] std::size_t culprit(std::int32_t link) const { return culprits_[index(link)]; }
  void set_standing(std::int32_t link, Standing standing, std::size_t culprit = 0) {
    standings_[index(link)] = standing;
    culprits_[index(link)] = static_cast<std::uint8_t>(culprit);
  }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr std::uint8_t kSeen = 1;
  static constexpr std::uint8_t kCutFlag = 2;
  static std::size_t index(std::int32_t i) { return static_cast<std::size_t>(i); }
  std::uint8_t& flags(std::int32_t link) { return flags_[index(link)]; }
  void grow_slots(std::size_t slots);

  std::vector<std::int32_t> a_;  // a < b
  std::vector<std::int32_t> b_;
  std::vector<Moment> moments_;
  std::vector<std::int32_t> next_a_;  // the next link of a, of b
  std::vector<std::int32_t> next_b_;
  std::vector<std::int32_t> heads_;  // by identifier
  std::vector<Standing> standings_;
  std::vector<std::uint8_t> culprits_;
  std::vector<std::uint8_t> flags_;
  std::vector<std::int32_t> slots_;  // open addressing by pair, -1: free; at most half full
};

}  // namespace penchant::identity
