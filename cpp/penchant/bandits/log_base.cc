#include "penchant/bandits/log_base.h"

#include "penchant/bandits/byte_stream.h"
#include "penchant/bandits/record.h"

namespace penchant::bandits {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

void write_base(bundle::Writer& writer, const BaseHead& head, const std::string& joiner) {
  ByteWriter out;
  out.put(kVersion);
  out.put(head.fingerprint);
  out.put(head.epoch);
  out.put(head.dropped.records);
  out.put(head.dropped.decisions);
  out.put(head.dropped.bytes);
  out.put(head.dropped.until.micros);
  out.put(std::uint64_t{head.policies.size()});
  for (const std::string& name : head.policies) out.put_text(name);
  writer.add("base", std::as_bytes(std::span<const char>(out.bytes())));
  writer.add("joiner", std::as_bytes(std::span<const char>(joiner)));
}

std::optional<BaseFile> read_base(const Journal& journal) {
  const auto snapshot = journal.snapshot(kBaseName);
  if (!snapshot) return std::nullopt;
  const auto all = std::as_bytes(std::span<const char>(snapshot->bytes));
  BaseFile out{
      .sequence = snapshot->sequence,
      .state = bundle::Reader::from_bytes(AlignedVector<std::byte>(all.begin(), all.end()))};
  ByteReader in(out.state->text("base"), "the base of a log");
  if (in.get<std::uint8_t>() != kVersion) in.bad("its version is not ", std::uint32_t{kVersion});
  out.head.fingerprint = in.get<std::uint64_t>();
  out.head.epoch = in.get<std::uint64_t>();
  out.head.dropped.records = in.get<std::uint64_t>();
  out.head.dropped.decisions = in.get<std::uint64_t>();
  out.head.dropped.bytes = in.get<std::uint64_t>();
  out.head.dropped.until.micros = in.get<std::int64_t>();
  for (std::size_t left = in.get_count(sizeof(std::uint32_t)); left > 0; --left) {
    out.head.policies.emplace_back(in.get_text(kMaxTextBytes));
  }
  in.expect_end();
  out.joiner = out.state->text("joiner");
  return out;
}

}  // namespace penchant::bandits
