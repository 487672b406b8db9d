// A loop's state as a bundle, inside its snapshots.

#include <xxhash.h>

#include "penchant/bandits/byte_stream.h"
#include "penchant/bandits/loop_impl.h"
#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

constexpr std::uint64_t kVersion = 2;

std::string prefix_of(std::size_t learner) { return concat("learners/", learner); }

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

AlignedVector<std::byte> aligned(std::string_view bytes) {
  const auto all = std::as_bytes(std::span(bytes));
  return {all.begin(), all.end()};
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span<const char>(text));
}

}  // namespace

void save_learners(const Learners& learners, bundle::Writer& writer) {
  for (std::size_t l = 0; l < learners.size(); ++l) learners[l]->save(writer, prefix_of(l));
}

void load_learners(const Learners& learners, const std::shared_ptr<const bundle::Reader>& reader) {
  for (std::size_t l = 0; l < learners.size(); ++l) learners[l]->load(reader, prefix_of(l));
}

std::uint64_t Loop::Impl::find_fingerprint() const {
  ByteWriter out;
  bundle::Writer writer;
  const JoinLimits& limits = options.limits;
  for (const std::uint64_t limit :
       {kVersion, std::uint64_t{limits.max_waiting}, std::uint64_t{limits.max_closed},
        std::uint64_t{limits.max_rewards}, std::uint64_t{limits.max_held}}) {
    out.put(limit);
  }
  out.put(limits.early.micros);
  for (std::size_t l = 0; l < learners.size(); ++l) {
    const JoinOptions& join = learners[l]->join();
    out.put_text(learners[l]->name());
    out.put(join.deadline.micros);
    out.put(static_cast<std::uint8_t>(join.aggregation));
    out.put(static_cast<std::uint8_t>(join.learn));
    out.put(join.default_reward);
    out.put(join.least);
    out.put(join.most);
    if (learners[l]->knows() > 0) out.put(learners[l]->knows());
    learners[l]->save(writer, prefix_of(l));
  }
  out.put_text(text_of(writer.to_bytes("{}")));
  return XXH3_64bits(out.bytes().data(), out.bytes().size());
}

std::string Loop::Impl::save(bool whole) const {
  bundle::Writer writer;
  save_learners(learners, writer);
  writer.add("joiner", bytes_of(joiner.save()));
  if (whole) {
    ByteWriter out;
    out.put(fingerprint);
    out.put(epoch);
    out.put(log_bytes);
    out.put(std::uint64_t{blanking.size()});
    for (const std::string& subject : blanking) out.put_text(subject);
    writer.add("loop", bytes_of(out.bytes()));
  }
  return text_of(writer.to_bytes("{}"));
}

bool Loop::Impl::load(const store::Snapshot& snapshot) {
  const auto reader = bundle::Reader::from_bytes(aligned(snapshot.bytes));
  ByteReader in(reader->text("loop"), "the snapshot of a loop");
  const bool ours = in.get<std::uint64_t>() == fingerprint;
  epoch = std::max(epoch, in.get<std::uint64_t>());  // no id is given twice, whatever the options
  if (!ours) return false;
  log_bytes = in.get<std::uint64_t>();
  for (std::size_t left = in.get_count(sizeof(std::uint32_t)); left > 0; --left) {
    blanking.emplace(in.get_text(kMaxTextBytes));
  }
  in.expect_end();
  joiner = Joiner::restore(join_options(), options.limits, reader->text("joiner"));
  load_learners(learners, reader);
  folded = snapshot.sequence;
  return true;
}

void Loop::Impl::put_snapshot() {
  since_snapshot = 0;
  if (!journal->durable()) return;
  if (fresh_base) {  // first, so that no snapshot stands on another's base
    put_base(find_base(true), journal->first() - 1);
    fresh_base = false;
  }
  journal->put_snapshot(kSnapshotName, save(true), folded);
}

}  // namespace penchant::bandits
