// A policy comes back from a bundle with the same bits, and hostile bundles are refused.

#include "penchant/bundle/bundle.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "bandits/world.h"
#include <gtest/gtest.h>

#include "penchant/bandits/policy.h"
#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant::bandits {
namespace {

using testing::every_policy;
using testing::for_model;
using testing::name_of;
using testing::World;

using ReaderPtr = std::shared_ptr<const bundle::Reader>;

ReaderPtr saved(const Policy& policy) {
  bundle::Writer writer;
  policy.save(writer, "policy");
  return bundle::Reader::from_bytes(writer.to_bytes("{}"));
}

std::vector<double> proposals(const Policy& policy, const Candidates& ask) {
  std::vector<std::uint64_t> ids(ask.contexts.rows);
  std::iota(ids.begin(), ids.end(), 0);
  std::vector<double> out(ask.contexts.rows * ask.arms.size());
  policy.propose(ask, {.ids = ids}, out);
  return out;
}

// The bundle with the bytes of one section replaced.
ReaderPtr with_section(const bundle::Reader& reader, const std::string& name,
                       std::span<const std::byte> bytes) {
  bundle::Writer writer;
  for (const bundle::Section& section : reader.sections()) {
    const auto own = reader.file_bytes().subspan(section.offset, section.bytes);
    writer.add_bytes(section.name, section.dtype, section.shape,
                     section.name == name ? bytes : own);
  }
  return bundle::Reader::from_bytes(writer.to_bytes("{}"));
}

ReaderPtr with_meta(const bundle::Reader& reader, const std::string& from, const std::string& to) {
  std::string meta(reader.text("policy/meta"));
  const auto at = meta.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  meta.replace(at, from.size(), to);
  bundle::Writer writer;
  for (const bundle::Section& section : reader.sections()) {
    if (section.name == "policy/meta") {
      writer.add_text(section.name, meta);
    } else {
      writer.add_bytes(section.name, section.dtype, section.shape,
                       reader.file_bytes().subspan(section.offset, section.bytes));
    }
  }
  return bundle::Reader::from_bytes(writer.to_bytes("{}"));
}

class Bundles : public ::testing::TestWithParam<PolicyOptions> {
 protected:
  World world{200, 3, 2, 6};
  [[nodiscard]] Policy taught() const {
    Policy policy(GetParam());
    policy.ensure_arms(8);
    policy.update(for_model(world.events(0, 120), GetParam()));
    return policy;
  }
};

TEST_P(Bundles, KeepEveryBit) {
  Policy policy = taught();
  Policy loaded = Policy::load(saved(policy), "policy");
  EXPECT_EQ(loaded.arms(), 8);
  EXPECT_EQ(loaded.events(), policy.events());
  EXPECT_EQ(loaded.event_ids(), policy.event_ids());
  const Candidates ask = for_model(world.ask(30), GetParam());
  EXPECT_EQ(proposals(loaded, ask), proposals(policy, ask));
  const Events more = for_model(world.events(120, 200), GetParam());
  const Events gone = for_model(world.events(0, 30), GetParam());
  for (Policy* each : {&policy, &loaded}) {
    each->update(more);
    each->undo(gone);
  }
  EXPECT_EQ(proposals(loaded, ask), proposals(policy, ask));
  EXPECT_EQ(saved(loaded)->fingerprint(), saved(policy)->fingerprint());
}

// Bytes are changed under a right checksum: what loads must work, the rest is refused as corrupt.
TEST_P(Bundles, SurviveHostileNumbers) {
  const ReaderPtr reader = saved(taught());
  const Philox random(4, 4);
  const Candidates ask = for_model(world.ask(4), GetParam());
  int refused = 0;
  for (std::uint64_t round = 0; round < 400; ++round) {
    const auto& sections = reader->sections();
    const auto& section =
        sections[random.below(static_cast<std::uint32_t>(sections.size()), round, 0)];
    const auto own = reader->file_bytes().subspan(section.offset, section.bytes);
    std::vector<std::byte> bytes(own.begin(), own.end());
    if (bytes.empty()) continue;
    const std::uint32_t changes = 1 + random.below(4, round, 1);
    for (std::uint32_t c = 0; c < changes; ++c) {
      const auto at = random.below(static_cast<std::uint32_t>(bytes.size()), round, 2 * c + 2);
      bytes[at] = static_cast<std::byte>(random.below(256, round, 2 * c + 3));
    }
    try {
      const Policy loaded = Policy::load(with_section(*reader, section.name, bytes), "policy");
      for (const double p : proposals(loaded, ask)) ASSERT_TRUE(p >= 0 && p <= 1 + 1e-9) << p;
    } catch (const Error& error) {
      const bool of_kind = error.kind() == ErrorKind::kCorruptBundle ||
                           error.kind() == ErrorKind::kInvalidArgument;  // other widths
      ASSERT_TRUE(of_kind) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 10);
}

TEST_P(Bundles, RefuseOptionsAndCountsWithoutSense) {
  const ReaderPtr reader = saved(taught());
  const auto refused = [&](const std::string& from, const std::string& to) {
    try {
      (void)Policy::load(with_meta(*reader, from, to), "policy");
      ADD_FAILURE() << from << " -> " << to;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    }
  };
  refused("\"kind\":\"", "\"kind\":\"un");
  refused("\"l2\":1.0", "\"l2\":-1.0");
  refused("\"l2\":1.0", "\"l2\":\"1\"");
  refused("\"discount\":1.0", "\"discount\":0");
  refused("\"arms\":8", "\"arms\":-8");
  refused("\"arms\":8", "\"arms\":80000000000");
  refused("\"events\":", "\"events\":-");
  refused("\"next_event\":", "\"nothing\":");
  refused("\"draws\":16", "\"draws\":1000000000");
  refused("\"replicas\":10", "\"replicas\":1000000000");
  if (reader->has("policy/models/0/arms/counts")) refused("\"arms\":8", "\"arms\":9");
}

std::string test_name(const ::testing::TestParamInfo<PolicyOptions>& info) {
  return name_of(info.param);
}

INSTANTIATE_TEST_SUITE_P(Every, Bundles, ::testing::ValuesIn(every_policy(3, 2)), test_name);

TEST(Bundle, NegativeSquaresAndCountsAreRefused) {
  const World world(50, 2, 0, 2);
  Policy policy({.kind = PolicyKind::kLinUcb, .dimension = 2});
  policy.ensure_arms(2);
  policy.update(for_model(world.events(), policy.options()));
  const ReaderPtr reader = saved(policy);
  const auto refused = [&](const std::string& name, std::size_t at, std::int64_t value) {
    const auto kept = reader->section(name).shape.size() == 1
                          ? reader->array<std::int64_t>(name).span()
                          : reader->matrix<std::int64_t>(name).flat();
    std::vector<std::int64_t> numbers(kept.begin(), kept.end());
    numbers[at] = value;
    EXPECT_THROW((void)Policy::load(with_section(*reader, name, std::as_bytes(std::span(numbers))),
                                    "policy"),
                 Error)
        << name;
  };
  refused("policy/models/0/arms/counts", 1, -1);
  refused("policy/models/0/arms/low", 0, -1);
}

}  // namespace
}  // namespace penchant::bandits
