#include "penchant/bundle/bundle.h"

#include <cmath>
#include <filesystem>

#include "bundle/forge.h"
#include <gtest/gtest.h>

namespace penchant::bundle {
namespace {

ErrorKind kind_of(auto&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "nothing was thrown";
  return ErrorKind::kUnavailable;
}

TEST(Bundle, ReadsBackWhatWasWritten) {
  const auto reader = Reader::from_bytes(forge::sample_writer().to_bytes(forge::kSampleLineage));
  ASSERT_EQ(reader->sections().size(), 5U);
  const auto factors = reader->matrix<float>("models/0/item_factors");
  EXPECT_EQ(factors.rows, 3U);
  EXPECT_EQ(factors.columns, 2U);
  EXPECT_EQ(factors.row(1)[1], 3.0F);
  EXPECT_TRUE(std::signbit(factors.row(2)[1]));
  const auto offsets = reader->array<std::int64_t>("ids/offsets");
  EXPECT_EQ(std::vector<std::int64_t>(offsets.begin(), offsets.end()),
            (std::vector<std::int64_t>{0, 3, 5}));
  EXPECT_EQ(reader->array<std::int32_t>("ids/rows")[1], -1);
  EXPECT_EQ(reader->matrix<double>("empty").rows, 0U);
  EXPECT_EQ(reader->matrix<double>("empty").columns, 4U);
  EXPECT_EQ(reader->text("models/0/meta"), "{\"kind\":\"als\"}");
  EXPECT_EQ(reader->lineage_json(), forge::kSampleLineage);
  EXPECT_TRUE(reader->has("empty"));
  EXPECT_FALSE(reader->has("emptyy"));
  for (const Section& section : reader->sections()) {
    EXPECT_EQ(section.offset % kAlignment, 0U) << section.name;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(reader->file_bytes().data()) % kAlignment, 0U);
  }
}

TEST(Bundle, AForgedFileEqualsTheWriters) {
  // The helper the other tests build on speaks the same format.
  const std::string file = forge::sample_file();
  EXPECT_EQ(forge::file_of(forge::header_of(file), forge::data_of(file)), file);
  std::string repaired = file;
  forge::repair(repaired);
  EXPECT_EQ(repaired, file);
}

TEST(Bundle, TheSameContentGivesTheSameBytes) {
  EXPECT_EQ(forge::sample_file(), forge::sample_file());
  const auto path = std::filesystem::path(testing::TempDir()) / "deterministic.bundle";
  forge::sample_writer().write_file(path, forge::kSampleLineage);
  const auto reader = Reader::open(path);
  EXPECT_EQ(forge::to_string(reader->file_bytes()), forge::sample_file());
  EXPECT_EQ(reader->fingerprint(),
            Reader::from_bytes(forge::to_bytes(forge::sample_file()))->fingerprint());
  std::filesystem::remove(path);
}

TEST(Bundle, TheFingerprintTellsContentsApart) {
  const auto fingerprint = [](float value, std::string_view lineage) {
    Writer writer;
    writer.add("x", std::vector<float>{value});
    return Reader::from_bytes(writer.to_bytes(lineage))->fingerprint();
  };
  EXPECT_EQ(fingerprint(1, "{}").size(), 16U);
  EXPECT_NE(fingerprint(1, "{}"), fingerprint(2, "{}"));
  EXPECT_NE(fingerprint(1, "{}"), fingerprint(1, "{\"seed\":1}"));
}

TEST(Bundle, HoldsNothingAtAll) {
  const auto reader = Reader::from_bytes(Writer().to_bytes("{}"));
  EXPECT_TRUE(reader->sections().empty());
  EXPECT_EQ(reader->lineage_json(), "{}");
}

TEST(Bundle, ArraysOutliveTheReader) {
  SharedArray<std::int64_t> offsets;
  {
    const auto reader = Reader::from_bytes(forge::to_bytes(forge::sample_file()));
    offsets = reader->array<std::int64_t>("ids/offsets");
  }
  EXPECT_EQ(offsets[2], 5);
}

TEST(Bundle, SharedArraysAreKeptNotCopied) {
  auto values = SharedArray<float>::own(std::vector<float>{1, 2, 3});
  const std::weak_ptr<const void> alive = values.owner();
  Writer copied;
  copied.add("x", values.span());
  Writer shared;
  shared.add("x", values);
  EXPECT_EQ(values.owner().use_count(), 2);
  values = {};
  EXPECT_FALSE(alive.expired());
  EXPECT_EQ(shared.to_bytes("{}"), copied.to_bytes("{}"));
  shared = Writer();
  EXPECT_TRUE(alive.expired());
  Writer unowned;  // a view that nobody owns is copied
  {
    const std::vector<float> local = {1, 2, 3};
    unowned.add("x", SharedArray<float>(nullptr, local));
  }
  EXPECT_EQ(unowned.to_bytes("{}"), copied.to_bytes("{}"));
}

TEST(Bundle, AWrongTypeOrRankIsRefused) {
  const auto reader = Reader::from_bytes(forge::to_bytes(forge::sample_file()));
  const auto corrupt = ErrorKind::kCorruptBundle;
  EXPECT_EQ(kind_of([&] { (void)reader->array<float>("models/0/item_factors"); }), corrupt);
  EXPECT_EQ(kind_of([&] { (void)reader->matrix<double>("models/0/item_factors"); }), corrupt);
  EXPECT_EQ(kind_of([&] { (void)reader->array<std::int32_t>("ids/offsets"); }), corrupt);
  EXPECT_EQ(kind_of([&] { (void)reader->text("ids/offsets"); }), corrupt);
  EXPECT_EQ(kind_of([&] { (void)reader->section("nothing"); }), corrupt);
}

TEST(Bundle, TheWriterRefusesWhatNoReaderWouldTake) {
  Writer writer;
  writer.add_text("taken", "x");
  const auto invalid = ErrorKind::kInvalidArgument;
  for (const std::string& name :
       {std::string(), std::string("Upper"), std::string("a b"), std::string("a\"b"),
        std::string(201, 'a'), std::string("taken"), std::string("a\0b", 3)}) {
    EXPECT_EQ(kind_of([&] { writer.add_text(name, "x"); }), invalid) << name;
  }
  const std::vector<std::byte> four(4);
  const auto add = [&](std::vector<std::uint64_t> shape) {
    return kind_of([&] { writer.add_bytes("x", DType::kFloat32, std::move(shape), four); });
  };
  EXPECT_EQ(add({}), invalid);
  EXPECT_EQ(add({2}), invalid);
  EXPECT_EQ(add({1, 0}), invalid);
  EXPECT_EQ(add({1, 1, 1, 1, 1, 1, 1, 1, 1}), invalid);
  EXPECT_EQ(add({std::uint64_t{1} << 62, 5}), invalid);
  const std::string deep = "{\"a\":" + std::string(31, '[') + std::string(31, ']') + "}";
  for (const std::string& lineage :
       {std::string(), std::string("[]"), std::string("{"), std::string("{}{}"), std::string(" {}"),
        std::string("{}\0}", 4), std::string("{\"a\":\"\xff\"}"), std::string("{\"a\":NaN}"), deep,
        "{\"a\":\"" + std::string(kMaxHeaderBytes, 'x') + "\"}"}) {
    EXPECT_EQ(kind_of([&] { (void)writer.to_bytes(lineage); }), invalid) << lineage.substr(0, 40);
  }
  EXPECT_EQ(Reader::from_bytes(writer.to_bytes("{}"))->sections().size(), 1U);
  Writer hollow;  // a billion rows of nothing
  hollow.add_bytes("x", DType::kFloat32, {1'000'000'000, 0}, {});
  EXPECT_EQ(kind_of([&] { (void)hollow.to_bytes("{}"); }), invalid);
}

TEST(Bundle, LineageIsKeptVerbatim) {
  const std::string deepest = "{\"a\":" + std::string(30, '[') + std::string(30, ']') + "}";
  for (const std::string& lineage :
       {std::string(R"({ "lineage" : {"lineage":{}} , "x":"}]{\"lineage\":{\\" })"), deepest,
        std::string(R"({"sections":[1,{"name":2}],"f":1.10,"g":1e2,"n":null,"k":-3,"k":true})"),
        std::string("{\"caf\xc3\xa9\":\"\\u00e9\"}")}) {
    EXPECT_EQ(Reader::from_bytes(forge::sample_writer().to_bytes(lineage))->lineage_json(),
              lineage);
  }
}

TEST(Bundle, UnknownMembersOfALaterWriterAreSkipped) {
  const std::string file = forge::sample_file();
  std::string header = forge::header_of(file);
  header.insert(1, R"("compression":{"kind":[1,2,{"name":"x"}]},"note":"lineage","n":1.5,)");
  header.insert(header.find("\"name\":\"models"), R"("codec":["zstd",{"level":3}],"extra":null,)");
  const auto same =
      Reader::from_bytes(forge::to_bytes(forge::file_of(header, forge::data_of(file))));
  EXPECT_EQ(same->sections().size(), 5U);
  EXPECT_EQ(same->lineage_json(), forge::kSampleLineage);
  // A later format that says readers of this one may go on.
  header.replace(header.find("\"version\":1"), 11, "\"version\":3");
  const auto later =
      Reader::from_bytes(forge::to_bytes(forge::file_of(header, forge::data_of(file), 3, 1)));
  EXPECT_EQ(later->array<std::int32_t>("ids/rows")[0], 7);
}

}  // namespace
}  // namespace penchant::bundle
