#include "penchant/features/segment_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <mutex>
#include <queue>

#include "penchant/base/error.h"
#include "penchant/base/parallel.h"
#include "penchant/features/next_change.h"
#include "penchant/features/segment_tables.h"

namespace penchant::features {
namespace {

constexpr std::size_t kShards = 32;
// So many rules whose bounds were passed are looked at one by one; more, all at once.
constexpr std::size_t kFewRules = 12;
// Subjects ahead of which ranks and memberships are fetched.
constexpr std::size_t kAhead = 8;
constexpr std::int64_t kNever = NextChange::kNever;
using Word = std::uint64_t;

std::size_t words_for(std::size_t segments) { return (segments + 63) / 64; }

bool has(const Word* members, std::size_t segment) {
  return (members[segment / 64] >> (segment % 64) & 1U) != 0;
}

}  // namespace

// The subjects whose code is kShards * slot + number. Shards share nothing that changes.
class SegmentIndex::Shard {
 public:
  Shard(const SegmentRules& rules, const SegmentTables* tables, std::size_t number)
      : rules_(&rules), tables_(tables), number_(number), sizes_(rules.segments()) {}

  // Changes of one look, ascending by segment, from `begin` on of those of the shard.
  struct Run {
    std::int64_t time = 0;
    std::int32_t subject = 0;
    std::uint32_t count = 0;
    std::size_t begin = 0;
  };
  struct Found {
    std::vector<SegmentChange> changes;
    std::vector<Run> runs;
  };

  [[nodiscard]] std::size_t subjects() const { return next_.size(); }

  // New subjects start as one does of whom nothing is known, to be looked at.
  void grow(std::size_t subjects, std::int64_t time, std::span<const Rank> ranks,
            std::span<const Word> members) {
    while (next_.size() < subjects) {
      touched_.push_back(static_cast<std::uint32_t>(next_.size()));
      next_.push_back(time);
      queued_.push_back(kNever);
      ranks_.insert(ranks_.end(), ranks.begin(), ranks.end());
      fresh_.push_back(true);
      members_.insert(members_.end(), members.begin(), members.end());
      for (std::size_t s = 0; s < sizes_.size(); ++s) sizes_[s] += has(members.data(), s) ? 1 : 0;
    }
  }

  void touch(std::size_t slot, std::int64_t moment) {
    if (moment < next_[slot]) next_[slot] = moment;
    touched_.push_back(static_cast<std::uint32_t>(slot));
  }

  void advance(std::int64_t time, SegmentReader& reader, NextChange& next, Found& found) {
    std::vector<std::uint32_t> due = std::move(touched_);
    touched_.clear();
    while (!queue_.empty() && queue_.top().time <= time) {
      const auto [moment, slot] = queue_.top();
      queue_.pop();
      if (queued_[slot] != moment) continue;  // an earlier one took its place
      queued_[slot] = kNever;
      due.push_back(slot);
    }
    if (due.empty()) return;
    std::ranges::sort(due);
    const auto same = std::unique(due.begin(), due.end());
    due.erase(same, due.end());
    for (std::size_t first = 0; first < due.size(); first += SegmentReader::kPoints) {
      const std::size_t count = std::min(SegmentReader::kPoints, due.size() - first);
      std::vector<std::uint32_t> block(due.begin() + static_cast<std::ptrdiff_t>(first),
                                       due.begin() + static_cast<std::ptrdiff_t>(first + count));
      // Each subject goes from moment to moment until its next one is after `time`.
      while (true) {
        std::erase_if(block, [&](std::uint32_t slot) {
          if (next_[slot] <= time) return false;
          enqueue(slot);
          return true;
        });
        if (block.empty()) break;
        look(block, reader, next, found);
      }
    }
  }

  [[nodiscard]] const Word* members(std::size_t slot) const {
    return members_.data() + slot * words();
  }
  [[nodiscard]] const std::vector<std::int64_t>& sizes() const { return sizes_; }
  [[nodiscard]] std::size_t looks() const { return looks_; }
  [[nodiscard]] std::size_t bytes() const {
    return members_.capacity() * sizeof(Word) + ranks_.capacity() * sizeof(Rank) +
           (next_.capacity() + queued_.capacity()) * sizeof(std::int64_t) + fresh_.capacity() / 8 +
           queue_.size() * sizeof(Entry) + touched_.capacity() * sizeof(std::uint32_t);
  }

 private:
  struct Entry {
    std::int64_t time;
    std::uint32_t slot;
    friend bool operator>(const Entry& a, const Entry& b) { return a.time > b.time; }
  };

  [[nodiscard]] std::size_t words() const { return words_for(rules_->segments()); }
  [[nodiscard]] std::int32_t subject_of(std::uint32_t slot) const {
    return static_cast<std::int32_t>(slot * kShards + number_);
  }

  // One entry a subject, but for those that an earlier moment overtook.
  void enqueue(std::uint32_t slot) {
    if (next_[slot] >= queued_[slot]) return;  // it will be looked up when that one comes
    queue_.push({next_[slot], slot});
    queued_[slot] = next_[slot];
  }

  void look(std::span<const std::uint32_t> block, SegmentReader& reader, NextChange& next,
            Found& found) {
    std::array<std::int32_t, SegmentReader::kPoints> subjects;
    std::array<std::int64_t, SegmentReader::kPoints> moments;
    for (std::size_t i = 0; i < block.size(); ++i) {
      subjects[i] = subject_of(block[i]);
      moments[i] = next_[block[i]];
    }
    reader.read(std::span(subjects).first(block.size()), std::span(moments).first(block.size()));
    looks_ += block.size();
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (i + kAhead < block.size()) fetch(block[i + kAhead]);
      const std::size_t before = found.changes.size();
      next.look_at(subjects[i], moments[i]);
      next_[block[i]] = settle(block[i], i, moments[i], reader, next, found.changes);
      const std::size_t count = found.changes.size() - before;
      if (count == 0) continue;
      std::ranges::sort(found.changes.begin() + static_cast<std::ptrdiff_t>(before),
                        found.changes.end());
      found.runs.push_back({moments[i], subjects[i], static_cast<std::uint32_t>(count), before});
    }
  }

  void fetch(std::uint32_t slot) const {
    constexpr std::size_t kLine = 64 / sizeof(Word);
    __builtin_prefetch(ranks_.data() + slot * rules_->columns().size());
    for (std::size_t w = 0; w < words(); w += kLine) __builtin_prefetch(members(slot) + w);
  }

  // Brings ranks and memberships to `moment`; gives the next one to look at.
  std::int64_t settle(std::uint32_t slot, std::size_t point, std::int64_t moment,
                      SegmentReader& reader, NextChange& next,
                      std::vector<SegmentChange>& changes) {
    const std::size_t columns = rules_->columns().size();
    const std::span<Rank> ranks(ranks_.data() + slot * columns, columns);
    static thread_local std::vector<Rank> old;
    old.assign(ranks.begin(), ranks.end());
    std::int64_t when = next.event();
    for (std::size_t c = 0; c < columns; ++c) {
      const double value = reader.value(c, point);
      // Most values stay where they were.
      if (!rules_->span(c, ranks[c]).holds(value)) ranks[c] = rules_->rank(c, value);
      when = std::min(when, next.of(rules_->columns()[c], reader.features(c), point,
                                    rules_->span(c, ranks[c])));
    }
    if (!fresh_[slot]) {
      pass(slot, old, moment, changes);
      return when;
    }
    // Who was nowhere before enters all that it is in.
    fresh_[slot] = false;
    std::vector<SegmentChange> unseen;
    pass(slot, old, moment, unseen);
    for (std::size_t s = 0; s < rules_->segments(); ++s) {
      if (has(members(slot), s)) changes.push_back(change(slot, s, moment, true));
    }
    return when;
  }

  // Evaluates what was passed between a subject's ranks of before and those that it has now.
  void pass(std::uint32_t slot, std::span<const Rank> old, std::int64_t moment,
            std::vector<SegmentChange>& changes) {
    const std::span<const Rank> ranks(ranks_.data() + slot * old.size(), old.size());
    const auto passed = [&](std::size_t c) {
      return ranks[c] == old[c]
                 ? std::span<const SegmentRules::Crossing>()
                 : rules_->crossed(c, std::min(ranks[c], old[c]), std::max(ranks[c], old[c]));
    };
    std::size_t total = 0;
    for (std::size_t c = 0; c < old.size(); ++c) total += passed(c).size();
    if (tables_ != nullptr && total > kFewRules) {
      settle_all(slot, ranks, moment, changes);
      return;
    }
    if (total >= rules_->segments()) {
      for (std::uint32_t s = 0; s < rules_->segments(); ++s)
        settle_one(slot, s, ranks, moment, changes);
      return;
    }
    const Word* const inside = members(slot);
    for (std::size_t c = 0; c < old.size(); ++c) {
      const bool up = ranks[c] > old[c];
      for (const SegmentRules::Crossing& one : passed(c)) {
        // Who is out stays out where the test in between became false.
        if (!has(inside, one.segment) && !(up ? one.up : one.down)) continue;
        settle_one(slot, one.segment, ranks, moment, changes);
      }
    }
  }

  void settle_all(std::uint32_t slot, std::span<const Rank> ranks, std::int64_t moment,
                  std::vector<SegmentChange>& changes) {
    static thread_local std::vector<Word> now;
    now.resize(words());
    tables_->holding(ranks, now);
    Word* const was = members_.data() + slot * words();
    for (std::size_t w = 0; w < now.size(); ++w) {
      for (Word left = was[w] ^ now[w]; left != 0; left &= left - 1) {
        const std::size_t segment = 64 * w + static_cast<std::size_t>(std::countr_zero(left));
        const bool entered = (now[w] & left & (~left + 1)) != 0;
        sizes_[segment] += entered ? 1 : -1;
        changes.push_back(change(slot, segment, moment, entered));
      }
      was[w] = now[w];
    }
  }

  void settle_one(std::uint32_t slot, std::uint32_t segment, std::span<const Rank> ranks,
                  std::int64_t moment, std::vector<SegmentChange>& changes) {
    Word& word = members_[slot * words() + segment / 64];
    const Word bit = Word{1} << (segment % 64);
    const bool inside = (word & bit) != 0;
    if (rules_->holds(segment, ranks) == inside) return;
    word ^= bit;
    sizes_[segment] += inside ? -1 : 1;
    changes.push_back(change(slot, segment, moment, !inside));
  }

  [[nodiscard]] SegmentChange change(std::uint32_t slot, std::size_t segment, std::int64_t moment,
                                     bool entered) const {
    return {.time = moment,
            .subject = subject_of(slot),
            .segment = static_cast<std::uint32_t>(segment),
            .entered = entered};
  }

  const SegmentRules* rules_;
  const SegmentTables* tables_;  // or null
  std::size_t number_;
  std::vector<std::int64_t> next_;    // [subjects], when to look again
  std::vector<std::int64_t> queued_;  // [subjects], of its entry in the queue
  std::vector<Rank> ranks_;           // [subjects][columns]
  std::vector<bool> fresh_;           // [subjects], not looked at yet
  std::vector<Word> members_;         // [subjects][words]
  std::vector<std::int64_t> sizes_;   // [segments]
  std::vector<std::uint32_t> touched_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
  std::size_t looks_ = 0;
};

struct SegmentIndex::Impl {
  const State* state;
  std::shared_ptr<const SegmentRules> rules;
  std::int64_t time;
  std::int64_t every;
  SegmentScores scores;
  std::size_t subjects = 0;
  std::unique_ptr<const SegmentTables> tables;
  std::vector<Shard> shards;
  // Of someone of whom nothing is known.
  std::vector<Rank> ranks;
  std::vector<Word> members;

  Impl(const State& of, std::shared_ptr<const SegmentRules> by, const Options& options)
      : state(&of),
        rules(std::move(by)),
        time(options.time),
        every(options.every),
        scores(options.scores) {
    tables = SegmentTables::of(*rules);
    for (std::size_t s = 0; s < kShards; ++s) shards.emplace_back(*rules, tables.get(), s);
    SegmentReader reader(of, *rules, scores);
    const std::int32_t nobody = kNoCode;
    reader.read({&nobody, 1}, {&time, 1});
    for (std::size_t c = 0; c < rules->columns().size(); ++c) {
      ranks.push_back(rules->rank(c, reader.value(c, 0)));
    }
    members.resize(words_for(rules->segments()));
    for (std::size_t s = 0; s < rules->segments(); ++s) {
      if (rules->holds(s, ranks)) members[s / 64] |= Word{1} << (s % 64);
    }
  }

  // Room to read in, used again by one shard after another.
  struct Worker {
    SegmentReader reader;
    NextChange next;
  };
  std::vector<std::unique_ptr<Worker>> idle;
  std::mutex idle_mutex;

  std::unique_ptr<Worker> hire() {
    const std::lock_guard lock(idle_mutex);
    if (idle.empty()) {
      return std::make_unique<Worker>(
          Worker{SegmentReader(*state, *rules, scores), NextChange(*state, every)});
    }
    std::unique_ptr<Worker> worker = std::move(idle.back());
    idle.pop_back();
    return worker;
  }

  [[nodiscard]] bool knows(std::int32_t subject) const {
    return subject >= 0 && static_cast<std::size_t>(subject) < subjects;
  }
  [[nodiscard]] const Word* members_of(std::size_t subject) const {
    return shards[subject % kShards].members(subject / kShards);
  }

  void grow(std::size_t to) {
    if (to <= subjects) return;
    subjects = to;
    for (std::size_t s = 0; s < kShards; ++s) {
      shards[s].grow((to + kShards - 1 - s) / kShards, time, ranks, members);
    }
  }

  std::vector<SegmentChange> advance(std::int64_t to, int threads) {
    std::vector<Shard::Found> found(kShards);
    parallel_blocks(kShards, 1, threads, [&](const Block& block) {
      std::unique_ptr<Worker> worker = hire();
      shards[block.begin].advance(to, worker->reader, worker->next, found[block.begin]);
      const std::lock_guard lock(idle_mutex);
      idle.push_back(std::move(worker));
    });
    time = to;
    // A look is of one subject and moment: to put looks in order is to put changes in order.
    std::vector<std::pair<Shard::Run, std::size_t>> runs;
    std::size_t total = 0;
    for (std::size_t s = 0; s < kShards; ++s) {
      for (const Shard::Run& run : found[s].runs) runs.emplace_back(run, s);
      total += found[s].changes.size();
    }
    std::ranges::sort(runs, {},
                      [](const auto& one) { return std::pair(one.first.time, one.first.subject); });
    std::vector<SegmentChange> out;
    out.reserve(total);
    for (const auto& [run, shard] : runs) {
      const auto begin = found[shard].changes.begin() + static_cast<std::ptrdiff_t>(run.begin);
      out.insert(out.end(), begin, begin + run.count);
    }
    return out;
  }
};

SegmentIndex::SegmentIndex(const State& state, std::shared_ptr<const SegmentRules> rules,
                           const Options& options) {
  check_argument(options.every > 0, "how often to look is longer than nothing");
  impl_ = std::make_unique<Impl>(state, std::move(rules), options);
  impl_->grow(options.subjects);
  impl_->advance(options.time, options.threads);
}

SegmentIndex::~SegmentIndex() = default;
SegmentIndex::SegmentIndex(SegmentIndex&&) noexcept = default;
SegmentIndex& SegmentIndex::operator=(SegmentIndex&&) noexcept = default;

void SegmentIndex::touch(std::span<const std::int32_t> subjects,
                         std::span<const std::int64_t> times) {
  check_argument(subjects.size() == times.size(), subjects.size(), " subjects, but ", times.size(),
                 " times");
  if (subjects.empty()) return;
  const std::int32_t most = *std::ranges::max_element(subjects);
  if (most >= 0) impl_->grow(static_cast<std::size_t>(most) + 1);
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    if (subjects[i] < 0) continue;
    const auto subject = static_cast<std::size_t>(subjects[i]);
    impl_->shards[subject % kShards].touch(subject / kShards, std::max(times[i] + 1, impl_->time));
  }
}

void SegmentIndex::set_scores(SegmentScores scores) {
  check_argument(scores.size() == rules().scores(), "the rules of segments want ", rules().scores(),
                 " columns of scores, not ", scores.size());
  for (std::size_t k = 0; k < scores.size(); ++k) {
    impl_->grow(scores[k].size());
    std::vector<double>& before = impl_->scores[k];
    const std::size_t most = std::max(before.size(), scores[k].size());
    before.resize(most, std::numeric_limits<double>::quiet_NaN());
    scores[k].resize(most, std::numeric_limits<double>::quiet_NaN());
    for (std::size_t subject = 0; subject < most; ++subject) {
      const double is = scores[k][subject];
      const double was = before[subject];
      if (is == was || (std::isnan(is) && std::isnan(was))) continue;
      impl_->shards[subject % kShards].touch(subject / kShards, impl_->time);
    }
  }
  impl_->scores = std::move(scores);
}

std::vector<SegmentChange> SegmentIndex::advance(std::int64_t time, int threads) {
  check_argument(time >= impl_->time, "the clock of segments goes on, not back");
  return impl_->advance(time, threads);
}

std::int64_t SegmentIndex::time() const { return impl_->time; }
std::size_t SegmentIndex::subjects() const { return impl_->subjects; }
const SegmentRules& SegmentIndex::rules() const { return *impl_->rules; }

bool SegmentIndex::contains(std::int32_t subject, std::size_t segment) const {
  check_argument(segment < rules().segments(), "there is no segment ", segment);
  const bool known = impl_->knows(subject);
  return has(known ? impl_->members_of(static_cast<std::size_t>(subject)) : impl_->members.data(),
             segment);
}

std::vector<std::uint32_t> SegmentIndex::segments_of(std::int32_t subject) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t s = 0; s < rules().segments(); ++s) {
    if (contains(subject, s)) out.push_back(s);
  }
  return out;
}

std::vector<std::int32_t> SegmentIndex::members(std::size_t segment) const {
  check_argument(segment < rules().segments(), "there is no segment ", segment);
  std::vector<std::int32_t> out;
  for (std::size_t subject = 0; subject < impl_->subjects; ++subject) {
    if (has(impl_->members_of(subject), segment)) out.push_back(static_cast<std::int32_t>(subject));
  }
  return out;
}

std::vector<std::int64_t> SegmentIndex::sizes() const {
  std::vector<std::int64_t> out(rules().segments());
  for (const Shard& shard : impl_->shards) {
    for (std::size_t s = 0; s < out.size(); ++s) out[s] += shard.sizes()[s];
  }
  return out;
}

std::vector<std::int64_t> SegmentIndex::overlap() const {
  const std::size_t segments = rules().segments();
  std::vector<std::int64_t> out(segments * segments);
  std::vector<std::uint32_t> in;
  for (std::size_t subject = 0; subject < impl_->subjects; ++subject) {
    const Word* const members = impl_->members_of(subject);
    in.clear();
    for (std::size_t w = 0; w < words_for(segments); ++w) {
      for (Word left = members[w]; left != 0; left &= left - 1) {
        in.push_back(
            static_cast<std::uint32_t>(64 * w + static_cast<std::size_t>(std::countr_zero(left))));
      }
    }
    for (const std::uint32_t a : in) {
      for (const std::uint32_t b : in) ++out[a * segments + b];
    }
  }
  return out;
}

std::size_t SegmentIndex::looks() const {
  std::size_t out = 0;
  for (const Shard& shard : impl_->shards) out += shard.looks();
  return out;
}

std::size_t SegmentIndex::bytes() const {
  std::size_t out = 0;
  if (impl_->tables) out += impl_->tables->bytes();
  for (const Shard& shard : impl_->shards) out += shard.bytes();
  return out;
}

}  // namespace penchant::features
