// Processes that are killed, disks that are full, folders that are read-only: for real.

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "store/temporary_folder.h"
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "penchant/base/error.h"
#include "penchant/store/log.h"

namespace penchant::store {
namespace {

namespace fs = std::filesystem;

std::string record_of(std::uint64_t number) {
  return std::to_string(number) + std::string(static_cast<std::size_t>(number * 37 % 5000), 'x');
}

// Writes until it is killed, and says through `out` which records were acknowledged.
[[noreturn]] void write_on(const fs::path& folder, Durability durability, int out) {
  const auto log = Log::open(folder);
  for (;;) {
    const std::uint64_t number = log->next();
    const std::string one = record_of(number);
    const std::string two = record_of(number + 1);
    const std::vector<std::string_view> both{one, two};
    log->append(both, durability);
    const std::uint64_t last = number + 1;
    if (::write(out, &last, sizeof last) != sizeof last) ::_exit(1);
  }
}

// Runs `act` in a process of its own; its exit status.
template <class F>
int in_child(F&& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = act();
    } catch (const Error& error) {
      std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(status);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Records from 1 to next() - 1, each as it was written.
std::uint64_t count_sound(const Log& log) {
  std::uint64_t count = 0;
  log.read(1, [&](std::uint64_t number, std::string_view record) {
    EXPECT_EQ(number, ++count);
    EXPECT_EQ(record, record_of(number));
    return true;
  });
  return count;
}

class CrashTest : public ::testing::Test {
 protected:
#ifdef __SANITIZE_THREAD__
  void SetUp() override { GTEST_SKIP() << "ThreadSanitizer ends a fork that starts threads"; }
#endif
  penchant::testing::TemporaryFolder folder_;
};

TEST_F(CrashTest, WhatWasAcknowledgedSurvivesSigkill) {
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 8; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      write_on(folder_.path(), round % 2 == 0 ? Durability::kProcess : Durability::kPower, ends[1]);
    }
    ::close(ends[1]);
    std::uint64_t last = 0;
    const std::uint64_t enough = acknowledged + 100 + 30 * static_cast<std::uint64_t>(round);
    while (acknowledged < enough && ::read(ends[0], &last, sizeof last) == sizeof last) {
      acknowledged = last;
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (::read(ends[0], &last, sizeof last) == sizeof last) acknowledged = last;
    ::close(ends[0]);
    const auto log = Log::open(folder_.path());
    const std::uint64_t found = count_sound(*log);
    EXPECT_GE(found, acknowledged);
    EXPECT_EQ(found % 2, 0U);  // both of an append, or none
    EXPECT_EQ(log->next(), found + 1);
    acknowledged = found;
  }
}

// The newest write-ahead log of the folder.
fs::path wal_of(const fs::path& folder) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(folder / "records")) {
    if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
  }
  return newest;
}

// A log with `records` in its write-ahead log alone: the process ends without closing it.
void leave_unclosed(const fs::path& folder, std::uint64_t records) {
  ASSERT_EQ(in_child([&] {
              const auto log = Log::open(folder);
              for (std::uint64_t n = 1; n <= records; ++n) {
                const std::string record = record_of(n);
                const std::vector<std::string_view> one{record};
                log->append(one, Durability::kPower);
              }
              ::_exit(0);
              return 0;
            }),
            0);
}

TEST_F(CrashTest, ATornTailIsCutOff) {
  leave_unclosed(folder_.path(), 40);
  const fs::path wal = wal_of(folder_.path());
  const auto whole = fs::file_size(wal);
  const fs::path copy = folder_.path() / "copy";
  std::uint64_t before = 41;
  for (std::uintmax_t cut = 1; cut < whole; cut += whole / 23) {
    fs::remove_all(copy);
    fs::create_directories(copy);
    fs::copy(folder_.path() / "records", copy / "records", fs::copy_options::recursive);
    fs::resize_file(wal_of(copy), whole - cut);
    const auto log = Log::open(copy);
    const std::uint64_t found = count_sound(*log);
    EXPECT_LT(found, before);
    EXPECT_EQ(log->next(), found + 1);
    before = found + 1;
    const std::string record = record_of(found + 1);
    const std::vector<std::string_view> one{record};
    EXPECT_EQ(log->append(one, Durability::kPower), found + 1);
  }
}

TEST_F(CrashTest, DamageBeforeTheEndIsNotPassedOver) {
  leave_unclosed(folder_.path(), 40);
  const fs::path wal = wal_of(folder_.path());
  {
    std::fstream file(wal, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(fs::file_size(wal) / 2));
    file.put('\x55').put('\x56').put('\x57');
  }
  try {
    (void)Log::open(folder_.path());
    FAIL() << "opened a damaged log";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    EXPECT_NE(std::string(error.what()).find("cut_at_damage"), std::string::npos);
  }
  const auto log = Log::open(folder_.path(), {.cut_at_damage = true});
  const std::uint64_t found = count_sound(*log);
  EXPECT_GT(found, 5U);
  EXPECT_LT(found, 40U);
}

TEST_F(CrashTest, AnotherProcessIsRefusedUntilTheFirstIsGone) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    const auto log = Log::open(folder_.path());
    if (::write(ends[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  char ready = 0;
  ASSERT_EQ(::read(ends[0], &ready, 1), 1);
  try {
    (void)Log::open(folder_.path());
    ADD_FAILURE() << "two processes have it";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUnavailable) << error.what();
  }
  ::kill(owner, SIGKILL);
  int status = 0;
  ::waitpid(owner, &status, 0);
  ::close(ends[0]);
  EXPECT_EQ(Log::open(folder_.path())->next(), 1U);
}

// A limit on the size of files stands in for a full disk: the system refuses the write half-way.
TEST_F(CrashTest, AFullDiskLosesNothingThatWasAcknowledged) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto log = Log::open(folder_.path());
    const rlimit limit{.rlim_cur = 100'000, .rlim_max = 100'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (std::uint64_t n = 1; n < 1000; ++n) {
      const std::string record = record_of(n);
      const std::vector<std::string_view> one{record};
      try {
        log->append(one, Durability::kPower);
      } catch (const Error& error) {
        // It says what happened, takes no more, and can still be read.
        bool again = false;
        try {
          log->append(one, Durability::kProcess);
        } catch (const Error& second) {
          again = second.kind() == ErrorKind::kIo;
        }
        const bool sound = count_sound(*log) == n - 1;
        const bool clear = error.kind() == ErrorKind::kIo;
        return again && sound && clear && ::write(ends[1], &n, sizeof n) == sizeof n ? 7 : 8;
      }
    }
    return 9;
  });
  EXPECT_EQ(status, 7);
  std::uint64_t refused = 0;
  ASSERT_EQ(::read(ends[0], &refused, sizeof refused), static_cast<ssize_t>(sizeof refused));
  ::close(ends[0]);
  ::close(ends[1]);
  const auto log = Log::open(folder_.path());
  EXPECT_GE(count_sound(*log), refused - 1);
}

TEST_F(CrashTest, AFolderThatIsReadOnlyIsAClearError) {
  {
    const auto log = Log::open(folder_.path());
    const std::vector<std::string_view> one{"1"};
    log->append(one, Durability::kPower);
  }
  EXPECT_EQ(in_child([&] {
              fs::permissions(folder_.path() / "records", fs::perms(0555));
              if (::geteuid() == 0 && ::setuid(65534) != 0) return 6;  // root may write anywhere
              try {
                (void)Log::open(folder_.path());
              } catch (const Error& error) {
                return error.kind() == ErrorKind::kIo ? 7 : 8;
              }
              return 9;
            }),
            7);
  fs::permissions(folder_.path() / "records", fs::perms(0755));
}

}  // namespace
}  // namespace penchant::store
