#include "penchant/store/log.h"

#include <fstream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "store/temporary_folder.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"

namespace penchant::store {
namespace {

using Records = std::vector<std::pair<std::uint64_t, std::string>>;

Records all_of(const Log& log, std::uint64_t from = 1) {
  Records out;
  log.read(from, [&](std::uint64_t number, std::string_view record) {
    out.emplace_back(number, record);
    return true;
  });
  return out;
}

std::uint64_t add(Log& log, const std::vector<std::string>& records,
                  Durability durability = Durability::kProcess) {
  const std::vector<std::string_view> views(records.begin(), records.end());
  return log.append(views, durability);
}

template <class F>
ErrorKind kind_of(F&& act) {
  try {
    act();
  } catch (const Error& error) {
    EXPECT_FALSE(std::string_view(error.what()).empty());
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::kNotFound;
}

class LogTest : public ::testing::Test {
 protected:
  penchant::testing::TemporaryFolder folder_;
};

TEST_F(LogTest, GivesRecordsBackInOrderAfterOpeningAgain) {
  {
    const auto log = Log::open(folder_.path());
    EXPECT_EQ(log->first(), 1U);
    EXPECT_EQ(log->next(), 1U);
    EXPECT_EQ(add(*log, {"a", "", std::string("c\0d", 3)}), 1U);
    EXPECT_EQ(add(*log, {"e"}, Durability::kPower), 4U);
    EXPECT_EQ(add(*log, {}), 5U);
  }
  const auto log = Log::open(folder_.path());
  EXPECT_EQ(all_of(*log), (Records{{1, "a"}, {2, ""}, {3, std::string("c\0d", 3)}, {4, "e"}}));
  EXPECT_EQ(all_of(*log, 3).size(), 2U);
  EXPECT_EQ(all_of(*log, 5).size(), 0U);
  EXPECT_EQ(add(*log, {"f"}), 5U);
}

TEST_F(LogTest, StopsWhenTheVisitorHasEnough) {
  const auto log = Log::open(folder_.path());
  add(*log, {"a", "b", "c"});
  int seen = 0;
  log->read(1, [&](std::uint64_t, std::string_view) { return ++seen < 2; });
  EXPECT_EQ(seen, 2);
}

TEST_F(LogTest, TrimsAndReplaces) {
  {
    const auto log = Log::open(folder_.path());
    add(*log, {"a", "b", "c", "d"});
    log->trim(3);
    EXPECT_EQ(log->first(), 3U);
    EXPECT_EQ(all_of(*log), (Records{{3, "c"}, {4, "d"}}));
    log->trim(2);  // before what is there: nothing
    const std::vector<Log::Replacement> other{{4, "D"}};
    log->replace(other);
    EXPECT_EQ(kind_of([&] {
                log->replace(std::vector<Log::Replacement>{{2, "x"}});
              }),
              ErrorKind::kInvalidArgument);
    EXPECT_EQ(kind_of([&] {
                log->replace(std::vector<Log::Replacement>{{5, "x"}});
              }),
              ErrorKind::kInvalidArgument);
  }
  const auto log = Log::open(folder_.path());
  EXPECT_EQ(all_of(*log), (Records{{3, "c"}, {4, "D"}}));
  log->trim(100);
  EXPECT_EQ(log->first(), 5U);
  EXPECT_EQ(log->next(), 5U);
}

TEST_F(LogTest, FindsRecordsByTheirTag) {
  const auto tagged = [](const Log& log, std::uint64_t tag) {
    Records out;
    log.read_tagged(tag, [&](std::uint64_t number, std::string_view record) {
      out.emplace_back(number, record);
      return true;
    });
    return out;
  };
  const std::uint64_t most = ~std::uint64_t{0};
  {
    const auto log = Log::open(folder_.path());
    const std::vector<std::string_view> records{"a", "b", "c", "d"};
    const std::vector<Tag> tags{7, std::nullopt, 7, most};
    EXPECT_EQ(log->append(records, Durability::kProcess, tags), 1U);
    add(*log, {"e"});
    EXPECT_EQ(kind_of([&] { log->append(records, Durability::kProcess, std::vector<Tag>{1}); }),
              ErrorKind::kInvalidArgument);
    const std::vector<Tag> zero{0};
    log->append(std::span(records).first(1), Durability::kPower, zero);
  }
  const auto log = Log::open(folder_.path());
  EXPECT_EQ(log->next(), 7U);
  EXPECT_EQ(tagged(*log, 7), (Records{{1, "a"}, {3, "c"}}));
  EXPECT_EQ(tagged(*log, most), (Records{{4, "d"}}));
  EXPECT_EQ(tagged(*log, 0), (Records{{6, "a"}}));
  EXPECT_EQ(tagged(*log, 8), Records{});
  log->replace(std::vector<Log::Replacement>{{3, "C"}});
  log->trim(2);
  EXPECT_EQ(tagged(*log, 7), (Records{{3, "C"}}));
  EXPECT_EQ(all_of(*log).size(), 5U);
  log->trim(100);
  for (const std::uint64_t tag : {std::uint64_t{0}, std::uint64_t{7}, most}) {
    EXPECT_EQ(tagged(*log, tag), Records{});
  }
}

// Tags of neighbours share keys where they are appended together; what is found must not show it.
TEST_F(LogTest, FindsWhatAMapOfTagsFinds) {
  const Philox random(3, 0x54414753);
  std::map<std::uint64_t, Records> plain;
  std::set<std::uint64_t> asked;
  std::uint64_t draw = 0;
  auto log = Log::open(folder_.path());
  for (int append = 0; append < 60; ++append) {
    std::vector<std::string> records;
    std::vector<Tag> tags;
    for (std::uint32_t left = 1 + random.below(40, draw, 0); left > 0; --left, ++draw) {
      const std::uint64_t number = log->next() + records.size();
      records.push_back("record " + std::to_string(number));
      const std::uint64_t bases[] = {0, 1020, std::uint64_t{7} << 32, ~std::uint64_t{0} - 8};
      const std::uint64_t tag = bases[random.below(4, draw, 1)] + random.below(9, draw, 2);
      tags.push_back(random.uniform(draw, 3) < 0.2 ? Tag() : Tag(tag));
      asked.insert(tag);
      if (tags.back()) plain[tag].emplace_back(number, records.back());
    }
    const std::vector<std::string_view> views(records.begin(), records.end());
    log->append(views, Durability::kProcess, tags);
    if (append % 20 == 10) {
      log.reset();
      log = Log::open(folder_.path());
    }
    if (append == 40) {
      const std::uint64_t cut = log->next() / 3;
      log->trim(cut);
      for (auto& [tag, theirs] : plain) {
        std::erase_if(theirs, [&](const auto& one) { return one.first < cut; });
      }
    }
    for (const std::uint64_t tag : asked) {
      Records found;
      log->read_tagged(tag, [&](std::uint64_t number, std::string_view record) {
        found.emplace_back(number, record);
        return true;
      });
      ASSERT_EQ(found, plain[tag]) << tag << " after " << append;
    }
  }
}

std::uintmax_t bytes_in(const std::filesystem::path& folder) {
  std::uintmax_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".sst") sum += entry.file_size();
  }
  return sum;
}

TEST_F(LogTest, WhatWasTrimmedLeavesTheDiskWithItsTags) {
  const auto log = Log::open(folder_.path());
  const Philox random(5, 0x54414753);
  std::vector<std::string_view> records(1000, "r");
  for (std::uint64_t append = 0; append < 30; ++append) {
    std::vector<Tag> tags;
    for (std::uint64_t r = 0; r < records.size(); ++r) {
      tags.emplace_back(
          append < 15 ? static_cast<std::uint64_t>(random.uniform(append * 1000 + r, 0) * 0x1p53)
                      : append * 1000 + r);
    }
    log->append(records, Durability::kProcess, tags);
  }
  const std::vector<Log::Replacement> last{{30'000, "s"}};
  log->replace(last);  // flushes and rewrites what there is
  EXPECT_GT(bytes_in(folder_.path()), 200'000U);
  log->trim(30'000);
  log->replace(last);
  EXPECT_LT(bytes_in(folder_.path()), 10'000U);
  EXPECT_EQ(all_of(*log), (Records{{30'000, "s"}}));
}

TEST_F(LogTest, ATrimmedLogThatIsEmptyKeepsCounting) {
  {
    const auto log = Log::open(folder_.path());
    add(*log, {"a", "b"});
    log->trim(3);
  }
  const auto log = Log::open(folder_.path());
  EXPECT_EQ(add(*log, {"c"}), 3U);
}

// Erasure: nothing in the folder has the bytes any more.
TEST_F(LogTest, ReplacedBytesAreGoneFromTheFolder) {
  const std::string secret = "the-secret-of-one-person-0123456789";
  const auto log = Log::open(folder_.path());
  add(*log, {"a", secret, "c"}, Durability::kPower);
  log->replace(std::vector<Log::Replacement>{{2, "-"}});
  EXPECT_EQ(all_of(*log), (Records{{1, "a"}, {2, "-"}, {3, "c"}}));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find(secret), std::string::npos) << entry.path();
  }
}

TEST_F(LogTest, SnapshotsAreWholeAndNeverAheadOfTheLog) {
  {
    const auto log = Log::open(folder_.path());
    EXPECT_FALSE(log->snapshot("loop").has_value());
    add(*log, {"a", "b"});
    log->put_snapshot("loop", "one", 1);
    log->put_snapshot("loop", std::string("two\0", 4), 2);
    EXPECT_EQ(kind_of([&] { log->put_snapshot("loop", "three", 3); }), ErrorKind::kInvalidArgument);
    EXPECT_EQ(kind_of([&] { log->put_snapshot("../loop", "x", 1); }), ErrorKind::kInvalidArgument);
  }
  const auto log = Log::open(folder_.path());
  EXPECT_EQ(log->snapshot("loop")->bytes, std::string("two\0", 4));
  EXPECT_EQ(log->snapshot("loop")->sequence, 2U);
  const auto path = folder_.path() / "loop.snapshot";
  const auto size = std::filesystem::file_size(path);
  for (std::uintmax_t at = 0; at < size; ++at) {  // any byte that changes is noticed
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const char was = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(was ^ 1));
    file.close();
    EXPECT_EQ(kind_of([&] { (void)log->snapshot("loop"); }), ErrorKind::kBadData) << at;
    std::fstream back(path, std::ios::binary | std::ios::in | std::ios::out);
    back.seekp(static_cast<std::streamoff>(at));
    back.put(was);
  }
  EXPECT_EQ(log->snapshot("loop")->sequence, 2U);
  std::filesystem::resize_file(path, size - 1);
  EXPECT_EQ(kind_of([&] { (void)log->snapshot("loop"); }), ErrorKind::kBadData);
}

TEST_F(LogTest, ASecondOwnerIsRefusedAndTheFirstGoesOn) {
  const auto log = Log::open(folder_.path());
  EXPECT_EQ(kind_of([&] { (void)Log::open(folder_.path()); }), ErrorKind::kUnavailable);
  EXPECT_EQ(add(*log, {"a"}), 1U);
}

TEST_F(LogTest, IsReadBesideItsOwner) {
  const auto owner = Log::open(folder_.path());
  add(*owner, {"a", "b", "c", "d"});
  const auto reader = Log::open(folder_.path(), {.read_only = true});
  EXPECT_EQ(reader->id(), owner->id());
  EXPECT_FALSE(reader->id().empty());
  add(*owner, {"e"});
  const Records seen{{1, "a"}, {2, "b"}, {3, "c"}, {4, "d"}};
  EXPECT_EQ(all_of(*reader), seen);
  owner->replace(std::vector<Log::Replacement>{{2, ""}});
  owner->trim(3);
  EXPECT_EQ(all_of(*reader), seen);  // as it was
  EXPECT_EQ(all_of(*Log::open(folder_.path(), {.read_only = true})),
            (Records{{3, "c"}, {4, "d"}, {5, "e"}}));
  reader->trim(4);
  EXPECT_EQ(all_of(*reader), (Records{{4, "d"}}));
  EXPECT_EQ(kind_of([&] { add(*reader, {"x"}); }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([&] { reader->put_snapshot("x", "", 1); }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([&] {
              reader->replace(std::vector<Log::Replacement>{{4, ""}});
            }),
            ErrorKind::kInvalidArgument);
  reader->sync();
  add(*owner, {"f"});
  EXPECT_EQ(owner->next(), 7U);
  EXPECT_EQ(kind_of([&] { (void)Log::open(folder_.path() / "none", {.read_only = true}); }),
            ErrorKind::kNotFound);
}

TEST_F(LogTest, SaysHowFarItWasFollowed) {
  const auto log = Log::open(folder_.path() / "one");
  add(*log, {"a", "b"});
  EXPECT_EQ(log->followed({.log = log->id(), .through = 2}), 2U);
  EXPECT_EQ(log->followed({.log = "another", .through = 9}), 0U);
  EXPECT_EQ(log->followed({}), 0U);
  EXPECT_EQ(kind_of([&] { (void)log->followed({.log = log->id(), .through = 3}); }),
            ErrorKind::kBadData);
  EXPECT_NE(Log::open(folder_.path() / "other")->id(), log->id());
}

TEST_F(LogTest, SaysWhatIsNotThere) {
  EXPECT_EQ(kind_of([&] { (void)Log::open(folder_.path() / "no", {.create = false}); }),
            ErrorKind::kNotFound);
  std::ofstream(folder_.path() / "file") << "x";
  EXPECT_EQ(kind_of([&] { (void)Log::open(folder_.path() / "file"); }), ErrorKind::kIo);
}

TEST_F(LogTest, RefusesARecordThatIsTooLarge) {
  const auto log = Log::open(folder_.path());
  const std::string large(kMaxRecordBytes + 1, 'x');
  EXPECT_EQ(kind_of([&] { add(*log, {"a", large}); }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(log->next(), 1U);
}

TEST_F(LogTest, WritersShareTheOrderAndTheDisk) {
  constexpr int kWriters = 4;
  constexpr int kEach = 50;
  {
    const auto log = Log::open(folder_.path());
    std::vector<std::thread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        for (int i = 0; i < kEach; ++i) {
          const std::string record = std::to_string(w) + ":" + std::to_string(i);
          const std::uint64_t number = add(*log, {record, record}, Durability::kPower);
          log->read(number, [&](std::uint64_t, std::string_view found) {
            EXPECT_EQ(found, record);
            return false;
          });
        }
      });
    }
    for (std::thread& writer : writers) writer.join();
  }
  const auto log = Log::open(folder_.path());
  std::vector<int> next(kWriters, 0);
  const Records found = all_of(*log);
  ASSERT_EQ(found.size(), 2U * kWriters * kEach);
  for (std::size_t i = 0; i < found.size(); i += 2) {
    EXPECT_EQ(found[i].second, found[i + 1].second);  // a batch stays together
    const auto writer = static_cast<std::size_t>(found[i].second[0] - '0');
    EXPECT_EQ(found[i].second, std::to_string(writer) + ":" + std::to_string(next[writer]++));
  }
}

}  // namespace
}  // namespace penchant::store
