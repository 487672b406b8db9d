#include "penchant/bandits/loop.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "penchant/bandits/loop_impl.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

constexpr std::uint64_t kIdsPerEpoch = std::uint64_t{1} << 32;
constexpr std::uint64_t kMaxEpoch = std::uint64_t{1} << 21;  // ids stay below 2^53

}  // namespace

Learner& Loop::Impl::learner(std::string_view name) const {
  const auto found = by_name.find(name);
  if (found == by_name.end()) {
    fail(ErrorKind::kNotFound, concat("the loop has no policy '", name, "'"));
  }
  return *found->second;
}

void Loop::Impl::sign(std::vector<Taught>& lessons, std::size_t begin, std::uint64_t record) const {
  for (std::size_t l = begin; l < lessons.size(); ++l) lessons[l].record = record;
  if (record > known) return;
  const auto knew = [&](const Taught& one) {
    return learner(one.decision->policy).knows() >= record;
  };
  const auto first = lessons.begin() + static_cast<std::ptrdiff_t>(begin);
  lessons.erase(std::remove_if(first, lessons.end(), knew), lessons.end());
}

std::map<std::string, JoinOptions> Loop::Impl::join_options() const {
  std::map<std::string, JoinOptions> out;
  for (const auto& one : learners) out.emplace(one->name(), one->join());
  return out;
}

void Loop::Impl::check_sound() const {
  if (!broken.empty()) {
    fail(ErrorKind::kIo, concat("the loop takes no more since its log failed; mend the cause and "
                                "open it again (",
                                broken, ")"));
  }
}

void Loop::Impl::append(std::span<const std::string> records,
                        std::span<const store::Tag> decisions) {
  const std::vector<std::string_view> views(records.begin(), records.end());
  try {
    folded = journal->append(views, store::Durability::kProcess, decisions) + records.size() - 1;
    for (const std::string& record : records) log_bytes += record.size();
  } catch (const Error& error) {
    broken = error.what();
    throw;
  }
}

void teach_all(const Learners& learners, std::vector<Taught>& lessons, int threads) {
  if (lessons.empty()) return;
  if (learners.size() == 1) {
    learners[0]->teach(lessons, threads);
  } else {
    std::map<std::string_view, std::vector<Taught>> by_policy;
    for (const Taught& lesson : lessons) by_policy[lesson.decision->policy].push_back(lesson);
    for (const auto& one : learners) {
      const auto theirs = by_policy.find(one->name());
      if (theirs != by_policy.end()) one->teach(theirs->second, threads);
    }
  }
  lessons.clear();
}

void Loop::Impl::teach(std::vector<Taught>& lessons) {
  teach_all(learners, lessons, options.threads);
}

void Loop::Impl::maybe_snapshot(std::size_t records) {
  since_snapshot += records;
  if (options.snapshot_every == 0 || since_snapshot < options.snapshot_every) return;
  put_snapshot();
  drop_old();
}

// -- opening --------------------------------------------------------------------------------------

void Loop::Impl::replay(std::uint64_t from) {
  std::vector<Taught> lessons;
  journal->read(from, [&](std::uint64_t number, std::string_view text) {
    const Record record = decode_at(number, text);
    folded = number;
    log_bytes += text.size();
    if (const auto* opened = std::get_if<Opened>(&record)) epoch = std::max(epoch, opened->epoch);
    const auto* gone = std::get_if<Forgotten>(&record);
    if (gone != nullptr && !gone->subject.empty()) {
      teach(lessons);
      take_back(gone->subject, number);
      blanking.insert(gone->subject);
      return true;
    }
    const std::size_t begin = lessons.size();
    joiner.fold(record, lessons);
    sign(lessons, begin, number);
    if (lessons.size() >= kReplayLessons) teach(lessons);
    return true;
  });
  teach(lessons);
}

void Loop::Impl::recover() {
  fingerprint = find_fingerprint();
  joiner = Joiner(join_options(), options.limits);
  const std::optional<BaseFile> base = finish_dropping();
  const auto snapshot = journal->snapshot(kSnapshotName);
  if (snapshot && snapshot->sequence >= journal->next()) {
    fail(ErrorKind::kBadData,
         concat("the snapshot covers record ", snapshot->sequence, ", the log ends before ",
                journal->next(), "; they are not of one loop"));
  }
  // One that is older than the base stands on records that are gone.
  const bool reaches = snapshot && snapshot->sequence + 1 >= journal->first();
  if (!reaches || !load(*snapshot)) {
    start_over(base);
  } else if (fresh_base && journal->first() > 1) {
    fail(ErrorKind::kBadData,
         concat("the log begins with record ", journal->first(),
                ", and what is to be known of those before is missing (base.snapshot); remove ",
                "loop.snapshot, and what is kept of the log is learnt"));
  }
  replay(folded + 1);
  if (!blanking.empty()) {
    put_snapshot();
    blank();
  }
  if (journal->durable()) start_epoch();
}

// Without a snapshot of these policies and options: from where the log begins.
void Loop::Impl::start_over(const std::optional<BaseFile>& file) {
  folded = journal->first() - 1;
  log_bytes = dropped.bytes;
  if (fresh_base || !file) return;
  joiner = Joiner::restore(join_options(), options.limits, file->joiner);
  load_learners(learners, file->state);
}

void Loop::Impl::start_epoch() {
  ++epoch;
  if (epoch >= kMaxEpoch) {
    fail(ErrorKind::kUnavailable, concat("the log was opened ", epoch, " times; ids are used up"));
  }
  next_id = 0;
  if (!journal->durable()) return;
  append(std::vector<std::string>{encode(Opened{epoch})});
  journal->sync();
}

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::~Loop() = default;

std::unique_ptr<Loop> Loop::open(const std::filesystem::path& folder,
                                 std::vector<LoopPolicy> policies, const LoopOptions& options) {
  check_argument(!policies.empty(), "a loop needs a policy");
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->journal = open_journal(folder);
  for (const LoopPolicy& given : policies) {
    impl->known = std::max(impl->known, impl->journal->followed(given.knows));
  }
  const bool remembers = options.keep.any() || impl->journal->first() > 1 || impl->known > 0;
  for (LoopPolicy& given : policies) {
    check_argument(!impl->by_name.contains(given.name), "two policies are named '", given.name,
                   "'");
    check_argument(options.keep.age.micros == 0 || options.keep.age > given.join.deadline,
                   "policy '", given.name, "': its deadline is beyond what is kept of the log");
    impl->learners.push_back(std::make_unique<Learner>(given.name, std::move(given.policy),
                                                       std::move(given.arms), given.join, remembers,
                                                       impl->journal->followed(given.knows)));
    impl->by_name.emplace(given.name, impl->learners.back().get());
  }
  impl->recover();
  return std::unique_ptr<Loop>(new Loop(std::move(impl)));
}

std::optional<Loop::Widths> Loop::widths(const std::filesystem::path& folder,
                                         std::string_view policy) {
  std::unique_ptr<store::Log> log;
  try {
    log = store::Log::open(folder, {.create = false});
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kNotFound) return std::nullopt;
    throw;
  }
  std::optional<Widths> found;
  log->read(1, [&](std::uint64_t number, std::string_view bytes) {
    const Record record = decode_at(number, bytes);
    const auto* decided = std::get_if<Decided>(&record);
    if (decided != nullptr && decided->policy == policy) {
      found = Widths{decided->context.size(), decided->slots[0].features.size()};
    }
    return !found;
  });
  return found;
}

// -- deciding -------------------------------------------------------------------------------------

std::uint64_t Loop::new_id() {
  {
    const std::lock_guard<std::mutex> lock(impl_->ids);
    if (impl_->next_id < kIdsPerEpoch) return impl_->epoch * kIdsPerEpoch + impl_->next_id++;
  }
  const std::scoped_lock lock(impl_->folding, impl_->ids);
  if (impl_->next_id >= kIdsPerEpoch) impl_->start_epoch();
  return impl_->epoch * kIdsPerEpoch + impl_->next_id++;
}

void Loop::with_policy(std::string_view name, const std::function<void(const View&)>& use) const {
  impl_->learner(name).read(
      [&](const Policy& policy, const ArmTable& arms, const std::string& version) {
        use({.policy = policy, .arms = arms, .version = version});
      });
}

store::LogPosition Loop::at_rest(
    const std::function<void(const std::string& name, const View&)>& use) const {
  const std::lock_guard<std::mutex> lock(impl_->folding);
  impl_->journal->sync();  // what is known must not be lost to the log
  store::LogPosition out;
  for (const auto& one : impl_->learners) {
    out.through = std::max(out.through, one->taught_to());
    one->read([&](const Policy& policy, const ArmTable& arms, const std::string& version) {
      use(one->name(), {.policy = policy, .arms = arms, .version = version});
    });
  }
  if (out.through > 0) out.log = impl_->journal->id();
  return out;
}

void Loop::Impl::add_decisions(std::vector<std::shared_ptr<const Decided>> decisions) {
  std::vector<std::string> records;
  std::vector<store::Tag> tags;
  std::unordered_set<std::uint64_t> fresh;
  records.reserve(decisions.size());
  for (const auto& decision : decisions) {
    records.push_back(encode(*decision));
    tags.emplace_back(decision->id);
    learner(decision->policy).check(*decision);
  }
  const std::lock_guard<std::mutex> lock(folding);
  check_sound();
  for (const auto& decision : decisions) {
    check_argument(!joiner.remembers(decision->id) && fresh.insert(decision->id).second,
                   "decision id ", decision->id, " was used already; give each decision its own");
  }
  append(records, tags);
  std::vector<Taught> lessons;
  std::uint64_t record = folded - records.size();
  for (auto& decision : decisions) {
    const std::size_t begin = lessons.size();
    joiner.fold(std::move(decision), lessons);
    sign(lessons, begin, ++record);
  }
  teach(lessons);
  maybe_snapshot(records.size());
}

void Loop::log_decisions(std::span<const Decided> decisions) {
  if (decisions.empty()) return;
  std::vector<std::shared_ptr<const Decided>> kept;
  for (const Decided& one : decisions) kept.push_back(std::make_shared<const Decided>(one));
  impl_->add_decisions(std::move(kept));
}

namespace {

void check_ask(const LoopAsk& ask) {
  const std::size_t rows = ask.contexts.rows;
  check_argument(ask.ids.empty() || ask.ids.size() == rows, "decide: ", ask.ids.size(), " ids for ",
                 rows, " contexts");
  check_argument(ask.times.size() == 1 || ask.times.size() == rows, "decide: ", ask.times.size(),
                 " times for ", rows, " contexts; give one, or one for each");
  check_argument(ask.subjects.empty() || ask.subjects.size() == rows,
                 "decide: ", ask.subjects.size(), " subjects for ", rows, " contexts");
}

// Attributes of an arm in a row, [width].
std::span<const double> features_of(const LoopAsk& ask, std::size_t row, std::size_t position,
                                    std::size_t width) {
  const std::size_t arms = ask.arms.size();
  const bool by_row = ask.features.size() > arms * width;
  return ask.features.subspan(((by_row ? row * arms : 0) + position) * width, width);
}

std::uint64_t hash_of(const LoopAsk& ask, std::size_t row, std::size_t width) {
  const std::size_t size = ask.arms.size() * width;
  const bool by_row = ask.features.size() > size;
  return candidates_hash(ask.arms, ask.features.subspan(by_row ? row * size : 0, size),
                         ask.blocked.empty()
                             ? ask.blocked
                             : ask.blocked.subspan(row * ask.arms.size(), ask.arms.size()));
}

// The records of what was drawn.
std::vector<std::shared_ptr<Decided>> records_of(const LoopAsk& ask, const Made& made,
                                                 const PolicyOptions& options,
                                                 const std::string& version) {
  const std::size_t width = options.arm_dimension;
  const bool one_hash = ask.features.size() <= ask.arms.size() * width && ask.blocked.empty();
  std::vector<std::shared_ptr<Decided>> out;
  std::uint64_t hash = 0;
  for (std::size_t row = 0; row < made.id.size(); ++row) {
    if (row == 0 || !one_hash) hash = hash_of(ask, row, width);
    auto record = std::make_shared<Decided>();
    record->id = made.id[row];
    record->time = ask.times[ask.times.size() == 1 ? 0 : row];
    record->placement = ask.placement;
    if (!ask.subjects.empty()) record->subject = ask.subjects[row];
    record->policy = ask.policy;
    record->policy_version = version;
    record->seed = options.seed;
    record->candidates = hash;
    const auto context = ask.contexts.row(row);
    record->context.assign(context.begin(), context.end());
    for (std::size_t slot = 0; slot < ask.slots; ++slot) {
      const auto position = static_cast<std::size_t>(made.position[row * ask.slots + slot]);
      const auto features = features_of(ask, row, position, width);
      record->slots.push_back({.arm = std::string(ask.arms[position]),
                               .propensity = made.propensity[row * ask.slots + slot],
                               .features = {features.begin(), features.end()}});
    }
    out.push_back(std::move(record));
  }
  return out;
}

}  // namespace

Made Loop::decide(const LoopAsk& ask) {
  check_ask(ask);
  const Learner& learner = impl_->learner(ask.policy);
  Made made;
  if (ask.ids.empty()) {
    made.id.resize(ask.contexts.rows);
    for (std::uint64_t& id : made.id) id = new_id();
  } else {
    made.id.assign(ask.ids.begin(), ask.ids.end());
  }
  std::vector<std::shared_ptr<Decided>> records;
  learner.read([&](const Policy& policy, const ArmTable& table, const std::string& version) {
    std::vector<std::int32_t> arms;
    arms.reserve(ask.arms.size());
    for (const std::string_view arm : ask.arms) arms.push_back(table.find(arm));
    Decisions drawn = policy.decide(
        {.contexts = ask.contexts, .arms = arms, .features = ask.features, .blocked = ask.blocked},
        {.ids = made.id, .slots = ask.slots, .threads = ask.threads});
    made.position = std::move(drawn.position);
    made.propensity = std::move(drawn.propensity);
    records = records_of(ask, made, policy.options(), version);
  });
  if (!records.empty()) impl_->add_decisions({records.begin(), records.end()});
  return made;
}

// -- rewards --------------------------------------------------------------------------------------

std::vector<Outcome> Loop::reward(std::span<const Rewarded> rewards) {
  std::vector<std::string> encoded;
  encoded.reserve(rewards.size());
  for (std::size_t r = 0; r < rewards.size(); ++r) {
    try {
      encoded.push_back(encode(rewards[r]));
    } catch (const Error& error) {
      fail(error.kind(), concat("reward ", r, ": ", error.what()));
    }
  }
  std::vector<Outcome> outcomes;
  bool answered = false;  // that something is kept
  {
    const std::lock_guard<std::mutex> lock(impl_->folding);
    impl_->check_sound();
    std::vector<Taught> lessons;
    std::vector<std::string> kept;
    std::vector<store::Tag> tags;
    for (std::size_t r = 0; r < rewards.size(); ++r) {
      const std::size_t begin = lessons.size();
      const Outcome outcome = impl_->joiner.offer(rewards[r], lessons);
      outcomes.push_back(outcome);
      if (outcome == Outcome::kAccepted || outcome == Outcome::kHeld) {
        kept.push_back(std::move(encoded[r]));
        tags.emplace_back(rewards[r].decision);
        impl_->sign(lessons, begin, impl_->folded + kept.size());
      } else {
        ++impl_->refused[static_cast<std::size_t>(outcome)];
      }
      answered = answered || !kept.empty() || outcome == Outcome::kDuplicate;
    }
    if (!kept.empty()) {
      impl_->append(kept, tags);
      impl_->teach(lessons);
      impl_->maybe_snapshot(kept.size());
    }
  }
  // Also for a duplicate: the first of its kind may still be on its way to the disk.
  if (answered) impl_->journal->sync();
  return outcomes;
}

void Loop::pass(Timestamp time) {
  const std::string record = encode(Passed{time});
  const std::lock_guard<std::mutex> lock(impl_->folding);
  impl_->check_sound();
  if (time <= impl_->joiner.now()) return;
  impl_->append({&record, 1});
  std::vector<Taught> lessons;
  impl_->joiner.fold(Passed{time}, lessons);
  impl_->sign(lessons, 0, impl_->folded);
  impl_->teach(lessons);
  impl_->maybe_snapshot(1);
}

void Loop::snapshot() {
  const std::lock_guard<std::mutex> lock(impl_->folding);
  impl_->check_sound();
  impl_->put_snapshot();
  impl_->drop_old();
}

// -- reading --------------------------------------------------------------------------------------

void Loop::read_log(const VisitSlot& visit) const {
  const std::shared_lock<std::shared_mutex> reading(impl_->trimming);
  std::string base;
  {
    const std::lock_guard<std::mutex> lock(impl_->folding);
    base = impl_->base_joiner();
  }
  read_joined(*impl_->journal, impl_->join_options(), impl_->options.limits, base, visit);
}

Dropped Loop::dropped() const {
  const std::lock_guard<std::mutex> lock(impl_->folding);
  return impl_->dropped;
}

std::optional<JoinedDecision> Loop::find(std::uint64_t decision) const {
  std::vector<Record> records;
  bool closed = false;
  {
    const std::lock_guard<std::mutex> lock(impl_->folding);
    impl_->journal->read_tagged(decision, [&](std::uint64_t number, std::string_view bytes) {
      records.push_back(decode_at(number, bytes));
      return true;
    });
    closed = !impl_->joiner.waits(decision);
  }
  return join_decision(std::move(records), impl_->join_options(), impl_->options.limits, closed);
}

JoinCounts Loop::counts() const {
  const std::lock_guard<std::mutex> lock(impl_->folding);
  JoinCounts counts = impl_->joiner.counts();
  for (std::size_t o = 0; o < counts.rewards.size(); ++o) counts.rewards[o] += impl_->refused[o];
  return counts;
}

std::size_t Loop::waiting() const {
  const std::lock_guard<std::mutex> lock(impl_->folding);
  return impl_->joiner.waiting();
}

std::vector<std::string> Loop::policies() const {
  std::vector<std::string> names;
  for (const auto& one : impl_->learners) names.push_back(one->name());
  return names;
}

std::string Loop::state() const {
  const std::lock_guard<std::mutex> lock(impl_->folding);
  return impl_->save(false);
}

}  // namespace penchant::bandits
