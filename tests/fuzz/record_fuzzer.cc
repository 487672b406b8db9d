// Any bytes at all as a record of a loop's log, or as the saved state of a joiner: bad data with a
// reason, or what comes back as the same bytes. An even first byte: the rest is a record, sealed
// with the right checksum. An odd one: the rest is a state.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <xxhash.h>

#include "penchant/bandits/joiner.h"
#include "penchant/bandits/record.h"
#include "penchant/base/error.h"

namespace {

namespace bandits = penchant::bandits;

void check(bool holds) {
  if (!holds) std::abort();
}

bandits::JoinLimits limits() {
  return {.max_waiting = 4,
          .max_closed = 4,
          .max_rewards = 3,
          .early = penchant::Duration{1'000'000},
          .max_held = 3};
}

std::map<std::string, bandits::JoinOptions> options() {
  return {{"p", {.deadline = penchant::Duration{60'000'000}}},
          {"q",
           {.aggregation = bandits::Aggregation::kMax, .learn = bandits::LearnWhen::kImmediately}}};
}

// What follows a state must work whatever it is.
void fold_on(bandits::Joiner& joiner) {
  std::vector<bandits::Taught> lessons;
  for (std::uint64_t id = 0; id < 6; ++id) {
    bandits::Decided one{.id = id, .time = {static_cast<std::int64_t>(id) * 30'000'000}};
    one.policy = id % 2 == 0 ? "p" : "q";
    one.slots.push_back({.arm = "1", .propensity = 1});
    joiner.fold(one, lessons);
    const bandits::Rewarded reward{.decision = id, .value = 1, .id = "r"};
    const std::string before = joiner.save();
    const bandits::Outcome outcome = joiner.offer(reward, lessons);
    const bool kept = outcome == bandits::Outcome::kAccepted || outcome == bandits::Outcome::kHeld;
    check(kept || joiner.save() == before);
  }
  joiner.fold(bandits::Forgotten{"s"}, lessons);
  joiner.fold(bandits::Passed{{INT64_MAX}}, lessons);
  check(joiner.waiting() == 0);
  for (const bandits::Taught& lesson : lessons) {
    check(lesson.decision != nullptr && lesson.slot < lesson.decision->slots.size());
  }
}

void check_record(std::string bytes) {
  if (bytes.size() < 8) bytes.resize(8);
  const std::uint64_t checksum = XXH3_64bits(bytes.data() + 8, bytes.size() - 8);
  std::memcpy(bytes.data(), &checksum, sizeof checksum);
  const bandits::Record record = bandits::decode(bytes);
  check(bandits::encode(record) == bytes);
  bandits::Joiner joiner(options(), limits());
  std::vector<bandits::Taught> lessons;
  joiner.fold(record, lessons);
  joiner.fold(record, lessons);
  const std::string state = joiner.save();
  check(bandits::Joiner::restore(options(), limits(), state).save() == state);
  fold_on(joiner);
}

void check_state(std::string_view bytes) {
  bandits::Joiner joiner = bandits::Joiner::restore(options(), limits(), bytes);
  const std::string state = joiner.save();
  check(bandits::Joiner::restore(options(), limits(), state).save() == state);
  fold_on(joiner);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    if (data[0] % 2 == 0) {
      check_record(rest);
    } else {
      check_state(rest);
    }
  } catch (const penchant::Error& error) {
    check(error.kind() == penchant::ErrorKind::kBadData);
    check(!std::string_view(error.what()).empty());
  }
  return 0;
}
