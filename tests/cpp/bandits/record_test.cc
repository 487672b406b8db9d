#include "penchant/bandits/record.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "bandits/loop_fixture.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::bandits {
namespace {

std::vector<Record> samples() {
  Decided full = testing::decided(7, 5, std::string("p\0q", 3), {"\"a\"", "-17"});
  full.slots[0].features = {1, 2};
  full.slots[1].features = {3, -0.0};
  full.seed = ~std::uint64_t{0};
  full.candidates = 99;
  return {full,
          testing::decided(0, -3),
          Rewarded{.decision = 3, .slot = 2, .arm = "\"b\"", .value = -1.5, .id = "x", .time = {9}},
          Rewarded{},
          Passed{{12}},
          Forgotten{"someone"},
          Forgotten{},
          Blanked{.id = 4, .time = {1}, .policy = "p", .slots = 3},
          Opened{6}};
}

template <class F>
void expect_kind(ErrorKind kind, F&& act) {
  try {
    act();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
  }
}

TEST(RecordTest, EveryKindComesBackAsItWas) {
  for (const Record& record : samples()) {
    const std::string bytes = encode(record);
    EXPECT_EQ(decode(bytes), record);
    EXPECT_EQ(encode(decode(bytes)), bytes);
  }
}

// Written by another program, from docs/decision_log.md: must read for ever.
TEST(RecordTest, GoldenRecordsReadAndAreWrittenAlike) {
  const char* folder = std::getenv("PENCHANT_GOLDEN");
  ASSERT_NE(folder, nullptr);
  std::ifstream file(std::string(folder) + "/decision_log/records_v1.txt");
  std::vector<Record> expected = samples();
  auto& full = std::get<Decided>(expected[0]);
  full.context = std::get<Decided>(expected[1]).context = {0.5, -3};
  std::string line;
  std::size_t read = 0;
  for (; std::getline(file, line); ++read) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < line.size(); i += 2) {
      bytes += static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16));
    }
    ASSERT_LT(read, expected.size());
    EXPECT_EQ(decode(bytes), expected[read]) << read;
    EXPECT_EQ(encode(expected[read]), bytes) << read;
  }
  EXPECT_EQ(read, expected.size());
}

TEST(RecordTest, AnyByteThatChangesOrIsMissingIsNoticed) {
  for (const Record& record : samples()) {
    const std::string bytes = encode(record);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (const int bit : {0, 3, 7}) {
        std::string other = bytes;
        other[at] = static_cast<char>(other[at] ^ (1 << bit));
        expect_kind(ErrorKind::kBadData, [&] { (void)decode(other); });
      }
      expect_kind(ErrorKind::kBadData, [&] { (void)decode(bytes.substr(0, at)); });
    }
    expect_kind(ErrorKind::kBadData, [&] { (void)decode(bytes + '\0'); });
  }
}

TEST(RecordTest, WhatMakesNoSenseIsNotWritten) {
  const auto refused = [](const Record& record) {
    expect_kind(ErrorKind::kInvalidArgument, [&] { (void)encode(record); });
  };
  const Decided good = testing::decided(1, 1, "s", {"\"a\"", "\"b\""});
  (void)encode(good);
  const auto with = [&](auto&& change) {
    Decided other = good;
    change(other);
    refused(other);
  };
  with([](Decided& d) { d.time = {}; });
  with([](Decided& d) { d.slots.clear(); });
  with([](Decided& d) { d.slots[1].arm = d.slots[0].arm; });
  with([](Decided& d) { d.slots[0].arm = "a"; });
  with([](Decided& d) { d.slots[0].arm = "1.5"; });
  with([](Decided& d) { d.slots[0].arm = ""; });
  with([](Decided& d) { d.slots[0].propensity = 0; });
  with([](Decided& d) { d.slots[0].propensity = 1.0000001; });
  with([](Decided& d) { d.slots[0].propensity = std::nan(""); });
  with([](Decided& d) { d.slots[0].features = {1}; });
  with([](Decided& d) { d.context[0] = std::numeric_limits<double>::infinity(); });
  with([](Decided& d) { d.context.assign(kMaxNumbers + 1, 0); });
  with([](Decided& d) { d.subject.assign(kMaxTextBytes + 1, 'x'); });
  with([](Decided& d) { d.slots.assign(kMaxSlots + 1, d.slots[0]); });
  refused(Rewarded{.value = std::nan("")});
  refused(Rewarded{.value = 1.1e6});
  refused(Rewarded{.id = std::string(kMaxTextBytes + 1, 'x')});
  refused(Rewarded{.arm = "x"});
  refused(Passed{});
  refused(Blanked{.time = {1}, .slots = 0});
}

TEST(RecordTest, TheHashIsOfTheCandidatesInTheirOrder) {
  using Views = std::vector<std::string_view>;
  const auto hash = [](const Views& arms, const std::vector<double>& features = {}) {
    return candidates_hash(arms, features);
  };
  EXPECT_EQ(hash({"1", "2"}), hash({"1", "2"}));
  EXPECT_NE(hash({"1", "2"}), hash({"2", "1"}));
  EXPECT_NE(hash({"1", "23"}), hash({"12", "3"}));
  EXPECT_NE(hash({"1"}, {1}), hash({"1"}, {2}));
  const std::vector<std::string_view> three{"1", "2", "3"};
  const std::vector<double> pairs{1, 2, 3, 4, 5, 6};
  const std::vector<std::uint8_t> second{0, 1, 0};
  EXPECT_EQ(candidates_hash(three, pairs, second), hash({"1", "3"}, {1, 2, 5, 6}));
  EXPECT_EQ(candidates_hash(three, {}, second), hash({"1", "3"}));
}

}  // namespace
}  // namespace penchant::bandits
