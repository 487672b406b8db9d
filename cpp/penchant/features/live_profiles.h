#pragma once

// Profiles that go on: events are added one by one while requests read.
//
//   LiveProfiles live(profiles);
//   live.add({.time = t, .type = "purchase", .subject = "17850", .item = "85123A", ...});
//   live.read({.times = times, .subjects = subjects, .items = items}, columns, scratch);
//
// What it knows after some events is what a plan would know that had seen them all at once. It
// holds what changed beside the profiles, not a copy of them. Readers share, a writer is alone.
// Items are those of the profiles: another is none.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "penchant/features/profiles.h"
#include "penchant/features/segment_rules.h"

namespace penchant::features {

class SegmentReader;

struct LiveRow {
  std::int64_t time = 0;          // microseconds
  std::string_view type = {};     // by name; one that the plan doesn't name counts where any does
  std::string_view subject = {};  // empty: nobody known
  std::string_view item = {};     // empty: none
  std::vector<std::int64_t> numbers = {};    // [plan's numbers], millionths or kNoNumber
  std::vector<std::string_view> codes = {};  // [plan's codes], empty: none; not of subjects
};

class LiveProfiles {
 public:
  explicit LiveProfiles(std::shared_ptr<const Profiles> profiles);
  ~LiveProfiles();

  // Throws kInvalidArgument on a time beyond all bounds, kBadData where a sum leaves 64 bits.
  void add(const LiveRow& row);
  // Takes one out again that was added: afterwards it has never been.
  void remove(const LiveRow& row);

  // The code of a subject, or kNoCode.
  [[nodiscard]] std::int32_t subject(std::string_view id) const;
  [[nodiscard]] std::string subject_id(std::int32_t code) const;
  [[nodiscard]] std::size_t subjects() const;  // that were seen: codes are below
  // As State::read.
  void read(const Points& points, std::span<double* const> columns, ReadScratch& scratch) const;
  // As read_segments of the state, without scores. The rules have to stay as long as this does.
  void read_segments(const SegmentRules& rules, const Points& points,
                     std::span<std::uint8_t> out) const;
  // For who knows that nobody adds meanwhile.
  [[nodiscard]] const State& state() const { return state_; }

  [[nodiscard]] const Profiles& base() const { return *profiles_; }
  [[nodiscard]] std::size_t rows() const;

 private:
  // Texts to codes: those of an id map, then new ones in their order.
  class Codes {
   public:
    explicit Codes(const data::IdMap& known) : known_(&known) {}
    [[nodiscard]] std::int32_t find(std::string_view text) const;
    std::int32_t add(std::string_view text);
    [[nodiscard]] std::string text(std::int32_t code) const;
    [[nodiscard]] std::size_t size() const { return known_->size() + more_.size(); }

   private:
    const data::IdMap* known_;
    struct Hash {
      using is_transparent = void;
      std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>()(text);
      }
    };
    std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> more_;
    std::vector<const std::string*> texts_;  // of more_, by code
  };

  // Made for some rules, and waiting for who asks next.
  struct Idle {
    const SegmentRules* rules = nullptr;
    std::unique_ptr<SegmentReader> reader;
  };

  void change(const LiveRow& row, bool in);
  [[nodiscard]] Idle take_reader(const SegmentRules& rules) const;

  std::shared_ptr<const Profiles> profiles_;
  mutable std::shared_mutex mutex_;  // of what follows
  State state_;
  Codes subjects_;
  std::vector<Codes> codes_;  // [plan's codes]
  mutable std::mutex idle_mutex_;
  mutable std::vector<Idle> idle_;
};

}  // namespace penchant::features
