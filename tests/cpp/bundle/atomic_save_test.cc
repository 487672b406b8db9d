// Saving: a bundle appears whole or not at all, and what was there before stays until then.

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "bundle/forge.h"
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "penchant/bundle/bundle.h"

namespace penchant::bundle {
namespace {

namespace fs = std::filesystem;

class AtomicSave : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "penchant-save-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  static std::string read(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
  static ErrorKind kind_of(auto&& call) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()), "");
      return error.kind();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorKind::kUnavailable;
  }

  fs::path folder_;
};

Writer one_section(std::size_t size, char fill = 'x') {
  Writer writer;
  writer.add_text("text", std::string(size, fill));
  return writer;
}

// A disk that is full after `bytes`, as far as this process can tell.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_F(AtomicSave, AFailingWriteLeavesTheOldFile) {
  const fs::path path = folder_ / "shop.penchant";
  one_section(100).write_file(path, "{}");
  const std::string before = read(path);
  for (const rlim_t limit : {rlim_t{0}, rlim_t{10}, rlim_t{64}, rlim_t{200}, rlim_t{50'000}}) {
    const FileSizeLimit full(limit);
    EXPECT_EQ(kind_of([&] { one_section(100'000).write_file(path, "{}"); }), ErrorKind::kIo);
    EXPECT_EQ(kind_of([&] { write_file_atomically(path, std::vector<std::byte>(60'000)); }),
              ErrorKind::kIo);
    EXPECT_EQ(read(path), before);
    EXPECT_EQ(files(), 1U) << "a temporary was left behind";
  }
}

TEST_F(AtomicSave, AFailingReplacementLeavesNoTemporary) {
  fs::create_directories(folder_ / "taken" / "inside");
  EXPECT_EQ(kind_of([&] { one_section(1).write_file(folder_ / "taken", "{}"); }), ErrorKind::kIo);
  EXPECT_EQ(files(), 1U);
  EXPECT_EQ(kind_of([&] { one_section(1).write_file(folder_ / "no" / "folder", "{}"); }),
            ErrorKind::kIo);
  EXPECT_EQ(kind_of([&] { one_section(1).write_file(folder_ / "", "{}"); }),
            ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([&] { one_section(1).write_file(folder_ / "x", "not JSON"); }),
            ErrorKind::kInvalidArgument);
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicSave, TheModeHonoursTheUmask) {
  const auto mode_under = [&](mode_t mask) {
    const mode_t before = ::umask(mask);
    const fs::path path = folder_ / ("mode" + std::to_string(mask));
    one_section(1).write_file(path, "{}");
    ::umask(before);
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 0777U;
  };
  EXPECT_EQ(mode_under(022), 0644U);
  EXPECT_EQ(mode_under(077), 0600U);
}

TEST_F(AtomicSave, AnOpenReaderKeepsTheFileItOpened) {
  const fs::path path = folder_ / "shop.penchant";
  one_section(10'000, 'a').write_file(path, "{}");
  const auto old = Reader::open(path);
  one_section(5, 'b').write_file(path, "{}");
  EXPECT_EQ(old->text("text"), std::string(10'000, 'a'));
  const auto fresh = Reader::open(path);
  EXPECT_EQ(fresh->text("text"), "bbbbb");
}

TEST_F(AtomicSave, SavingAtOnceFromManyThreadsLeavesOneWholeFile) {
  const fs::path path = folder_ / std::string(255, 'n');  // as long as a name may be
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        one_section(1'000 + 1'000 * t, static_cast<char>('a' + t)).write_file(path, "{}");
        const auto reader = Reader::open(path);
        const std::string_view text = reader->text("text");
        EXPECT_EQ(text.find_first_not_of(text.substr(0, 1)), std::string_view::npos);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicSave, WhatCanNotBeReadSaysWhy) {
  EXPECT_EQ(kind_of([&] { (void)Reader::open(folder_ / "nothing"); }), ErrorKind::kNotFound);
  EXPECT_EQ(kind_of([&] { (void)Reader::open(folder_); }), ErrorKind::kIo);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(kind_of([&] { (void)Reader::open(folder_ / "pipe"); }), ErrorKind::kIo);
  std::ofstream(folder_ / "empty").close();
  EXPECT_EQ(kind_of([&] { (void)Reader::open(folder_ / "empty"); }), ErrorKind::kCorruptBundle);
  std::ofstream(folder_ / "text") << "subject,item\n";
  try {
    (void)Reader::open(folder_ / "text");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kCorruptBundle);
    EXPECT_NE(std::string(error.what()).find((folder_ / "text").string()), std::string::npos);
  }
}

}  // namespace
}  // namespace penchant::bundle
