// Thousands of seeded mutations of a bundle, half of them with all checksums made right again, so
// that the checks behind the checksums are what stands. Run under AddressSanitizer too.

#include <algorithm>
#include <map>
#include <string>

#include "bundle/allocation_watch.h"
#include "bundle/forge.h"
#include <gtest/gtest.h>

#include "penchant/base/random.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bundle {
namespace {

// A stream of choices for one mutation.
class Choices {
 public:
  explicit Choices(std::uint64_t seed) : random_(seed, 1) {}
  std::size_t below(std::size_t bound) {
    return random_.below(static_cast<std::uint32_t>(bound), 0, step_++);
  }

 private:
  Philox random_;
  std::uint32_t step_ = 0;
};

constexpr std::string_view kPieces[] = {"0",
                                        "1",
                                        "24",
                                        "63",
                                        "64",
                                        "65",
                                        "128",
                                        "2147483648",
                                        "4294967296",
                                        "9007199254740993",
                                        "9223372036854775807",
                                        "9223372036854775808",
                                        "18446744073709551552",
                                        "18446744073709551615",
                                        "18446744073709551616",
                                        "-1",
                                        "-0",
                                        "1.5",
                                        "1e3",
                                        "1e400",
                                        "null",
                                        "true",
                                        "[]",
                                        "{}",
                                        "\"\"",
                                        "[0]",
                                        "[1,1,1,1,1,1,1,1,1]",
                                        "\"u8\"",
                                        "\"f64\"",
                                        "\"x\"",
                                        "\"empty\"",
                                        "[[[[[[[[",
                                        "\\u0000"};

// Replaces one JSON value of the header (numbers, strings) by another piece.
void replace_value(std::string& header, Choices& choices) {
  constexpr std::string_view kEnds = ",]}";
  const std::size_t from = choices.below(header.size());
  const std::size_t before = header.find_first_of(":[,", from);
  if (before == std::string::npos) return;
  const std::size_t after = header.find_first_of(kEnds, before + 1);
  if (after == std::string::npos) return;
  header.replace(before + 1, after - before - 1, kPieces[choices.below(std::size(kPieces))]);
}

void mutate_header(std::string& header, Choices& choices) {
  const std::size_t at = choices.below(header.size());
  switch (choices.below(6)) {
    case 0:
      header[at] = static_cast<char>(choices.below(256));
      break;
    case 1:
      header.erase(at, 1 + choices.below(20));
      break;
    case 2:
      header.insert(at, header.substr(choices.below(header.size()), 1 + choices.below(60)));
      break;
    case 3:
      header.insert(at, kPieces[choices.below(std::size(kPieces))]);
      break;
    default:
      replace_value(header, choices);
  }
}

void mutate_bytes(std::string& file, Choices& choices) {
  const std::size_t at = choices.below(file.size());
  switch (choices.below(5)) {
    case 0:
      file[at] = static_cast<char>(choices.below(256));
      break;
    case 1:
      file.erase(at, 1 + choices.below(128));
      break;
    case 2:
      file.insert(at, std::string(1 + choices.below(128), static_cast<char>(choices.below(256))));
      break;
    case 3:
      file.resize(at + 1);
      break;
    default:
      forge::put(file, 8 * choices.below(8), ~std::uint64_t{0} >> choices.below(64));
  }
}

std::string mutated(const std::string& original, Choices& choices) {
  std::string file = original;
  const std::size_t rounds = 1 + choices.below(3);
  if (choices.below(3) > 0) {
    std::string header = forge::header_of(file);
    for (std::size_t i = 0; i < rounds && !header.empty(); ++i) mutate_header(header, choices);
    file = forge::file_of(header, forge::data_of(original));
  }
  if (choices.below(3) == 0) {
    for (std::size_t i = 0; i < rounds && file.size() > 64; ++i) mutate_bytes(file, choices);
  }
  if (choices.below(2) == 0) forge::repair(file);
  return file;
}

// Reads all there is; what it adds up to does not matter, that it may be read does.
std::size_t touch_everything(const Reader& reader) {
  std::size_t sum = 0;
  const auto file = reader.file_bytes();
  for (const Section& section : reader.sections()) {
    EXPECT_LE(section.offset + section.bytes, file.size());
    EXPECT_EQ(section.offset % kAlignment, 0U);
    for (const std::byte b : file.subspan(section.offset, section.bytes)) {
      sum += static_cast<std::size_t>(b);
    }
    sum += reader.section(section.name).shape.size();
    if (section.shape.size() == 2 && section.dtype == DType::kFloat32) {
      sum += reader.matrix<float>(section.name).flat().size();
    }
  }
  return sum + reader.lineage_json().size();
}

// The first words that tell refusals apart.
std::string reason_of(const std::string& message) {
  static constexpr std::string_view kReasons[] = {"checksum of the prefix",
                                                  "checksum of the header",
                                                  "its checksum differs",
                                                  "not valid JSON",
                                                  "is missing",
                                                  "appears twice",
                                                  "should be",
                                                  "past the end",
                                                  "longer than the file",
                                                  "overflows",
                                                  "'bytes' says",
                                                  "two sections",
                                                  "unknown dtype",
                                                  "a name is",
                                                  "no axis",
                                                  "more than 8 axes",
                                                  "where it does not belong",
                                                  "nested",
                                                  "is padding",
                                                  "the last section",
                                                  "truncated",
                                                  "too long",
                                                  "does not exist",
                                                  "upgrade",
                                                  "the header claims",
                                                  "at most",
                                                  "one JSON object",
                                                  "not a Penchant bundle",
                                                  "not zero",
                                                  "16 lower-case",
                                                  "the header says",
                                                  "without escapes"};
  for (const std::string_view reason : kReasons) {
    if (message.find(reason) != std::string::npos) return std::string(reason);
  }
  return message;
}

TEST(MutatedBundle, IsTakenOrRefusedButNeverWorse) {
  const std::string original = forge::sample_file();
  std::map<std::string, int> outcomes;
  for (std::uint64_t seed = 0; seed < 40'000; ++seed) {
    Choices choices(seed);
    const std::string file = mutated(original, choices);
    auto bytes = forge::to_bytes(file);
    largest_allocation = 0;
    try {
      const auto reader = Reader::from_bytes(std::move(bytes));
      EXPECT_LE(largest_allocation, 4096 + 4 * file.size()) << "seed " << seed;
      touch_everything(*reader);
      ++outcomes["taken"];
    } catch (const Error& error) {
      EXPECT_LE(largest_allocation, 4096 + 4 * file.size()) << "seed " << seed;
      ASSERT_EQ(error.kind(), ErrorKind::kCorruptBundle) << "seed " << seed << error.what();
      ++outcomes[reason_of(error.what())];
    }
  }
  // The mutations reach deep: a test that stops at the first checksum proves little.
  for (const char* reason :
       {"taken", "not valid JSON", "is missing", "appears twice", "should be", "'bytes' says",
        "unknown dtype", "a name is", "where it does not belong", "is padding", "past the end",
        "the last section", "checksum of the header", "truncated"}) {
    EXPECT_GT(outcomes[reason], 0) << reason;
  }
  for (const auto& [reason, count] : outcomes) RecordProperty(reason, count);
}

}  // namespace
}  // namespace penchant::bundle
