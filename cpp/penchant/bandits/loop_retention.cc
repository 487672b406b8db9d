// How a log is kept short. Before records go, what they taught and left waiting is folded into the
// base, which is written beside the log and renamed into place; so a loop that is interrupted
// between the two finds a base that is ahead of its log, and drops the rest when it is opened.

#include <algorithm>

#include "penchant/bandits/loop_impl.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

// By which a record moves a log's time on.
Timestamp time_of(const Record& record) {
  if (const auto* decided = std::get_if<Decided>(&record)) return decided->time;
  if (const auto* blank = std::get_if<Blanked>(&record)) return blank->time;
  if (const auto* passed = std::get_if<Passed>(&record)) return passed->time;
  return {};
}

}  // namespace

std::optional<BaseFile> Loop::Impl::finish_dropping() {
  std::optional<BaseFile> file = read_base(*journal);
  if (!file) {
    fresh_base = journal->first() > 1;
    if (fresh_base) dropped.records = journal->first() - 1;
    return file;
  }
  if (file->sequence >= journal->next()) {
    fail(ErrorKind::kBadData,
         concat("base.snapshot covers record ", file->sequence, ", the log ends before ",
                journal->next(), "; they are not of one loop"));
  }
  journal->trim(file->sequence + 1);
  epoch = std::max(epoch, file->head.epoch);
  dropped = file->head.dropped;
  const bool meets = file->sequence + 1 == journal->first();
  fresh_base = !(meets && file->head.fingerprint == fingerprint);
  return file;
}

Base Loop::Impl::find_base(bool with_learners) const {
  Base out{.joiner = Joiner(join_options(), options.limits), .dropped = dropped};
  if (with_learners) {
    for (const auto& one : learners) {
      if (one->remembers()) out.learners.push_back(one->untaught());
    }
  }
  if (fresh_base) return out;
  const std::optional<BaseFile> file = read_base(*journal);
  if (!file && journal->first() == 1) return out;
  if (!file) fail(ErrorKind::kBadData, "base.snapshot is gone; open the loop again");
  out.joiner = Joiner::restore(join_options(), options.limits, file->joiner);
  if (with_learners) load_learners(out.learners, file->state);
  return out;
}

std::string Loop::Impl::base_joiner() const {
  return journal->first() == 1 || fresh_base ? std::string() : find_base(false).joiner.save();
}

void Loop::Impl::put_base(const Base& base, std::uint64_t sequence) {
  BaseHead head{.fingerprint = fingerprint, .epoch = epoch, .dropped = base.dropped};
  bundle::Writer writer;
  for (const auto& one : base.learners) head.policies.push_back(one->name());
  save_learners(base.learners, writer);
  const std::string joined = base.joiner.save();
  write_base(writer, head, joined);
  const auto bytes_of_it = writer.to_bytes("{}");
  const std::span<const std::byte> all(bytes_of_it);
  journal->put_snapshot(kBaseName, {reinterpret_cast<const char*>(all.data()), all.size()},
                        sequence);
}

// What was learnt of decisions that wait where the log begins can still be told apart.
void Loop::Impl::take_back_standing(Base& base, std::string_view subject) const {
  std::vector<Taught> lessons = base.joiner.standing(subject);
  for (Taught& lesson : lessons) {
    lesson.back = true;
    lesson.record = base.dropped.records;
  }
  teach_all(base.learners, lessons, options.threads);
  base.joiner.fold(Forgotten{std::string(subject)}, lessons);
}

void Loop::Impl::clean_base() {
  if (journal->first() == 1 || fresh_base) return;
  Joiner joined = find_base(false).joiner;
  const std::string before = joined.save();
  std::vector<Taught> none;
  for (const std::string& subject : blanking) joined.fold(Forgotten{subject}, none);
  if (joined.save() == before) return;  // nothing of them, and policies need not be read
  Base base = find_base(true);
  for (const std::string& subject : blanking) take_back_standing(base, subject);
  put_base(base, journal->first() - 1);
}

std::uint64_t Loop::Impl::first_to_keep() const {
  const Retention& keep = options.keep;
  const bool by_age = keep.age.micros > 0 && joiner.now().known();
  const Timestamp horizon = by_age ? joiner.now() - keep.age : Timestamp{};
  const std::uint64_t kept = log_bytes - dropped.bytes;
  std::uint64_t excess = keep.bytes > 0 && kept > keep.bytes ? kept - keep.bytes : 0;
  Timestamp time = dropped.until;
  std::uint64_t first = journal->first();
  journal->read(first, [&](std::uint64_t number, std::string_view text) {
    if (number > folded) return false;
    time = std::max(time, time_of(decode_at(number, text)));
    if (time >= horizon && excess == 0) return false;
    excess -= std::min<std::uint64_t>(excess, text.size());
    first = number + 1;
    return true;
  });
  return first;
}

void Loop::Impl::drop_old() {
  if (!options.keep.any()) return;
  const std::unique_lock<std::shared_mutex> alone(trimming, std::try_to_lock);
  if (!alone.owns_lock()) return;  // the log is being read: with the next snapshot
  const std::uint64_t end = first_to_keep();
  if (end == journal->first()) return;
  Base base = find_base(true);
  std::vector<Taught> lessons;
  journal->read(1, [&](std::uint64_t number, std::string_view text) {
    if (number == end) return false;
    const Record record = decode_at(number, text);
    const std::size_t begin = lessons.size();
    const Outcome outcome = base.joiner.fold(record, lessons);
    sign(lessons, begin, number);
    if (lessons.size() >= kReplayLessons) teach_all(base.learners, lessons, options.threads);
    if (std::holds_alternative<Decided>(record) && outcome == Outcome::kAccepted) {
      ++base.dropped.decisions;
    }
    ++base.dropped.records;
    base.dropped.bytes += text.size();
    return true;
  });
  teach_all(base.learners, lessons, options.threads);
  base.dropped.until = std::max(base.dropped.until, base.joiner.now());
  put_base(base, end - 1);
  journal->trim(end);
  dropped = base.dropped;
}

}  // namespace penchant::bandits
