// Broken and lying files: each is refused as a corrupt bundle, with a reason.

#include <string>

#include "bundle/forge.h"
#include <gtest/gtest.h>

#include "penchant/bundle/bundle.h"

namespace penchant::bundle {
namespace {

// The message of the refusal; fails the test when the file is taken or refused otherwise.
std::string refusal(const std::string& file) {
  try {
    (void)Reader::from_bytes(forge::to_bytes(file));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle) << error.what();
    return error.what();
  }
  return "taken";
}

void expect_refused(const std::string& file, const std::string& reason, const std::string& what) {
  const std::string message = refusal(file);
  EXPECT_NE(message.find(reason), std::string::npos) << what << ": got '" << message << "'";
  EXPECT_LT(message.size(), 600U) << "a message must not quote a hostile file at length";
}

std::string with_header(const std::string& from, const std::string& to) {
  const std::string file = forge::sample_file();
  std::string header = forge::header_of(file);
  const std::size_t at = header.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  header.replace(at, from.size(), to);
  return forge::file_of(header, forge::data_of(file));
}

TEST(CorruptBundle, EveryTruncationIsFound) {
  const std::string file = forge::sample_file();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(refusal(file.substr(0, size)), "taken") << size;
    // The same with a prefix that owns up to the new size.
    std::string sealed = file.substr(0, size);
    if (size >= 64) {
      forge::put(sealed, 32, std::uint64_t{size});
      forge::seal(sealed);
    }
    EXPECT_NE(refusal(sealed), "taken") << size;
  }
  for (const std::size_t more : {1, 63, 64, 4096}) {
    EXPECT_NE(refusal(file + std::string(more, '\0')), "taken");
    std::string sealed = file + std::string(more, '\0');
    forge::put(sealed, 32, std::uint64_t{sealed.size()});
    forge::seal(sealed);
    expect_refused(sealed, "the last section ends", "trailing bytes");
  }
}

TEST(CorruptBundle, EveryFlippedBitIsFound) {
  std::string file = forge::sample_file();
  ASSERT_EQ(refusal(file), "taken");
  for (std::size_t at = 0; at < file.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      file[at] = static_cast<char>(file[at] ^ (1 << bit));
      EXPECT_NE(refusal(file), "taken") << "byte " << at << ", bit " << bit;
      file[at] = static_cast<char>(file[at] ^ (1 << bit));
    }
  }
}

TEST(CorruptBundle, EveryPaddingByteMustBeZero) {
  const std::string file = forge::sample_file();
  const auto reader = Reader::from_bytes(forge::to_bytes(file));
  std::vector<bool> covered(file.size(), false);
  std::fill(covered.begin(), covered.begin() + 64 + reader->header_json().size(), true);
  for (const Section& section : reader->sections()) {
    std::fill_n(covered.begin() + static_cast<long>(section.offset), section.bytes, true);
  }
  EXPECT_GT(std::count(covered.begin(), covered.end(), false), 64);
  for (std::size_t at = 0; at < file.size(); ++at) {
    if (covered[at]) continue;
    std::string changed = file;
    changed[at] = 1;
    expect_refused(changed, "is padding", std::to_string(at));
  }
}

TEST(CorruptBundle, VersionsAreToldApart) {
  const std::string file = forge::sample_file();
  const std::string header = forge::header_of(file);
  const std::string data = forge::data_of(file);
  expect_refused(forge::file_of(header, data, 2, 2), "reader of bundle format 2", "newer");
  expect_refused(forge::file_of(header, data, ~0U, ~0U), "upgrade", "newest");
  expect_refused(forge::file_of(header, data, 0, 0), "does not exist", "zero");
  expect_refused(forge::file_of(header, data, 1, 0), "does not exist", "oldest zero");
  expect_refused(forge::file_of(header, data, 0, 1), "does not exist", "oldest above version");
  expect_refused(forge::file_of(header, data, 2, 1), "the header says format 1", "disagreement");
  // A future layout behind the first 16 bytes gets the same clear answer.
  std::string future = forge::file_of(header, data, 2, 2);
  future.replace(16, 48, 48, 'x');
  expect_refused(future, "reader of bundle format 2", "future prefix");
}

TEST(CorruptBundle, ThePrefixIsChecked) {
  const auto with = [](std::size_t at, std::uint64_t value) {
    std::string file = forge::sample_file();
    forge::put(file, at, value);
    // Not seal(): the header's checksum stays that of the whole header.
    forge::put(file, 56, XXH3_64bits(file.data(), 56));
    return file;
  };
  const std::uint64_t size = forge::sample_file().size();
  expect_refused("", "not a Penchant bundle", "empty");
  expect_refused("PK\x03\x04 something else entirely, long enough to hold a prefix .......",
                 "not a Penchant bundle", "another format");
  expect_refused(with(16, size), "the header claims", "header longer than the file");
  expect_refused(with(16, kMaxHeaderBytes + 1), "at most", "header cap");
  expect_refused(with(16, ~0ULL), "at most", "header cap");
  expect_refused(with(16, ~0ULL - 63), "at most", "header cap");
  expect_refused(with(16, 0), "checksum of the header", "no header");
  expect_refused(with(24, 1), "checksum of the header", "header checksum");
  expect_refused(with(32, size + 1), "truncated", "longer file");
  expect_refused(with(32, size - 1), "too long", "shorter file");
  expect_refused(with(40, 1), "not zero", "reserved");
  expect_refused(with(48, 1ULL << 63), "not zero", "reserved");
  std::string file = forge::sample_file();
  forge::put(file, 56, std::uint64_t{0});
  expect_refused(file, "checksum of the prefix", "prefix checksum");
}

TEST(CorruptBundle, LyingSectionsAreRefused) {
  struct Lie {
    std::string from, to, reason;
  };
  const std::string factors = R"("shape":[3,2],"offset":0,"bytes":24)";
  const Lie lies[] = {
      {factors, R"("shape":[3,3],"offset":0,"bytes":24)", "make 36 bytes"},
      {factors, R"("shape":[3,3],"offset":0,"bytes":36)", "checksum differs"},
      {factors, R"("shape":[5,4],"offset":0,"bytes":80)", "should be"},  // runs into the next
      {factors, R"("shape":[6],"offset":64,"bytes":24)", "should be"},
      {factors, R"("shape":[3,2],"offset":1,"bytes":24)", "should be"},
      {factors, R"("shape":[3,2],"offset":18446744073709551552,"bytes":24)", "should be"},
      {factors, R"("shape":[4611686018427387904,4],"offset":0,"bytes":24)", "overflows"},
      {factors, R"("shape":[4611686018427387904,4],"offset":0,"bytes":0)", "overflows"},
      {factors, R"("shape":[18446744073709551615],"offset":0,"bytes":24)", "overflows"},
      {factors, R"("shape":[4294967296,1073741823],"offset":0,"bytes":18446744056529682432)",
       "past the end"},
      {factors, R"("shape":[9223372036854775808,9223372036854775808,0],"offset":0,"bytes":0)",
       "overflows"},
      {factors, R"("shape":[4000000000,0],"offset":0,"bytes":0)", "longer than the file"},
      {factors, R"("shape":[0,4000000000],"offset":0,"bytes":0)", "longer than the file"},
      {factors, R"("shape":[],"offset":0,"bytes":24)", "no axis"},
      {factors, R"("shape":[3,2,1,1,1,1,1,1,1],"offset":0,"bytes":24)", "more than 8 axes"},
      {factors, R"("shape":[3,-2],"offset":0,"bytes":24)", "negative"},
      {factors, R"("shape":[3,2.0],"offset":0,"bytes":24)", "no 64-bit integer"},
      {factors, R"("shape":[3,18446744073709551616],"offset":0,"bytes":24)", "no 64-bit integer"},
      {factors, R"("shape":[3,"2"],"offset":0,"bytes":24)", "text where"},
      {factors, R"("shape":[3,[2]],"offset":0,"bytes":24)", "an array where"},
      {factors, R"("shape":6,"offset":0,"bytes":24)", "a number where"},
      {factors, R"("shape":null,"offset":0,"bytes":24)", "null where"},
      {factors, R"("shape":{},"offset":0,"bytes":24)", "an object where"},
      {factors, R"("shape":[3,2],"offset":"0","bytes":24)", "text where"},
      {factors, R"("shape":[3,2],"offset":0,"bytes":true)", "a truth value where"},
      {factors, R"("shape":[3,2],"offset":0,"bytes":1e999)", "not valid JSON"},
      {factors, R"("shape":[3,2],"offset":0,"offset":0,"bytes":24)", "appears twice"},
      {factors, R"("shape":[3,2],"shape":[3,2],"offset":0,"bytes":24)", "appears twice"},
      {factors, R"("shape":[3,2],"offset":0)", "'bytes' is missing"},
      {factors, R"("offset":0,"bytes":24)", "'shape' is missing"},
      {R"("name":"empty")", R"("name":"ids/rows")", "two sections are named"},
      {R"("name":"empty")", R"("name":"../etc/Passwd")", "a name is"},
      {R"("name":"empty")", R"("name":"")", "a name is"},
      {R"("name":"empty")", R"("name":"em\u0000pty")", "a name is"},
      {R"("name":"empty")", R"("name":["empty"])", "an array where"},
      {R"("name":"empty")", "\"name\":\"" + std::string(100'000, 'a') + '"', "a name is"},
      {R"("dtype":"f64")", R"("dtype":"f32")", "taken"},  // of no elements: nothing contradicts it
      {R"("dtype":"f64")", R"("dtype":"O")", "unknown dtype"},
      {R"("dtype":"f64")", R"("dtype":"f64 ")", "unknown dtype"},
      {R"("xxh3":")", R"("xxh3":"0)", "16 lower-case"},
      {R"("xxh3":")", R"("xxh3":5,"_":")", "a number where"},
  };
  for (const Lie& lie : lies) {
    const std::string file = with_header(lie.from, lie.to);
    expect_refused(file, lie.reason, lie.to.substr(0, 200));
  }
}

TEST(CorruptBundle, SectionsOutOfOrderAreRefused) {
  const std::string file = forge::sample_file();
  auto header = nlohmann::ordered_json::parse(forge::header_of(file));
  std::swap(header["sections"][0], header["sections"][1]);
  expect_refused(forge::file_of(header.dump(), forge::data_of(file)), "should be", "swapped");
  header = nlohmann::ordered_json::parse(forge::header_of(file));
  header["sections"].erase(2);
  expect_refused(forge::file_of(header.dump(), forge::data_of(file)), "should be", "gap");
  header["sections"].clear();
  expect_refused(forge::file_of(header.dump(), forge::data_of(file)), "last section ends", "none");
}

TEST(CorruptBundle, StrangeHeadersAreRefused) {
  const std::string valid = forge::header_of(forge::sample_file());
  const std::string data = forge::data_of(forge::sample_file());
  const std::string rest = R"("producer":"p","lineage":{},"sections":[]})";
  const std::string start = R"({"version":1,"oldest_reader":1,)";
  ASSERT_EQ(refusal(forge::file_of(start + rest, "")), "taken");
  const std::pair<std::string, std::string> headers[] = {
      {"", "one JSON object"},
      {"{}", "is missing"},
      {"[]", "one JSON object"},
      {"null", "one JSON object"},
      {" " + start + rest, "one JSON object"},
      {start + rest + "\n", "one JSON object"},
      {"\xef\xbb\xbf" + start + rest, "one JSON object"},
      {start + rest + std::string("\0}", 2), "one JSON object"},
      {start + rest + "{}", "not valid JSON"},
      {start + "/* */" + rest, "not valid JSON"},
      {start + R"("x":"\)" + rest, "not valid JSON"},
      {start + "\"x\":\"\xff\"," + rest, "not valid JSON"},
      {start + R"("x":1e999,)" + rest, "not valid JSON"},
      {start + R"("x":"\ud800",)" + rest, "not valid JSON"},
      {start + R"("x":)" + std::string(31, '[') + std::string(31, ']') + "," + rest, "taken"},
      {start + R"("x":)" + std::string(32, '[') + std::string(32, ']') + "," + rest, "nested"},
      {start + R"("x":)" + std::string(1'000'000, '[') + "}", "nested"},
      {start + R"("version":1,)" + rest, "appears twice"},
      {start + R"("lin\u0065age":{},)" + rest, "appears twice"},
      {R"({"version":1.0,"oldest_reader":1,)" + rest, "no 64-bit integer"},
      {R"({"version":"1","oldest_reader":1,)" + rest, "text where"},
      {R"({"version":2,"oldest_reader":1,)" + rest, "the header says format 2"},
      {R"({"version":4294967297,"oldest_reader":1,)" + rest, "the header says format"},
      {R"({"version":1,"oldest_reader":0,)" + rest, "oldest reader 0"},
      {R"({"oldest_reader":1,)" + rest, "'version' is missing"},
      {start + R"("producer":"p","sections":[]})", "'lineage' is missing"},
      {start + R"("producer":"p","lineage":{}})", "'sections' is missing"},
      {start + R"("producer":"p","lineage":[],"sections":[]})", "an array where"},
      {start + R"("producer":"p","lineage":"{}","sections":[]})", "text where"},
      {start + R"("producer":1,"lineage":{},"sections":[]})", "a number where"},
      {start + R"("producer":"p","lineage":{},"sections":{}})", "an object where"},
      {start + R"("producer":"p","lineage":{},"sections":[[]]})", "an array where"},
      {start + R"("producer":"p","lineage":{},"sections":[1]})", "a number where"},
      {start + R"("producer":"p","lineage":{},"sections":["a"]})", "text where"},
      {start + R"("producer":"p","lineage":{},"sections":[{}]})", "'name' is missing"},
      {start + R"("producer":"p","lin\u0065age":{},"sections":[]})", "without escapes"},
  };
  for (const auto& [header, reason] : headers) {
    expect_refused(forge::file_of(header, ""), reason, header.substr(0, 120));
  }
  // A stray value after a section must not land in that section's last field.
  for (const char* stray : {",1]}", ",\"0000000000000000\"]}", ",null]}", ",[]]}"}) {
    const std::string header = valid.substr(0, valid.size() - 2) + stray;
    expect_refused(forge::file_of(header, data), "where it does not belong", stray);
  }
}

TEST(CorruptBundle, AChangedSectionIsNamed) {
  std::string file = forge::sample_file();
  const auto reader = Reader::from_bytes(forge::to_bytes(file));
  file[reader->section("ids/rows").offset] ^= 1;
  expect_refused(file, "section 'ids/rows': its checksum differs", "contents");
}

}  // namespace
}  // namespace penchant::bundle
