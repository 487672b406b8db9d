#include "penchant/data/id_map.h"

#include <limits>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/base/random.h"
#include "penchant/data/utf8.h"

namespace penchant::data {
namespace {

IdMap saved_and_loaded(const IdMap& ids) {
  bundle::Writer writer;
  ids.save(writer, "items");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  return IdMap::load(*reader, "items");
}

TEST(IdMap, SortsAndFindsStrings) {
  const IdMap ids = IdMap::from_strings({"85123A", "22423", "", "22423", "é", "Z"});
  ASSERT_EQ(ids.size(), 5U);
  EXPECT_EQ(ids.string(0), "");
  EXPECT_EQ(ids.text(1), "22423");
  EXPECT_EQ(ids.string(4), "é");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(ids.find(ids.string(i)), static_cast<std::int32_t>(i));
  }
  EXPECT_EQ(ids.find(std::int64_t{22423}), 1);  // by its decimal text
  for (const char* unknown : {"2242", "224233", "a", "~", "\xff"}) EXPECT_EQ(ids.find(unknown), -1);
  EXPECT_EQ(ids.find(std::int64_t{7}), -1);
}

TEST(IdMap, SortsAndFindsIntegers) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  const IdMap ids = IdMap::from_integers({17850, -3, kMax, 0, kMin, 17850});
  ASSERT_EQ(ids.size(), 5U);
  EXPECT_EQ(ids.integer(0), kMin);
  EXPECT_EQ(ids.find(std::int64_t{17850}), 3);
  EXPECT_EQ(ids.find("17850"), 3);
  EXPECT_EQ(ids.find("-3"), 1);
  EXPECT_EQ(ids.find("0"), 2);
  EXPECT_EQ(ids.find(std::to_string(kMin)), 0);
  for (const char* odd : {"", "-", "-0", "00", "017850", "+17850", " 17850", "17850 ", "17850.0",
                          "1e3", "9223372036854775808", "-03"}) {
    EXPECT_EQ(ids.find(odd), -1) << odd;
  }
}

TEST(IdMap, FindsWhatASetFinds) {
  const Philox random(4, 1);
  for (std::uint32_t trial = 0; trial < 50; ++trial) {
    std::set<std::string> wanted;
    std::vector<std::string> given;
    const std::uint32_t count = random.below(80, trial, 0);
    for (std::uint32_t i = 0; i < count; ++i) {
      std::string id;
      const std::uint32_t length = random.below(4, trial, 1 + 8 * i);
      for (std::uint32_t j = 0; j < length; ++j) {
        id += static_cast<char>('a' + random.below(3, trial, 2 + 8 * i + j));
      }
      wanted.insert(id);
      given.push_back(id);
    }
    const IdMap ids = IdMap::from_strings(given);
    ASSERT_EQ(ids.size(), wanted.size());
    std::int32_t index = 0;
    for (const std::string& id : wanted) {
      EXPECT_EQ(ids.string(static_cast<std::size_t>(index)), id);
      EXPECT_EQ(ids.find(id), index++);
    }
    EXPECT_EQ(ids.find("abcd"), -1);
    EXPECT_EQ(saved_and_loaded(ids), ids);
  }
}

TEST(IdMap, SubsetKeepsOrder) {
  const IdMap texts = IdMap::from_strings({"a", "b", "c", "d"});
  const std::vector<std::int32_t> some = {0, 2, 3};
  EXPECT_EQ(texts.subset(some), IdMap::from_strings({"a", "c", "d"}));
  EXPECT_EQ(IdMap::from_integers({5, 6, 7, 8}).subset(some), IdMap::from_integers({5, 7, 8}));
  EXPECT_EQ(texts.subset({}).size(), 0U);
  EXPECT_THROW((void)texts.subset(std::vector<std::int32_t>{2, 1}), Error);
  EXPECT_THROW((void)texts.subset(std::vector<std::int32_t>{4}), Error);
  EXPECT_THROW((void)texts.subset(std::vector<std::int32_t>{-1}), Error);
}

TEST(IdMap, SurvivesABundle) {
  EXPECT_EQ(saved_and_loaded(IdMap()).size(), 0U);
  EXPECT_EQ(saved_and_loaded(IdMap()).find("x"), -1);
  const IdMap integers = IdMap::from_integers({3, 1, 2});
  EXPECT_EQ(saved_and_loaded(integers), integers);
  EXPECT_EQ(saved_and_loaded(IdMap::from_integers({})).kind(), IdKind::kInteger);
  EXPECT_FALSE(IdMap::from_integers({}) == IdMap());
}

void expect_corrupt(const bundle::Writer& writer) {
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  try {
    (void)IdMap::load(*reader, "items");
    FAIL() << "loaded";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
  }
}

TEST(IdMap, RefusesBundlesThatLie) {
  const std::string text = "abab";
  const std::span<const char> bytes(text.data(), text.size());
  for (const std::vector<std::int64_t>& offsets :
       {std::vector<std::int64_t>{},
        {0},
        {1, 4},
        {0, 5},
        {0, 3},
        {0, -1, 4},
        {0, 3, 2, 4},
        {0, 2, 4} /* ab = ab */,
        {0, 0, 0, 4} /* twice the empty id */,
        {0, 1, 2, 4} /* a, b, ab */,
        {0, std::numeric_limits<std::int64_t>::max(), 4}}) {
    bundle::Writer writer;
    writer.add("items/offsets", std::span<const std::int64_t>(offsets));
    writer.add("items/bytes", bytes);
    expect_corrupt(writer);
  }
  for (const std::vector<std::int64_t>& ids :
       {std::vector<std::int64_t>{2, 1}, {1, 1}, {0, 5, 4}}) {
    bundle::Writer writer;
    writer.add("items/integers", std::span<const std::int64_t>(ids));
    expect_corrupt(writer);
  }
  bundle::Writer wrong_type;
  wrong_type.add_text("items/integers", "12345678");
  expect_corrupt(wrong_type);
  expect_corrupt(bundle::Writer());
  bundle::Writer not_text;
  const std::vector<std::int64_t> one = {0, 1};
  not_text.add("items/offsets", std::span<const std::int64_t>(one));
  not_text.add("items/bytes", std::span<const char>("\xff", 1));
  expect_corrupt(not_text);
}

TEST(Utf8, TakesWellFormedTextOnly) {
  for (const std::string_view good :
       {"", "abc", "\x7f", "é", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a€😀b"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  EXPECT_TRUE(is_utf8(std::string_view("\0", 1)));
  for (const std::string_view bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x28\xa1",
        "\xf0\x9f\x98"}) {
    EXPECT_FALSE(is_utf8(bad)) << bad;
  }
  EXPECT_THROW((void)IdMap::from_strings({"\xff"}), Error);
}

}  // namespace
}  // namespace penchant::data
