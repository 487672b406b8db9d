#include "penchant/bandits/record.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <xxhash.h>

#include "penchant/bandits/byte_stream.h"
#include "penchant/bandits/linear_sums.h"
#include "penchant/base/error.h"
#include "penchant/store/log.h"

namespace penchant::bandits {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecksumBytes = 8;

// What is on the disk; never to be changed.
enum class Kind : std::uint8_t {
  kDecided = 1,
  kRewarded = 2,
  kPassed = 3,
  kForgotten = 4,
  kBlanked = 5,
  kOpened = 6,
};

// -- what a record may hold: the same rules for writing and reading -------------------------------

struct Rules {
  ErrorKind kind;

  template <class... Parts>
  void check(bool holds, const Parts&... parts) const {
    if (!holds) fail(kind, concat(parts...));
  }

  void text(std::string_view text, std::string_view what) const {
    check(text.size() <= kMaxTextBytes, what, " has ", text.size(), " bytes; at most ",
          kMaxTextBytes, " are allowed");
  }
  void time(Timestamp at, std::string_view what) const { check(at.known(), what, " has no time"); }
  void numbers(const std::vector<double>& values, std::string_view what) const {
    check(values.size() <= kMaxNumbers, what, ": ", values.size(), " numbers; at most ",
          kMaxNumbers, " are allowed");
    for (std::size_t i = 0; i < values.size(); ++i) {
      check(std::isfinite(values[i]), what, ", number ", i, " is not finite");
    }
  }

  void arm(std::string_view arm) const {
    text(arm, "an arm");
    bool good = arm.size() >= 2 && arm.front() == '"' && arm.back() == '"';
    if (!good) {
      std::int64_t value = 0;
      const auto [end, problem] = std::from_chars(arm.data(), arm.data() + arm.size(), value);
      good = problem == std::errc() && end == arm.data() + arm.size();
    }
    check(good, "arm '", arm, "' is not the JSON text of a string or an integer");
  }

  void operator()(const Decided& r) const {
    time(r.time, "a decision");
    text(r.placement, "a placement");
    text(r.subject, "a subject");
    text(r.policy, "a policy's name");
    text(r.policy_version, "a policy's version");
    numbers(r.context, "a context");
    check(!r.slots.empty() && r.slots.size() <= kMaxSlots, "a decision has ", r.slots.size(),
          " slots; from 1 to ", kMaxSlots, " are allowed");
    std::vector<std::string_view> arms;
    for (const Slot& slot : r.slots) {
      arm(slot.arm);
      check(slot.propensity > 0 && slot.propensity <= 1, "arm ", slot.arm,
            " was shown with probability ", slot.propensity, ", which is not in (0, 1]");
      numbers(slot.features, "an arm's attributes");
      check(slot.features.size() == r.slots[0].features.size(),
            "arms of one decision have differing numbers of attributes");
      arms.push_back(slot.arm);
    }
    std::sort(arms.begin(), arms.end());
    const auto twice = std::adjacent_find(arms.begin(), arms.end());
    check(twice == arms.end(), "an arm comes twice in one decision");
  }
  void operator()(const Rewarded& r) const {
    check(std::abs(r.value) <= kMostReward, "a reward is ", r.value,
          "; it must be finite and within +-", kMostReward);
    text(r.id, "a reward's id");
    if (!r.arm.empty()) arm(r.arm);
  }
  void operator()(const Passed& r) const { time(r.time, "a record that time passed"); }
  void operator()(const Forgotten& r) const { text(r.subject, "a subject"); }
  void operator()(const Blanked& r) const {
    time(r.time, "a blanked decision");
    text(r.policy, "a policy's name");
    check(r.slots >= 1 && r.slots <= kMaxSlots, "a blanked decision has ", r.slots, " slots");
  }
  void operator()(const Opened& /*record*/) const {}
};

// -- members --------------------------------------------------------------------------------------

struct Put {
  ByteWriter& out;

  void kind(Kind kind) const { out.put(static_cast<std::uint8_t>(kind)); }

  void operator()(const Decided& r) const {
    kind(Kind::kDecided);
    out.put(r.id);
    out.put(r.time.micros);
    out.put(r.seed);
    out.put(r.candidates);
    out.put_text(r.placement);
    out.put_text(r.subject);
    out.put_text(r.policy);
    out.put_text(r.policy_version);
    out.put_numbers(r.context);
    out.put(static_cast<std::uint32_t>(r.slots.size()));
    for (const Slot& slot : r.slots) {
      out.put_text(slot.arm);
      out.put(slot.propensity);
      out.put_numbers(slot.features);
    }
  }
  void operator()(const Rewarded& r) const {
    kind(Kind::kRewarded);
    out.put(r.decision);
    out.put(r.time.micros);
    out.put(r.value);
    out.put(static_cast<std::uint8_t>(r.slot ? 1 : 0));
    if (r.slot) out.put(*r.slot);
    out.put_text(r.arm);
    out.put_text(r.id);
  }
  void operator()(const Passed& r) const {
    kind(Kind::kPassed);
    out.put(r.time.micros);
  }
  void operator()(const Forgotten& r) const {
    kind(Kind::kForgotten);
    out.put_text(r.subject);
  }
  void operator()(const Blanked& r) const {
    kind(Kind::kBlanked);
    out.put(r.id);
    out.put(r.time.micros);
    out.put(r.slots);
    out.put_text(r.policy);
  }
  void operator()(const Opened& r) const {
    kind(Kind::kOpened);
    out.put(r.epoch);
  }
};

Decided get_decided(ByteReader& in) {
  Decided r;
  r.id = in.get<std::uint64_t>();
  r.time.micros = in.get<std::int64_t>();
  r.seed = in.get<std::uint64_t>();
  r.candidates = in.get<std::uint64_t>();
  r.placement = in.get_text(kMaxTextBytes);
  r.subject = in.get_text(kMaxTextBytes);
  r.policy = in.get_text(kMaxTextBytes);
  r.policy_version = in.get_text(kMaxTextBytes);
  r.context = in.get_numbers(kMaxNumbers);
  const auto slots = in.get<std::uint32_t>();
  if (slots > kMaxSlots) in.bad("a decision with ", slots, " slots");
  for (std::uint32_t s = 0; s < slots; ++s) {
    Slot& slot = r.slots.emplace_back();
    slot.arm = in.get_text(kMaxTextBytes);
    slot.propensity = in.get<double>();
    slot.features = in.get_numbers(kMaxNumbers);
  }
  return r;
}

Rewarded get_rewarded(ByteReader& in) {
  Rewarded r;
  r.decision = in.get<std::uint64_t>();
  r.time.micros = in.get<std::int64_t>();
  r.value = in.get<double>();
  if (in.get_flag()) r.slot = in.get<std::uint32_t>();
  r.arm = in.get_text(kMaxTextBytes);
  r.id = in.get_text(kMaxTextBytes);
  return r;
}

Blanked get_blanked(ByteReader& in) {
  Blanked r;
  r.id = in.get<std::uint64_t>();
  r.time.micros = in.get<std::int64_t>();
  r.slots = in.get<std::uint32_t>();
  r.policy = in.get_text(kMaxTextBytes);
  return r;
}

Record get_record(ByteReader& in) {
  const auto version = in.get<std::uint8_t>();
  if (version != kVersion) {
    in.bad("its version is ", std::uint32_t{version}, ", this program reads ",
           std::uint32_t{kVersion}, "; take a newer program");
  }
  const auto kind = in.get<std::uint8_t>();
  switch (static_cast<Kind>(kind)) {
    case Kind::kDecided:
      return get_decided(in);
    case Kind::kRewarded:
      return get_rewarded(in);
    case Kind::kPassed:
      return Passed{.time = {in.get<std::int64_t>()}};
    case Kind::kForgotten:
      return Forgotten{.subject = std::string(in.get_text(kMaxTextBytes))};
    case Kind::kBlanked:
      return get_blanked(in);
    case Kind::kOpened:
      return Opened{.epoch = in.get<std::uint64_t>()};
  }
  in.bad("there is no kind ", std::uint32_t{kind});
}

}  // namespace

std::string encode(const Record& record) {
  std::visit(Rules{ErrorKind::kInvalidArgument}, record);
  ByteWriter out;
  out.put(std::uint64_t{0});
  out.put(kVersion);
  std::visit(Put{out}, record);
  std::string bytes = std::move(out.bytes());
  check_argument(bytes.size() <= store::kMaxRecordBytes, "a record has ", bytes.size(),
                 " bytes; at most ", store::kMaxRecordBytes, " are allowed");
  const std::uint64_t checksum =
      XXH3_64bits(bytes.data() + kChecksumBytes, bytes.size() - kChecksumBytes);
  std::memcpy(bytes.data(), &checksum, sizeof checksum);
  return bytes;
}

Record decode(std::string_view bytes) {
  if (bytes.size() > store::kMaxRecordBytes) {
    fail(ErrorKind::kBadData, concat("a record has ", bytes.size(), " bytes; at most ",
                                     store::kMaxRecordBytes, " are allowed"));
  }
  ByteReader in(bytes, "a record");
  const auto checksum = in.get<std::uint64_t>();
  if (checksum != XXH3_64bits(in.rest().data(), in.rest().size())) {
    in.bad("its checksum differs: it is damaged, or not a record");
  }
  Record record = get_record(in);
  in.expect_end();
  std::visit(Rules{ErrorKind::kBadData}, record);
  return record;
}

std::uint64_t candidates_hash(std::span<const std::string_view> arms,
                              std::span<const double> features,
                              std::span<const std::uint8_t> blocked) {
  const auto open = [&](std::size_t a) { return blocked.empty() || blocked[a] == 0; };
  const std::size_t width = arms.empty() ? 0 : features.size() / arms.size();
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    if (!open(a)) continue;
    const auto size = static_cast<std::uint32_t>(arms[a].size());
    XXH3_64bits_update(state, &size, sizeof size);
    XXH3_64bits_update(state, arms[a].data(), arms[a].size());
  }
  for (std::size_t a = 0; width > 0 && a < arms.size(); ++a) {
    if (!open(a)) continue;
    const auto attributes = features.subspan(a * width, width);
    XXH3_64bits_update(state, attributes.data(), attributes.size_bytes());
  }
  const std::uint64_t hash = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return hash;
}

}  // namespace penchant::bandits
