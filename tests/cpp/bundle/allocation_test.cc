// Memory: what a hostile file can make a reader ask for, and what saving costs.

#include <algorithm>
#include <filesystem>
#include <string>

#include "bundle/allocation_watch.h"
#include "bundle/forge.h"
#include <gtest/gtest.h>

#include "penchant/bundle/bundle.h"

thread_local std::size_t penchant::bundle::largest_allocation = 0;

namespace {

void watch_allocation(std::size_t size) {
  using penchant::bundle::largest_allocation;
  largest_allocation = std::max(largest_allocation, size);
}

}  // namespace

#include "reference/watched_new.h"

namespace penchant::bundle {
namespace {

TEST(BundleMemory, AHostileHeaderCostsMemoryInProportion) {
  const auto cost = [](const std::string& header) {
    auto bytes = forge::to_bytes(forge::file_of(header, ""));
    const std::size_t size = bytes.size();
    largest_allocation = 0;
    EXPECT_THROW((void)Reader::from_bytes(std::move(bytes)), Error);
    return static_cast<double>(largest_allocation) / static_cast<double>(size);
  };
  const std::string start = R"({"version":1,"oldest_reader":1,"producer":"p","lineage":{},)";
  std::string numbers = start + R"("x":[0)";
  for (int i = 0; i < 1'000'000; ++i) numbers += ",0";
  EXPECT_LT(cost(numbers + "]}"), 2.0);
  std::string sections = start + R"("sections":[)";
  for (int i = 0; i < 20'000; ++i) {
    sections +=
        R"({"name":"a","dtype":"u8","shape":[0],"offset":0,"bytes":0,"xxh3":"0000000000000000"},)";
  }
  EXPECT_LT(cost(sections + "{}]}"), 4.0);
  EXPECT_LT(cost(start + R"("x":)" + std::string(1'000'000, '[') + "}"), 2.0);
  EXPECT_LT(cost(start + "\"x\":\"" + std::string(1'000'000, 'x') + "\"]"), 4.0);
}

TEST(BundleMemory, SavingMakesNoSecondCopy) {
  const auto big = SharedArray<float>::own(std::vector<float>(1 << 20, 1.0F));
  const auto path = std::filesystem::path(testing::TempDir()) / "memory.bundle";
  largest_allocation = 0;
  Writer writer;
  writer.add("big", big);
  writer.write_file(path, "{}");
  EXPECT_LT(largest_allocation, 64U << 10);
  const auto reader = Reader::open(path);
  EXPECT_LT(largest_allocation, 64U << 10);
  EXPECT_EQ(reader->array<float>("big").size(), big.size());
  // A copy is exactly as large as what it copies.
  Writer copying;
  copying.add("big", big.span());
  EXPECT_LT(largest_allocation, big.span().size_bytes() + 4096);
  EXPECT_LT(copying.to_bytes("{}").capacity(), big.span().size_bytes() + 4096);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace penchant::bundle
