#include "penchant/data/attributes.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "penchant/base/error.h"

namespace penchant::data {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
using Texts = std::vector<std::string>;

template <class T>
SharedArray<T> own(std::vector<T> values) {
  return SharedArray<T>::own(std::move(values));
}

// Three people: age of the first two, tags of the first and the last.
std::vector<AttributeTable::Column> columns() {
  return {{.name = "tags",
           .texts = IdMap::from_strings({"red", "blue"}),
           .offsets = own<std::int64_t>({0, 2, 2, 3}),
           .codes = own<std::int32_t>({1, 0, 0})},
          {.name = "age", .numeric = true, .numbers = own<double>({30, 41.5, kUnknown})}};
}

TEST(AttributeTable, ReadsWhatIsKnownAndKeepsWhatIsSaid) {
  const AttributeTable table(3, columns());
  Attributes out;
  table.read(UserIndex(0), out);
  EXPECT_EQ(out, (Attributes{{"age", 30.0}, {"tags", Texts{"red", "blue"}}}));
  out = {{"age", 99.0}};
  table.read(UserIndex(1), out);
  EXPECT_EQ(out, (Attributes{{"age", 99.0}}));
  for (const int row : {-1, 3}) table.read(UserIndex(row), out);
  EXPECT_EQ(out.size(), 1U);
}

TEST(AttributeTable, ComesBackFromABundle) {
  const AttributeTable table(3, columns());
  bundle::Writer writer;
  table.save(writer, "a");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const AttributeTable loaded = AttributeTable::load(*reader, "a", 3);
  for (int row = 0; row < 3; ++row) {
    Attributes before;
    Attributes after;
    table.read(UserIndex(row), before);
    loaded.read(UserIndex(row), after);
    EXPECT_EQ(before, after);
  }
  bundle::Writer again;
  loaded.save(again, "a");
  EXPECT_EQ(again.to_bytes("{}"), writer.to_bytes("{}"));
  EXPECT_THROW((void)AttributeTable::load(*reader, "a", 4), Error);
}

TEST(AttributeTable, WhatDoesNotFitIsRefused) {
  const std::vector<std::function<void(std::vector<AttributeTable::Column>&)>> faults = {
      [](auto& c) { c[0].name = "age"; },
      [](auto& c) {
        c[0].offsets = own<std::int64_t>({0, 2, 3});
      },
      [](auto& c) {
        c[0].offsets = own<std::int64_t>({0, 2, 1, 3});
      },
      [](auto& c) {
        c[0].offsets = own<std::int64_t>({0, 2, 2, 4});
      },
      [](auto& c) { c[0].offsets = {}; },
      [](auto& c) {
        c[0].codes = own<std::int32_t>({1, 0, 2});
      },
      [](auto& c) {
        c[0].codes = own<std::int32_t>({1, 0, -1});
      },
      [](auto& c) {
        c[0].texts = IdMap::from_integers({1, 2});
      },
      [](auto& c) {
        c[1].numbers = own<double>({1, 2});
      },
      [](auto& c) {
        c[1].numbers = own<double>({1, 2, -INFINITY});
      },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    auto bad = columns();
    faults[i](bad);
    EXPECT_THROW(AttributeTable(3, std::move(bad)), Error) << i;
  }
}

TEST(AttributeTable, ASectionThatLiesIsRefused) {
  bundle::Writer writer;
  AttributeTable(3, columns()).save(writer, "a");
  const auto reader = bundle::Reader::from_bytes(writer.to_bytes("{}"));
  const auto refused = [&](const std::string& name, auto values) {
    bundle::Writer forged;
    for (const bundle::Section& section : reader->sections()) {
      if (section.name == name) {
        forged.add(name, values);
      } else {
        forged.add_bytes(section.name, section.dtype, section.shape,
                         reader->file_bytes().subspan(section.offset, section.bytes));
      }
    }
    const auto hostile = bundle::Reader::from_bytes(forged.to_bytes("{}"));
    try {
      (void)AttributeTable::load(*hostile, "a", 3);
      ADD_FAILURE() << name << " was believed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    }
  };
  refused("a/numeric", std::vector<std::uint8_t>{1});
  refused("a/numeric", std::vector<std::uint8_t>{0, 1});  // the numbers are said to be texts
  refused("a/names/offsets", std::vector<std::int64_t>{0, 3, 2});
  refused("a/0/numbers", std::vector<double>{1, 2, INFINITY});
  refused("a/1/offsets", std::vector<std::int64_t>{0, 1LL << 60, 2, 3});
  refused("a/1/codes", std::vector<std::int32_t>{0, 0, 77});
}

TEST(AttributeRows, PutTheGivenBeforeTheTable) {
  const AttributeTable table(3, columns());
  const std::vector rows = {UserIndex(1), UserIndex(-1)};
  const Attributes given = {{"region", Texts{"north"}}};
  Attributes buffer;
  EXPECT_EQ(AttributeRows{}.of(0, buffer), nullptr);
  EXPECT_EQ((AttributeRows{nullptr, {}, &given}.of(7, buffer)), &given);
  EXPECT_EQ(*(AttributeRows{&table, rows, nullptr}.of(0, buffer)), (Attributes{{"age", 41.5}}));
  EXPECT_EQ(*(AttributeRows{&table, rows, &given}.of(0, buffer)),
            (Attributes{{"age", 41.5}, {"region", Texts{"north"}}}));
  EXPECT_EQ(*(AttributeRows{&table, rows, &given}.of(1, buffer)), given);
}

}  // namespace
}  // namespace penchant::data
