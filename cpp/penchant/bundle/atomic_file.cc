#include "penchant/bundle/atomic_file.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "penchant/base/error.h"
#include "penchant/bundle/bundle.h"

namespace penchant::bundle {
namespace {

// The most that one write(2) takes on Linux, rounded down to something round.
constexpr std::size_t kMaxWrite = std::size_t{1} << 30;

[[noreturn]] void fail_io(std::string_view doing, const std::filesystem::path& path, int error) {
  fail(ErrorKind::kIo,
       concat("can't ", doing, " '", path.string(), "': ", std::generic_category().message(error)));
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// So that the rename itself survives a power cut.
void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;  // a folder that may be written but not listed: nothing to be done
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  // Some file systems have no such thing; the file itself is safe.
  if (error != 0 && error != EINVAL && error != ENOTSUP) fail_io("sync folder", folder, error);
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& target) : target_(target) {
  check_argument(target.has_filename(), "a bundle needs a file name; got '", target.string(), "'");
  // Process and number keep apart whatever saves at the same time; a leftover of a process that
  // died with the same number is skipped over.
  static std::atomic<std::uint64_t> counter{0};
  do {
    temporary_ = folder_of(target) / concat(".penchant-", static_cast<long>(::getpid()), "-",
                                            counter.fetch_add(1), ".tmp");
    // The mode is what any new file gets: 0666 less the umask.
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
  if (descriptor_ < 0) fail_io("create a file beside", target, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), std::min(bytes.size(), kMaxWrite));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail_io("write", target_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail_io("sync", target_, errno);
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0 && errno != EINTR) fail_io("close", target_, errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_io("replace", target_, errno);
  temporary_.clear();
  sync_folder(folder_of(target_));
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace penchant::bundle
