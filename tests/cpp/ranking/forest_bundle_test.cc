// A forest in a bundle: what is saved is read again; what is forged is refused or is a forest.

#include <cstring>
#include <string>
#include <vector>

#include "bundle/forge.h"
#include "ranking/random_forest.h"
#include <gtest/gtest.h>

#include "penchant/base/error.h"
#include "penchant/ranking/forest.h"

namespace penchant::ranking {
namespace {

namespace forge = bundle::forge;

ForestData sample() {
  ForestData data = random_forest({.trees = 6, .leaves = 12, .outputs = 2, .categorical = 0.2}, 3);
  data.link = Link::kSoftmax;
  data.link_slope = 0.75;
  data.feature_names = {"a", "b b", "\xc3\xa9", "d\"", "e\\", "", "g\n"};
  for (std::size_t i = 0; i < data.nodes.size(); ++i) {
    data.nodes[i].gain = 0.5F * static_cast<float>(i);
    data.nodes[i].cover = 7.0 * static_cast<double>(i);
  }
  data.leaf_cover.assign(data.leaves.size(), 2.5);
  return data;
}

std::string saved(const ForestData& data) {
  bundle::Writer writer;
  Forest(data).save(writer, "forest");
  return forge::to_string(writer.to_bytes("{}"));
}

std::shared_ptr<const Forest> loaded(const std::string& file) {
  return Forest::load(bundle::Reader::from_bytes(forge::to_bytes(file)), "forest");
}

void score_some(const Forest& forest) {
  for (const std::size_t rows : {1, 40}) {
    std::vector<double> values(rows * forest.num_features());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 23) - 3;
    std::vector<double> scores(rows * forest.outputs());
    forest.predict_raw(MatrixView<const double>{values.data(), rows, forest.num_features()}, scores,
                       1);
    forest.apply_link(scores);
  }
}

// A forest that can be asked, or a bundle that is said to be corrupt: nothing else.
bool accepted(const std::string& file) {
  try {
    score_some(*loaded(file));
    return true;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    EXPECT_FALSE(std::string(error.what()).empty());
    return false;
  }
}

TEST(ForestBundle, ReadsWhatWasSaved) {
  const ForestData data = sample();
  const std::string file = saved(data);
  const std::shared_ptr<const Forest> forest = loaded(file);
  const ForestData& read = forest->data();
  ASSERT_EQ(read.nodes.size(), data.nodes.size());
  for (std::size_t i = 0; i < data.nodes.size(); ++i) {
    const SplitNode& a = data.nodes[i];
    const SplitNode& b = read.nodes[i];
    EXPECT_EQ(std::signbit(a.threshold), std::signbit(b.threshold));
    EXPECT_EQ(std::tuple(a.threshold, a.feature, a.left, a.right, a.categories, a.missing_left,
                         a.missing, a.gain, a.cover),
              std::tuple(b.threshold, b.feature, b.left, b.right, b.categories, b.missing_left,
                         b.missing, b.gain, b.cover));
  }
  EXPECT_EQ(read.node_begin, data.node_begin);
  EXPECT_EQ(read.leaf_begin, data.leaf_begin);
  EXPECT_EQ(read.leaves, data.leaves);
  EXPECT_EQ(read.leaf_cover, data.leaf_cover);
  EXPECT_EQ(read.category_words, data.category_words);
  EXPECT_EQ(read.category_begin, data.category_begin);
  EXPECT_EQ(read.base, data.base);
  EXPECT_EQ(read.link, data.link);
  EXPECT_EQ(read.link_slope, data.link_slope);
  EXPECT_EQ(read.feature_names, data.feature_names);
  EXPECT_EQ(saved(read), file);
}

TEST(ForestBundle, NamesThatAreNotTextAreRefusedWhenSaved) {
  ForestData data = sample();
  data.feature_names[2] = "\xff";
  EXPECT_THROW(static_cast<void>(saved(data)), Error);
}

TEST(ForestBundle, EveryMissingSectionIsNamed) {
  const auto reader = bundle::Reader::from_bytes(forge::to_bytes(saved(sample())));
  for (const bundle::Section& gone : reader->sections()) {
    bundle::Writer writer;
    for (const bundle::Section& section : reader->sections()) {
      if (section.name == gone.name) continue;
      writer.add_bytes(section.name, section.dtype, section.shape,
                       reader->file_bytes().subspan(section.offset, section.bytes));
    }
    try {
      static_cast<void>(loaded(forge::to_string(writer.to_bytes("{}"))));
      ADD_FAILURE() << gone.name << " may be missing";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle);
      EXPECT_NE(std::string(error.what()).find(gone.name), std::string::npos) << error.what();
    }
  }
}

TEST(ForestBundle, ForgedNumbersNeverCrash) {
  const std::string file = saved(sample());
  const auto reader = bundle::Reader::from_bytes(forge::to_bytes(file));
  std::mt19937_64 random(4);
  constexpr std::int64_t kOdd[] = {-1,
                                   -2,
                                   0,
                                   1,
                                   2,
                                   7,
                                   8,
                                   63,
                                   64,
                                   255,
                                   256,
                                   65535,
                                   1 << 20,
                                   1 << 30,
                                   INT32_MAX,
                                   INT32_MIN,
                                   INT64_MAX,
                                   INT64_MIN,
                                   0x7ff8'0000'0000'0000,
                                   0x7ff0'0000'0000'0000};
  int refused = 0;
  for (int turn = 0; turn < 6000; ++turn) {
    std::string forged = file;
    for (std::uint64_t edits = 1 + random() % 3; edits > 0; --edits) {
      const bundle::Section& section = reader->sections()[random() % reader->sections().size()];
      if (section.bytes == 0) continue;
      const std::size_t size = bundle::dtype_size(section.dtype);
      const std::size_t at = section.offset + random() % (section.bytes / size) * size;
      const std::int64_t value = random() % 2 == 0 ? kOdd[random() % std::size(kOdd)]
                                                   : static_cast<std::int64_t>(random() % 40);
      std::memcpy(forged.data() + at, &value, size);
    }
    forge::repair(forged);
    if (!accepted(forged)) ++refused;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_LT(refused, 6000);
}

TEST(ForestBundle, ForgedTextsNeverCrash) {
  const ForestData data = sample();
  const auto reader = bundle::Reader::from_bytes(forge::to_bytes(saved(data)));
  const std::string meta(reader->text("forest/meta"));
  const std::pair<std::string, std::string> edits[] = {
      {"\"num_features\":7", "\"num_features\":-7"},
      {"\"num_features\":7", "\"num_features\":70000"},
      {"\"num_features\":7", "\"num_features\":7.0"},
      {"\"num_features\":7", "\"num_features\":18446744073709551616"},
      {"\"num_features\":7", "\"num_features\":6"},
      {"softmax", "logit"},
      {"\"softmax\"", "3"},
      {"0.75", "0"},
      {"0.75", "-1"},
      {"0.75", "null"},
      {"0.75", "1e999"},
      {"false", "0"},
      {"[\"a\",", "["},
      {"[\"a\",", "[1,"},
      {"\"link\":", "\"lnk\":"},
      {"{", "["},
  };
  for (const auto& [from, to] : edits) {
    std::string changed = meta;
    ASSERT_NE(changed.find(from), std::string::npos) << from;
    changed.replace(changed.find(from), from.size(), to);
    bundle::Writer writer;
    for (const bundle::Section& section : reader->sections()) {
      if (section.name == "forest/meta") {
        writer.add_text(section.name, changed);
      } else {
        writer.add_bytes(section.name, section.dtype, section.shape,
                         reader->file_bytes().subspan(section.offset, section.bytes));
      }
    }
    EXPECT_FALSE(accepted(forge::to_string(writer.to_bytes("{}")))) << to;
  }
}

}  // namespace
}  // namespace penchant::ranking
